"""Fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from src.lifecycle import lifecycle

from .fakes import Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client() -> Iterator[Client]:
    """A client that is connected to the wrapper."""
    client = Client()
    yield client
    client.close()


@pytest.fixture
def draining() -> Iterator[None]:
    """A process that was asked to finish."""
    lifecycle.draining = True
    yield
    lifecycle.draining = False
