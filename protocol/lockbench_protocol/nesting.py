"""How deep JSON from outside may be nested: what follows it through a program recurses."""

from __future__ import annotations

from collections.abc import Iterable

DEEPEST = 64
"""Objects and arrays inside one another."""

Container = dict[str, object] | list[object]


def is_shallow(value: object) -> bool:
    """Whether no more than DEEPEST objects and arrays of this plain data are inside one another."""
    level = _containers([value])
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _containers(_values(outer))]
        if not level:
            return True
    return False


def _values(outer: Container) -> Iterable[object]:
    return outer.values() if isinstance(outer, dict) else outer


def _containers(values: Iterable[object]) -> list[Container]:
    return [value for value in values if isinstance(value, dict | list)]
