"""`--workers N`: several processes on one port, and the parent that starts, replaces and drains them.

Start reading at `parent`, then `supervisor`; what a worker does with the signals of its parent is in `worker_server`.
"""
