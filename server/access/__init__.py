"""Who may come in, what they may then do, and until when.

Owns what a client shows (a token), how that is checked, and from which pages a browser may ask. Refuses to know
connections, routes and what is said. Start reading at `identity`.
"""
