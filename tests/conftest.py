"""What holds for every test: in CI nothing is skipped, for `.ci/run` installs what a machine may lack.

And SIGINT and SIGHUP are never ignored from the start in what a test starts, as one is in a script's background and the
other under `nohup`: a process inherits what is ignored, but nobody's handler. And no example of hypothesis is red for
having taken long: by itself it allows 0.2 s for each.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator

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

SHARED = ("teeth", "board", "soak")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the share of what is SHARED that EBB_SHARE asks for: `2/3` is every third test, from the second on.

    All that look at one recording go together, so that no other share has to make it.
    """
    share, shares = map(int, os.environ.get("EBB_SHARE", "1/1").split("/"))
    numbers: dict[str, int] = {}
    left = set()
    for item in items:
        if any(map(item.get_closest_marker, SHARED)):
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            number = numbers.setdefault(parameters.get("scenario", item.nodeid), len(numbers))
            if number % shares != share - 1:
                left.add(id(item))
    config.hook.pytest_deselected(items=[item for item in items if id(item) in left])
    items[:] = [item for item in items if id(item) not in left]


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
