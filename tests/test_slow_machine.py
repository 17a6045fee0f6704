"""No test is red because the machine had other things to do."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def test_an_example_of_hypothesis_may_take_as_long_as_it_has_to():
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
