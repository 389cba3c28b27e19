"""Hypothesis draws the same values whatever else is imported.

Its provider mixes constants of every imported local module into its draws, so one more import would change a
trace. A backend of our own cannot prevent that: novel prefixes and the shrinker draw through the built-in
class all the same. So the function that collects the constants is silenced while a case runs; tests hold it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

COLLECT = "_get_local_constants"


@contextmanager
def quiet() -> Iterator[None]:
    """Inside the block, Hypothesis knows no constants of local modules."""
    collect = getattr(providers, COLLECT)
    nothing = Constants()
    setattr(providers, COLLECT, lambda: nothing)
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        setattr(providers, COLLECT, collect)
        providers.CONSTANTS_CACHE.cache.clear()


def rules(examples: int, *, steps: int, shrink: bool) -> settings:
    """Every setting that could differ by machine, time or profile is given here."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=(HealthCheck.too_slow,),  # measured in wall time
        backend="hypothesis",
        database=None,
        deadline=None,
        derandomize=False,  # the seed is ours
        print_blob=False,
        report_multiple_bugs=False,  # its search for more ends by wall time
        verbosity=Verbosity.quiet,
    )
