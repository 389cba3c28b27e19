"""Cases whose order of steps is drawn: a Hypothesis state machine whose rules are coroutines.

One example is one machine: it opens the bench, all its rules run on that example's one loop, and it records
each step with its values, so that the steps can be repeated without Hypothesis.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import stateful
from hypothesis.stateful import Bundle, consumes, multiple, precondition

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from lockbench_harness.stage import Stage
    from lockbench_harness.targets import Bench

__all__ = ["Bundle", "Machine", "consumes", "initialize", "multiple", "precondition", "rule"]

Step = Callable[..., Coroutine[Any, Any, object]]


class Machine(stateful.RuleBasedStateMachine):
    """Subclass it, write rules with `@rule(...) async def ...`, and put `@case(...)` on the class.

    `begin` runs once the bench is open, `check` after `begin` and after every rule.
    """

    steps: ClassVar[int] = 30  # at most, in one example
    bench: Bench

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        stage.open(self)

    async def begin(self) -> None:
        """Build the model."""

    async def check(self) -> None:
        """Compare the model with the target."""

    def teardown(self) -> None:
        self._stage.close()

    @classmethod
    def rule_names(cls) -> set[str]:
        """The names of all rules, initial ones included."""
        state = cls.setup_state()
        return {rule.function.__name__ for rule in (*state.rules, *state.initializers)}

    def take(self, body: Step, values: dict[str, object]) -> object:
        return self._stage.take(body.__name__, values, lambda: self._act(body, values))

    async def _act(self, body: Step, values: dict[str, object]) -> object:
        result = await body(self, **values)
        await self.check()
        return result


def rule(**drawn: SearchStrategy[Any] | str | Bundle[Any]) -> Callable[[Step], Callable[..., object]]:
    """Hypothesis's `rule` for a coroutine: `target=` a bundle, the rest are strategies by parameter."""
    return lambda body: stateful.rule(**drawn)(_recorded(body))  # type: ignore[call-overload]  # its overloads tell omitted targets apart


def initialize(**drawn: SearchStrategy[Any] | str | Bundle[Any]) -> Callable[[Step], Callable[..., object]]:
    """Hypothesis's `initialize` for a coroutine: it runs once, before the first rule."""
    return lambda body: stateful.initialize(**drawn)(_recorded(body))  # type: ignore[call-overload]  # its overloads tell omitted targets apart


def _recorded(body: Step) -> Callable[..., object]:
    @functools.wraps(body)
    def step(machine: Machine, **values: object) -> object:
        return machine.take(body, values)

    return step
