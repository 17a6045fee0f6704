"""The log: one line a transition, one a batch, never one a connection.

Owns where the lines of this server go (stderr, in uvicorn's style) and quiets uvicorn's line per connection.
"""

from __future__ import annotations

import logging
import sys

logger = logging.getLogger("ebb")


def set_up_logs(level: str) -> None:
    """Write our lines from `level` on to stderr. Doing it twice is the same as once."""
    logger.setLevel(level.upper())
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s:     %(message)s"))
        logger.addHandler(handler)
        logging.getLogger("uvicorn.error").addFilter(_is_about_more_than_one_connection)


def _is_about_more_than_one_connection(record: logging.LogRecord) -> bool:
    message = str(record.msg)
    return not ('"WebSocket %s"' in message or message.startswith("connection "))
