"""The targets that are known by name: what each declares about itself.

Owns `uvicorn` (the reference server under uvicorn's command line), `launcher` (the same under its own launcher) and
`workers` (two workers under the launcher); and `cured`, which is what any application with DrainMiddleware promises,
and lacks a command. Other targets are declared in target files, see `harness.targets.file`.
"""

from __future__ import annotations

from .declaration import REFERENCE, SERVER, Profile

__all__ = ["BASES", "LAUNCHER", "REFERENCE", "TARGETS", "WORKERS"]

LAUNCHER = REFERENCE.changed(
    command=("{python}", "-m", SERVER, "--host", "127.0.0.1", "--port", "{port}"),
    drained_statuses=(0,),
    forced_statuses=(130,),
    startup_statuses=(0,),
    startup_command=("{python}", "-m", f"{SERVER}.examples.slow_startup", "{startup}", "--port", "{port}"),
    reload_options=None,
)

TWO = ("--workers", "2")
# Two workers share their parent's broker. The parent passes every signal on, and exits just after the last worker.
# A worker that reached its request limit is replaced: the host goes on serving.
WORKERS = LAUNCHER.changed(
    command=LAUNCHER.command + TWO,
    startup_command=(LAUNCHER.startup_command or ()) + TWO,
    processes=2,
    divides_pace=True,
    parent_delay_s=0.1,
    limit_options=None,
)

TARGETS: dict[str, Profile] = {"uvicorn": REFERENCE, "launcher": LAUNCHER, "workers": WORKERS}

CURED = Profile(
    drain_timeout_env="EBB_DRAIN_TIMEOUT_S",
    pace_env="EBB_EVICT_PER_S",
    close_timeout_env="EBB_CLOSE_TIMEOUT_S",
    window_env="EBB_RECONNECT_WINDOW_S",
    progress_env="EBB_PROGRESS_INTERVAL_S",
    progress_interval_s=1.0,
    close_codes=(1012,),
    report=True,
)
BASES: dict[str, Profile] = {**TARGETS, "cured": CURED}
