"""What a case can come to, and which error means what.

A failed expectation or a `RemoteError` speaks about the target: fail. Any other error speaks about the bench:
broken. Nothing is silently skipped: a case whose needs are not met is unsupported, and counted.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from lockbench_protocol import LocalError, RemoteError


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "fail"
    WARN = "warn"
    UNSUPPORTED = "unsupported"
    BROKEN = "broken"


# From the mildest to the gravest; a case on two links has the graver of the two.
GRAVITY = (Verdict.UNSUPPORTED, Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.BROKEN)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=GRAVITY.index)


class Expectation(AssertionError):
    """The target did something else than the case expects."""

    def __init__(self, words: str, expected: object, seen: object) -> None:
        super().__init__(f"{words}: expected {expected!r}, seen {seen!r}")
        self.words = words
        self.expected = expected
        self.seen = seen


def expect(seen: object, expected: object, words: str) -> None:
    """Raise `Expectation` unless `seen == expected`; `words` name the thing ("the status of the reply")."""
    if seen != expected:
        raise Expectation(words, expected, seen)


class Unsupported(Exception):
    """The target itself says that it cannot do what the case asks for."""


class Unreachable(LocalError):
    """There is no target to judge: nothing answers at its address. Ends the run with exit 2."""


_warnings: ContextVar[list[str] | None] = ContextVar("lockbench_warnings", default=None)


def warn(words: str) -> None:
    """Said inside a case: the requirement holds, but the report shows these words (verdict warn)."""
    heard = _warnings.get()
    if heard is None:
        raise LocalError("warn() was called outside a case")
    if words not in heard:
        heard.append(words)


@contextmanager
def hearing(heard: list[str]) -> Iterator[None]:
    """Inside the block, `warn` adds to `heard`, each sentence once."""
    token = _warnings.set(heard)
    try:
        yield
    finally:
        _warnings.reset(token)


def judge(error: BaseException, home: str) -> Verdict:
    """The verdict of an error that ended a case whose code lives in the package or module `home`."""
    leaves = list(_leaves(error))
    if all(isinstance(leaf, Unsupported) for leaf in leaves):
        return Verdict.UNSUPPORTED
    return Verdict.FAIL if all(_speaks_of_target(leaf, home) for leaf in leaves) else Verdict.BROKEN


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _speaks_of_target(error: BaseException, home: str) -> bool:
    if isinstance(error, RemoteError | Expectation):
        return True
    return isinstance(error, AssertionError) and _raised_in(error, home)


def _raised_in(error: BaseException, home: str) -> bool:
    """An `assert` inside a library or inside the bench is no expectation of the case."""
    innermost = None
    for frame, _line in traceback.walk_tb(error.__traceback__):
        innermost = frame
    module = str(innermost.f_globals.get("__name__", "")) if innermost is not None else ""
    return module.partition(".")[0] == home.partition(".")[0]
