"""Words for an error: what was expected, what was seen, and where. No machine path, no secret."""

from __future__ import annotations

import ast
import linecache
import traceback
from types import FrameType
from typing import TYPE_CHECKING

from lockbench_protocol import RemoteError

from lockbench_harness.report.row import Detail
from lockbench_harness.verdicts import Expectation, Verdict

if TYPE_CHECKING:
    from lockbench_harness.trace import Mask

LONGEST = 2000  # characters of any one text
FRAMES = 12


def describe(error: BaseException, verdict: Verdict, home: str, mask: Mask) -> Detail:
    """Describe the error that ended a case written in the module `home`."""
    error = _first_leaf(error)
    where, line = _place(error, home)
    expected, seen = "", ""
    if verdict is Verdict.BROKEN:
        words = f"The bench broke: {_named(error)}"
    elif isinstance(error, Expectation):
        words, expected, seen = _sentence(error.words), repr(error.expected), repr(error.seen)
    elif isinstance(error, RemoteError):
        words, seen = "The target answered with an error or fell silent.", _named(error)
    else:
        words, seen = _split(str(error))
        expected = _condition(line)
    words = "\n".join([words, *getattr(error, "__notes__", ())])
    frames = _frames(error) if verdict is Verdict.BROKEN else ()
    words, expected, seen = (mask.text(_short(text)) for text in (words, expected, seen))
    return Detail(words, expected, seen, where, frames)


def _first_leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _short(text: str) -> str:
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
    for frame, line in traceback.walk_tb(error.__traceback__):
        if _module(frame).partition(".")[0] == home.partition(".")[0]:
            found = (f"{_module(frame)}, line {line}", (frame.f_code.co_filename, line))
    return found or ("", None)


def _frames(error: BaseException) -> tuple[str, ...]:
    frames = [
        f"{_module(frame)}, line {line}, in {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return tuple(frames[-FRAMES:])


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
