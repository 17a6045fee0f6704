"""What a name may be: of a client, a room, a class, a session.

Names are kept for as long as somebody uses them, and are in log lines and in what others read: so they are short, and
of one line. Refuses to know whose they are (see `access`).
"""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # category Cc of Unicode


def complaint_about(what: str, name: str, limit_bytes: int) -> str | None:
    """Say what is wrong with a name, or None. `limit_bytes` counts it as UTF-8."""
    if (size := len(name.encode(errors="replace"))) > limit_bytes:
        return f"{what} of {size} bytes, limit {limit_bytes}"
    if (found := CONTROL.search(name)) is not None:
        return f"{what} with the control character U+{ord(found[0]):04X}"
    return None
