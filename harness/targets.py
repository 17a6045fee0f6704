"""The targets that are known by name: what each declares about itself.

Owns `uvicorn` (the reference server under uvicorn's own command line) and `launcher` (the same under its own). Others
are written down in target files, see `harness.target_file`.
"""

from __future__ import annotations

from dataclasses import replace

from harness.profile import REFERENCE, Profile

__all__ = ["LAUNCHER", "REFERENCE", "TARGETS"]

LAUNCHER = replace(
    REFERENCE,
    command=("{python}", "-m", "server", "--host", "127.0.0.1", "--port", "{port}"),
    drained_statuses=(0,),
    forced_statuses=(130,),
    startup_statuses=(0,),
    startup_command=("{python}", "-m", "tests.targets.slow_launcher", "{startup}", "--port", "{port}"),
    reload_options=None,
)

TARGETS: dict[str, Profile] = {"uvicorn": REFERENCE, "launcher": LAUNCHER}
