"""The pytest plugin `lockbench`: fixtures for users' own tests.

What they give is in `lockbench_harness.fixtures`, which is imported only when a test asks for it: bumble and
aiohttp cost nothing to those who do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockbench_harness.fixtures import Client, EmulatedLock, Site


@pytest.fixture
def emulated_lock() -> Iterator[EmulatedLock]:
    """A paired lock in this process, in virtual time."""
    from lockbench_harness.fixtures import EmulatedLock

    lock = EmulatedLock()
    yield lock
    lock.close()


@pytest.fixture
def lock_client(emulated_lock: EmulatedLock) -> Iterator[Client]:
    """The owner's app near `emulated_lock`."""
    from lockbench_harness.fixtures import Client

    client = Client(emulated_lock)
    yield client
    client.disconnect()


@pytest.fixture
def lock_site(emulated_lock: EmulatedLock) -> Site:
    """`emulated_lock` with its cloud and the plug-in."""
    from lockbench_harness.fixtures import Site

    return Site(emulated_lock)
