"""How much a client may take of a server that others need as well.

Owns how fast clients may send, and what is counted and logged of those who go beyond. Refuses to know connections,
routes and what is said. Start reading at `rate`.
"""
