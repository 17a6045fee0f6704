"""By what a repeated message is recognised: whose it is, and what it names.

Owns the form of a key. It is of one length, whatever a client calls itself and its messages, and does not tell what
that was. Two routes never have the same one. How many are known of one owner, and for how long, is up to the broker.
"""

from __future__ import annotations

import hashlib

HASH_BYTES = 16


def key_of(owner: str, route: str, id: str) -> str:
    """Make the key `OWNER:MARK` of what `owner` calls `id` on one route"""
    return f"{_hashed(owner)}:{_hashed('/'.join((str(len(route)), route, id)))}"


def parts_of(key: str) -> tuple[str, str]:
    """Whose a key is, and what it names."""
    owner, _, mark = key.partition(":")
    return owner, mark


def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=HASH_BYTES).hexdigest()
