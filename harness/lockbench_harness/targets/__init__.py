"""What is under test, by a URL-like name, each with a capability file. A case sees only these two protocols.

A target is opened afresh for each example of each case, on a loop of that example's own.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lockbench_protocol import LocalError

if TYPE_CHECKING:
    from lockbench_harness.clock import Time
    from lockbench_harness.credentials import Credentials
    from lockbench_harness.links import Link
    from lockbench_harness.trace import Mask, Trace


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target can do, and which cases it is known to fail."""

    links: tuple[str, ...]  # of "bare", "air"; in the order in which a case runs on them
    offers: frozenset[str]  # "passcodes", "hands", "clock", ... ; a case's `needs` are looked up here
    expected_failures: Mapping[str, str] = field(default_factory=dict)  # case id -> reason


class Bench(Protocol):
    """One target, freshly opened for one example. A concrete target's bench has more; its cases need it."""

    @property
    def link(self) -> Link: ...  # a central that can reach the lock

    @property
    def address(self) -> str: ...  # of the lock, "C2:11:22:33:44:55"

    @property
    def credentials(self) -> Credentials: ...

    @property
    def trace(self) -> Trace: ...


class Target(Protocol):
    """Raises `Unreachable` from `open` when nothing answers."""

    @property
    def name(self) -> str: ...  # as given to --lock: "emulated", "tcp-client:127.0.0.1:9000"

    @property
    def profile(self) -> str: ...  # "" when the target has none

    capabilities: Capabilities

    @property
    def time(self) -> Time: ...  # not virtual: few examples, and nothing is shrunk

    @property
    def mask(self) -> Mask: ...  # empty for an emulated lock: its secrets are test data

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[Bench]: ...


# A maker gets the whole name, the profile ("" is the default one), the credentials file.
Maker = Callable[[str, str, Path | None], Target]

# Bumble transports under which a lock is reached by HCI
TRANSPORTS = ("tcp-client", "unix-client", "ws-client", "pty", "serial", "usb", "hci-socket", "vhci")

# scheme -> "module:function" of the maker
SCHEMES: dict[str, str] = {
    "emulated": "lockbench_harness.targets.emulated:make",
    "mutant": "lockbench_harness.targets.mutant:make",
    "exec": "lockbench_harness.targets.client:make",
    **dict.fromkeys(("http", "https"), "lockbench_harness.targets.remote_cloud:make"),
    **dict.fromkeys(TRANSPORTS, "lockbench_harness.targets.remote:make"),
}
DEFAULT = "emulated"


def make(name: str, *, profile: str = "", credentials: Path | None = None) -> Target:
    """The target called `name`: "emulated", "tcp-client:HOST:PORT", or one's own, "python:MODULE:FUNCTION".

    FUNCTION is a `Maker`. Raises LocalError.
    """
    scheme, _, rest = name.partition(":")
    if scheme == "python":
        return _maker(rest, name)(name, profile, credentials)
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise LocalError(f"no target is called {name!r}; known are {known}, and python:MODULE:FUNCTION")
    return _maker(SCHEMES[scheme], name)(name, profile, credentials)


def _maker(place: str, name: str) -> Maker:
    module_name, _, function_name = place.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, ValueError, AttributeError) as error:
        raise LocalError(f"the target {name!r} cannot be made: {error}") from error
    maker: Maker = found
    return maker


def load_capabilities(file: Traversable, own: Capabilities | None = None) -> Capabilities:
    """Read a capability file (TOML): `links`, `offers`, and the table `expected-failures` of id = reason.

    What the file leaves out stays as in `own`; without one, links and offers must be there. Raises LocalError
    that names the file and the key.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"cannot read the capability file {file.name}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LocalError(f"the capability file {file.name} is no TOML: {error}") from error
    unknown = sorted(data.keys() - {"links", "offers", "expected-failures"})
    if unknown:
        raise LocalError(f"{file.name}: unknown key {unknown[0]!r}")
    expected = data.get("expected-failures", {} if own is None else own.expected_failures)
    if not isinstance(expected, dict) or not all(isinstance(reason, str) for reason in expected.values()):
        raise LocalError(f"{file.name}: expected-failures must be a table of case id = reason")
    known = {} if own is None else {"links": list(own.links), "offers": list(own.offers)}
    return Capabilities(
        links=tuple(_words({**known, **data}, "links", file.name)),
        offers=frozenset(_words({**known, **data}, "offers", file.name)),
        expected_failures=expected,
    )


def _words(data: Mapping[str, object], key: str, file: str) -> list[str]:
    value = data.get(key)
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise LocalError(f"{file}: {key} must be a list of words")
    return value
