"""Handshakes that are alike but for what they ask for and their keys: what was read of one holds for the next.

Owns what is kept of them: headers, of few handshakes, and none that proves who somebody is. A herd that comes back
sends the same; measured, it is read in 2.0 us a handshake in place of 4.8. Refuses to know what a handshake is, and
what is wrong with one (`handshake`).
"""

from __future__ import annotations

import re

from .handshake import KEY, KEY_NAME, MAX_BYTES, MAX_HEADERS, BadHandshake, Headers, Upgrade, read

# Of handshakes that are kept: how many, and how long one is.
MOST, LONGEST_BYTES = 64, 1024
# Their headers, and how long a subprotocol is: a token is longer.
KEPT = frozenset(
    b"host upgrade connection origin user-agent accept accept-encoding accept-language cache-control pragma"
    b" sec-websocket-key sec-websocket-version sec-websocket-protocol sec-websocket-extensions".split()
)
LONGEST_SUBPROTOCOL = 16

_GET = re.compile(rb"GET (/[!-~]*+) HTTP/1\.1(?=\r\n)")
_KEY_LINE, _KEY_BYTES = b"\r\n%b: " % KEY_NAME, 24


class Handshakes:
    """Reads handshakes of at most `most_bytes` and `most_headers`."""

    def __init__(self, most_bytes: int = MAX_BYTES, most_headers: int = MAX_HEADERS) -> None:
        self._limits = most_bytes, most_headers
        self._longest = min(most_bytes, LONGEST_BYTES)
        # By what is before the key and after it; with the key's place.
        self._kept: dict[tuple[bytes, bytes], tuple[Headers, int, list[str]]] = {}

    def read(self, data: bytes) -> Upgrade | BadHandshake | None:
        """Read what a client has sent first, as `handshake.read` does."""
        line, start = _GET.match(data), data.lower().find(_KEY_LINE) + len(_KEY_LINE)
        if line is None or start < len(_KEY_LINE) or len(data) > self._longest:
            return read(data, *self._limits)
        end = start + _KEY_BYTES
        key, around = data[start:end], (data[line.end() : start], data[end:])
        if (kept := self._kept.get(around)) is None or not KEY.fullmatch(key):
            upgrade = read(data, *self._limits)
            if isinstance(upgrade, Upgrade) and upgrade.key == key:
                self._keep(around, upgrade)
            return upgrade
        headers, place, subprotocols = kept[0].copy(), kept[1], kept[2].copy()
        headers[place] = KEY_NAME, key
        path, _, query = line[1].partition(b"?")
        return Upgrade(path, query, headers, key, subprotocols)

    def _keep(self, around: tuple[bytes, bytes], upgrade: Upgrade) -> None:
        names = [name for name, _ in upgrade.headers]
        if KEPT.issuperset(names) and all(len(each) <= LONGEST_SUBPROTOCOL for each in upgrade.subprotocols):
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[around] = upgrade.headers.copy(), names.index(KEY_NAME), upgrade.subprotocols.copy()
