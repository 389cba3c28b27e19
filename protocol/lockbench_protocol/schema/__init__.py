"""Fast functions out of construct schemas. The schema stays the truth, the slow path and the oracle.

A `Codec` emits one parse and one build function for its schema once it has been used a few times: a short
program does not pay for what it does not need. They take valid data; whatever is unusual goes to interpreted
construct, so that errors, their texts and their paths are construct's own. `construct.compile()` is not used:
it takes truncated data for good.

One thing differs from construct: the containers of a compiled parse hold no `_io`. Parse hooks, adapters and
whatever else the emitters do not know stay interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, TypeVar

from construct import Construct

from lockbench_protocol.schema.signals import NotCompilable

__all__ = ["Codec", "NotCompilable", "codec", "interpreted", "refused"]

T = TypeVar("T")
_codecs: list[Codec[Any]] = []
_interpreting = False


class Codec(Generic[T]):
    """The two functions of one schema: `parse(bytes)` and `build(object)`, with construct's own errors.

    With a `record` they take and give that class in place of nested containers: `view` says where in the
    schema each of its fields stands, in the order of its arguments. A `record` of dict gives a plain dict.
    """

    patience = 8  # uses before it compiles
    __slots__ = ("_fast", "_record", "_uses", "_view", "build", "parse", "schema", "text")

    parse: Callable[[bytes], T]
    build: Callable[[Any], bytes]

    def __init__(
        self, schema: Construct, record: Any = None, view: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.schema = schema
        self._record = record
        self._view = view
        self._fast: tuple[Callable[[bytes], T], Callable[[Any], bytes]] | None = None
        self._uses = 0
        self.text = ""  # of the emitted module
        self.choose()
        _codecs.append(self)

    @property
    def compiled(self) -> bool:
        """Whether its functions have been emitted."""
        return bool(self.text)

    @property
    def refused(self) -> bool:
        """Whether it was tried, and stays interpreted."""
        return self._fast is not None and not self.text

    def choose(self) -> None:
        """Take the functions that the switch `interpreted` asks for."""
        if _interpreting:
            self.parse, self.build = self.parse_slowly, self.build_slowly
        else:
            self.parse, self.build = self._fast or (self._parse_first, self._build_first)

    def parse_slowly(self, data: bytes) -> T:
        """What interpreted construct makes of it."""
        found = self.schema.parse(data)
        if self._view is not None:
            values = {name: _at(found, path) for name, path in self._view.items()}
            found = self._record(values) if self._record is dict else self._record(*values.values())
        result: T = found
        return result

    def build_slowly(self, given: Any) -> bytes:
        """What interpreted construct makes of it."""
        if self._view is not None:
            tree: dict[str, Any] = {}
            for name, path in self._view.items():
                inner = tree
                for step in path[:-1]:
                    inner = inner.setdefault(step, {})
                inner[path[-1]] = getattr(given, name)
            given = tree
        built: bytes = self.schema.build(given)
        return built

    def compile(self) -> None:
        """Emit the functions now. NotCompilable when the emitters do not know a part of the schema."""
        from lockbench_protocol.schema.build import emit_build
        from lockbench_protocol.schema.parse import emit_parse
        from lockbench_protocol.schema.source import Source

        source = Source()
        source.constants |= {"slow": self.parse_slowly, "slow_build": self.build_slowly}
        emit_parse(source, self.schema, self._view, self._record)
        if self._record is not dict:
            emit_build(source, self.schema, self._view)
        made = source.run()
        self._fast = made["parse"], made.get("build", self.build_slowly)
        self.text = source.text()
        self.choose()

    def _tire(self) -> bool:
        """Whether it has just been used often enough, and therefore chosen its functions for good."""
        self._uses += 1
        if self._uses <= self.patience:
            return False
        try:
            self.compile()
        except NotCompilable:
            self._fast = self.parse_slowly, self.build_slowly
            self.choose()
        return True

    def _parse_first(self, data: bytes) -> T:
        return self.parse(data) if self._tire() else self.parse_slowly(data)

    def _build_first(self, given: Any) -> bytes:
        return self.build(given) if self._tire() else self.build_slowly(given)


@cache
def codec(schema: Construct) -> Codec[Any]:
    """The codec of this schema, made once; its objects are construct's containers."""
    return Codec(schema)


def refused() -> list[Codec[Any]]:
    """The codecs that were used and did not compile. Of the schemas of this package: none."""
    return [each for each in _codecs if each.refused]


@contextmanager
def interpreted() -> Iterator[None]:
    """Inside, every codec is interpreted construct: to test the compiled functions, and to measure them."""
    global _interpreting  # noqa: PLW0603 - one switch for the process
    _interpreting = True
    try:
        for each in _codecs:
            each.choose()
        yield
    finally:
        _interpreting = False
        for each in _codecs:
            each.choose()


def _at(found: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        found = found[step]
    return found
