"""What holds for every test: in CI nothing is skipped, for `.ci/run` installs what a machine may lack.

And SIGINT and SIGHUP are never ignored from the start in what a test starts, as one is in a script's background and the
other under `nohup`: a process inherits what is ignored, but nobody's handler. And no example of hypothesis is red for
having taken long: by itself it allows 0.2 s for each.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Sequence

import hypothesis  # now, not in the summary: CPython 3.11 fails if garbage is collected in this import
import pytest

for _each in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_each) is signal.SIG_IGN:
        signal.signal(_each, lambda *_: None)

hypothesis.settings.register_profile(
    "any machine",
    parent=hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")

SHARED = ("teeth", "board", "soak", "turns")
LONG_S = 600  # the time limit from which on a test may take minutes


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the share of what is SHARED that EBB_SHARE asks for, long tests first: none is waited for at the end."""
    kept = share_of(items, os.environ.get("EBB_SHARE", "1/1"))
    config.hook.pytest_deselected(items=list(set(items).difference(kept)))
    items[:] = sorted(kept, key=is_short)


def is_short(item: pytest.Item) -> bool:
    """Whether its time limit is less than LONG_S."""
    limit = item.get_closest_marker("timeout")
    return limit is None or limit.args[0] < LONG_S


def share_of(items: Sequence[pytest.Item], asked: str) -> list[pytest.Item]:
    """Each test that is not SHARED, and a share of the others: `2/3` is every third one, from the second on.

    All that look at one recording go together, so that no other share has to make it.
    """
    share, shares = map(int, asked.split("/"))
    numbers: dict[str, int] = {}
    kept = []
    for item in items:
        if any(map(item.get_closest_marker, SHARED)):
            recording = item.callspec.params.get("scenario") if "recording" in item.fixturenames else None
            if numbers.setdefault(recording or item.nodeid, len(numbers)) % shares != share - 1:
                continue
        kept.append(item)
    return kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where CI is set."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {call.excinfo.value if call.excinfo else 'no reason given'}"
    return report
