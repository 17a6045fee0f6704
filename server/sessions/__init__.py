"""Conversations that outlive their connections: what is kept, what is asked, what is answered.

Start reading at `conversation`. The protocol is in `docs/sessions.md`, the words in `core/session_wire`.
"""
