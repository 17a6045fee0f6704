"""A wrong setting ends startup with one line that says which, what, and what is allowed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from server.drain.events import DrainTerms
from server.settings import Settings, load


def test_the_defaults_are_those_of_the_documentation(monkeypatch):
    assert load().drain_terms == DrainTerms(
        drain_timeout_s=1800,
        grace_s=0,
        evict_per_s=1000,
        close_timeout_s=10,
        reconnect_window_s=30,
        progress_interval_s=10,
    )


def test_the_environment_sets_them(monkeypatch):
    monkeypatch.setenv("SERVER_DRAIN_TIMEOUT_S", "2.5")

    assert load().drain_timeout_s == 2.5


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "SERVER_DRAIN_TIMEOUT_S",
            "soon",
            "SERVER_DRAIN_TIMEOUT_S='soon' is not allowed: seconds from the signal to the deadline, 0 or more",
        ),
        (
            "SERVER_EVICT_PER_S",
            "0",
            "SERVER_EVICT_PER_S='0' is not allowed: connections closed a second after the deadline, more than 0",
        ),
        ("SERVER_CLOSE_TIMEOUT_S", "inf", "SERVER_CLOSE_TIMEOUT_S='inf' is not allowed: seconds that one closing"),
        (
            "SERVER_HISTORY_BYTES",
            "0",
            "SERVER_HISTORY_BYTES='0' is not allowed: bytes of memory for these, 65536 or more",
        ),
        (
            "SERVER_HISTORY_SHARE_PERCENT",
            "101",
            "SERVER_HISTORY_SHARE_PERCENT='101' is not allowed: percent of these that",
        ),
        ("SERVER_LOG_LEVEL", "loud", "SERVER_LOG_LEVEL='loud' is not allowed: debug, info, warning or error"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(monkeypatch, name, value, line):
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as caught:
        load()

    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.attack
@pytest.mark.parametrize(
    "url", ["Redis://:secret@host", "redis:/:secret@host", "redis//:secret@host", " redis://:secret@host"]
)
def test_a_broker_url_that_is_mistyped_is_named_without_its_password(monkeypatch, url: str):
    monkeypatch.setenv("SERVER_BROKER_URL", url)

    with pytest.raises(SystemExit) as caught:
        load()

    allowed = "memory://, redis://HOST, rediss://HOST, unix://PATH or embedded://"
    assert str(caught.value) == f"SERVER_BROKER_URL=... is not allowed: {allowed}"


def test_no_password_is_in_what_python_says_of_settings():
    with pytest.raises(ValidationError) as caught:
        Settings(broker_url="Redis://:secret@host")

    assert "secret" not in str(caught.value)
    assert "secret" not in repr(Settings(broker_url="redis://:secret@host"))


def test_a_connection_that_ends_has_the_close_timeout_for_what_is_still_to_be_read():
    assert Settings(close_timeout_s=3).bounds.close_s == 3


def test_two_wrong_values_are_both_named(monkeypatch):
    monkeypatch.setenv("SERVER_DRAIN_TIMEOUT_S", "-1")
    monkeypatch.setenv("SERVER_INBOX_MESSAGES", "0")

    with pytest.raises(SystemExit) as caught:
        load()

    assert len(str(caught.value).splitlines()) == 2


def test_every_setting_says_what_is_allowed():
    assert all(field.description for field in Settings.model_fields.values())


def test_a_stop_budget_that_does_not_fit_is_refused_with_the_sum(monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda _: (5000, 5000))
    monkeypatch.setenv("SERVER_STOP_BUDGET_S", "1815")

    with pytest.raises(SystemExit) as caught:
        load()

    assert str(caught.value) == (
        "SERVER_STOP_BUDGET_S=1815 is not enough: a stop takes up to 1816 s: 1800 s drain"
        " + 5 s to close up to 5000 connections + 10 s close timeout + 1 s to exit"
    )


def test_a_stop_budget_that_fits_is_accepted(monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda _: (5000, 5000))
    monkeypatch.setenv("SERVER_STOP_BUDGET_S", "1816")

    assert load().stop_budget_s == 1816
