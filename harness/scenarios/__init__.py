"""The scenarios by name, in the order in which `run all` performs them."""

from __future__ import annotations

from . import (
    broker_dies,
    broker_restarts_empty,
    broker_stalls,
    ctrl_c,
    dead_peers,
    drain,
    everyone_leaves,
    frozen_across_the_deadline,
    heavy_work,
    hostile,
    hundred_sigterms,
    nobody_there,
    operator_forces,
    reload,
    request_limit,
    rolling_deploy,
    stopped_in_a_hanging_startup,
    stopped_in_startup,
    ten_thousand,
    worker_dies,
    worker_retires,
)
from .scenario import AnyStage, Scenario

__all__ = ["SCENARIOS", "AnyStage", "Scenario"]

_ALL = (
    drain,
    everyone_leaves,
    nobody_there,
    hostile,
    dead_peers,
    hundred_sigterms,
    ctrl_c,
    operator_forces,
    stopped_in_startup,
    stopped_in_a_hanging_startup,
    request_limit,
    reload,
    frozen_across_the_deadline,
    heavy_work,
    worker_dies,
    worker_retires,
    broker_dies,
    broker_stalls,
    broker_restarts_empty,
    rolling_deploy,
    ten_thousand,
)

SCENARIOS: dict[str, Scenario] = {each.SCENARIO.name: each.SCENARIO for each in _ALL}
