"""What every test of the server needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def ebb_logger() -> Iterator[logging.Logger]:
    """Our logger as it is before it is set up: its records reach `caplog`, once."""
    logger = logging.getLogger("ebb")
    before, level = (logger.handlers, logger.filters, logger.propagate), logger.level
    logger.handlers, logger.filters, logger.propagate = [], [], True
    yield logger
    logger.handlers, logger.filters, logger.propagate = before
    logger.setLevel(level)
