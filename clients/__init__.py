"""Clients of the reference server, each in a language of its own; they import nothing of `server` and `harness`."""
