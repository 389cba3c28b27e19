"""The pytest plugin `lockbench`: fixtures for users' own tests.

Each fixture is a context manager of the same name in `lockbench_harness.fixtures`, which is imported only
when a test asks for it: bumble and aiohttp cost nothing to those who do not.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest


@pytest.fixture
def emulated_lock() -> Iterator[object]:
    """A lock in this process, in virtual time."""
    yield from _opened("emulated_lock")


@pytest.fixture
def lock_client() -> Iterator[object]:
    """A client, paired with a lock of its own."""
    yield from _opened("lock_client")


@pytest.fixture
def lock_site() -> Iterator[object]:
    """Locks, gateways and clouds on one clock."""
    yield from _opened("lock_site")


def _opened(name: str) -> Iterator[object]:
    with getattr(importlib.import_module("lockbench_harness.fixtures"), name)() as value:
        yield value
