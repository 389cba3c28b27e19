"""Words for an error: what was expected, what was seen, and where. No machine path."""

from __future__ import annotations

import ast
import linecache
import re
from traceback import walk_tb
from types import FrameType

from hypothesis.errors import HypothesisException
from lockbench_protocol import RemoteError

from lockbench_harness.report.row import Detail
from lockbench_harness.verdicts import Expectation, Unsupported, Verdict

LONGEST = 2000  # characters of any one text
FRAMES = 12
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")  # of an object in memory: another one in every run

_MACHINERY = (
    *(
        f"lockbench_harness.{name}"
        for name in ("judge", "trial", "stage", "failures", "machines", "clock", "cli")
    ),
    "asyncio.",
    "hypothesis",
)


def describe(error: BaseException, verdict: Verdict, home: str) -> Detail:
    """Describe the error that ended a case written in the module `home`. Secrets are still to be masked."""
    if not isinstance(error, HypothesisException):  # which may be a group, and says itself what is wrong
        error = _first_leaf(error)
    where, line = _place(error, home)
    expected, seen = "", ""
    if verdict is Verdict.BROKEN:
        words = f"The bench broke: {_named(error).strip()}"
    elif isinstance(error, Expectation):
        words, expected, seen = _sentence(error.words), repr(error.expected), repr(error.seen)
    elif isinstance(error, Unsupported):
        words = str(error)
    elif isinstance(error, RemoteError):
        words, seen = "The target answered with an error or fell silent.", _named(error)
    else:
        words, seen = _split(str(error))
        expected = _condition(line)
    words = "\n".join([words, *getattr(error, "__notes__", ())])
    frames = _frames(error) if verdict is Verdict.BROKEN else ()
    return Detail(_short(words), _short(expected), _short(seen), where, frames)


def _first_leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _short(text: str) -> str:
    text = _ADDRESS.sub("", text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text) - LONGEST} more)"


def _split(message: str) -> tuple[str, str]:
    """pytest's message of a failed assert: the case's own words, if any, then what the values were."""
    before, found, after = message.partition("\nassert ")
    if found:
        return _sentence(before), after
    if message.startswith("assert "):
        return "An expectation does not hold.", message.removeprefix("assert ")
    return _sentence(message) or "An expectation does not hold.", ""


def _place(error: BaseException, home: str) -> tuple[str, tuple[str, int] | None]:
    """The innermost line of the case's own module, or of its package."""
    found: tuple[str, tuple[str, int]] | None = None
    for frame, line in walk_tb(error.__traceback__):
        if _module(frame).partition(".")[0] == home.partition(".")[0]:
            found = (f"{_module(frame)}, line {line}", (frame.f_code.co_filename, line))
    return found or ("", None)


def _frames(error: BaseException) -> tuple[str, ...]:
    """The way to the error, without the steps that lead to every case; the place itself is always told."""
    frames = [(_module(frame), line, frame.f_code.co_name) for frame, line in walk_tb(error.__traceback__)]
    told = [frame for frame in frames[:-1] if not frame[0].startswith(_MACHINERY)] + frames[-1:]
    return tuple(f"{module}, line {line}, in {name}" for module, line, name in told[-FRAMES:])


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _condition(line: tuple[str, int] | None) -> str:
    """The condition of the assert that stands on this line, as it was written."""
    if line is None:
        return ""
    source = "".join(linecache.getlines(line[0]))
    try:
        asserts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    except SyntaxError:
        return ""
    for node in asserts:
        if node.lineno <= line[1] <= (node.end_lineno or node.lineno):
            return " ".join((ast.get_source_segment(source, node.test) or "").split())
    return ""
