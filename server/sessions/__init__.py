"""Conversations that outlive their connections: what is kept, what is asked, what is answered.

Start reading at `registry`. The protocol is in `docs/sessions.md`, the words in `messages/sessions`.
"""
