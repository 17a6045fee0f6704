"""The heavy computation of `/ws/heavy`: a small proof of work.

Owns a pure function that keeps one core busy for a while (about 0.1 s on average), and whose result anybody can check
with one hash.
"""

from __future__ import annotations

import hashlib
import json

DIFFICULTY = "0000"


def prove_work(text: str) -> str:
    """Find the least `nonce` for which SHA-256 of `{text}:{nonce}` begins with four zeros; return both as JSON text."""
    prefix = hashlib.sha256(f"{text}:".encode())
    nonce = 0
    while True:
        attempt = prefix.copy()
        attempt.update(b"%d" % nonce)
        if attempt.hexdigest().startswith(DIFFICULTY):
            return json.dumps({"status": "ok", "nonce": nonce, "sha256": attempt.hexdigest()})
        nonce += 1
