"""Load, chaos and verdicts for a WebSocket server that is told to stop: a black box to any server.

What was observed goes into a `history`; the `clauses` are pure functions of it. Everything that touches a
process, a socket or a clock lives elsewhere in this package and only records.
"""
