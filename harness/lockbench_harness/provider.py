"""Hypothesis draws the same values whatever else is imported.

Its own provider mixes constants of every imported local module into its draws, so one more import would
change a trace. Ours has none. It takes the built-in one's place while a case runs, because Hypothesis gives
other backends neither novel examples nor mutation; a contract test holds the private names used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

BACKEND = "hypothesis"
NOTHING = Constants()


class Quiet(providers.HypothesisProvider):
    """Hypothesis's own way of drawing, without constants of local modules."""

    _local_constants = NOTHING


@contextmanager
def quiet() -> Iterator[None]:
    """Inside the block, Hypothesis draws through `Quiet`."""
    before = providers.AVAILABLE_PROVIDERS[BACKEND]
    providers.AVAILABLE_PROVIDERS[BACKEND] = Quiet
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        providers.AVAILABLE_PROVIDERS[BACKEND] = before
        providers.CONSTANTS_CACHE.cache.clear()


def rules(examples: int, *, steps: int, shrink: bool) -> settings:
    """Every setting that could differ by machine, time or profile is given here."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=(HealthCheck.too_slow,),  # measured in wall time
        backend=BACKEND,
        database=None,
        deadline=None,
        derandomize=False,  # the seed is ours
        print_blob=False,
        report_multiple_bugs=False,  # its search for more ends by wall time
        verbosity=Verbosity.quiet,
    )
