"""`--workers N`: several processes on one port, and the parent that starts, replaces and drains them.

Start reading at `parent`, then `host`; what a worker does with what it is told is in `retire`.
"""
