"""The reference server: a WebSocket broadcast server that loses nobody when it is told to stop.

Start reading at `main`, then `app`; what a shutdown does is in `drain/shutdown`, its rules in `drain/machine`.
"""
