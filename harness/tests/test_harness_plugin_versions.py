"""Every version of the plug-in against its schema, and the order of an upgrade under random plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from lockbench_conformance.app import App, upgrading_app
from lockbench_conformance.plans import judge
from lockbench_harness import clock
from lockbench_harness.cases import load
from lockbench_harness.client.call import Result
from lockbench_harness.faults.call import CallPlan, Outage
from lockbench_harness.faults.link import Flip
from lockbench_harness.plan import Plan
from lockbench_harness.stage import Setting
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.emulated import EmulatedTarget
from lockbench_harness.trace import Trace
from lockbench_harness.trial import Trial
from lockbench_harness.verdicts import Verdict
from lockbench_protocol.plugin import LATEST, NotAvailable, Version, contract
from lockbench_protocol.plugin_schema import schema

RELEASES = [*map(Version, contract().versions), Version("1.0.0", "offline"), Version("2.0.0", "offline")]
KINDS = {"string": str, "integer": int}


def fits(value: Result, shape: Mapping[str, Any]) -> None:
    """What JSON Schema says, as far as the files use it, and no field beyond it."""
    assert set(shape["required"]) <= set(value) <= set(shape["properties"])
    for name, item in value.items():
        row = shape["properties"][name]
        assert type(item) is KINDS[row["type"]]
        assert item in row.get("enum", [item])
        if isinstance(item, int):
            assert row.get("minimum", item) <= item <= row.get("maximum", item)


@pytest.mark.parametrize("release", RELEASES, ids=str)
def test_what_a_version_tells_fits_its_schema(release: Version) -> None:
    shapes = schema(release)["$defs"]
    seen: list[tuple[Result, str]] = []

    async def story(bench: LockBench) -> None:
        app = App(bench, version=release)
        for changes in ({}, {}, {"passcode": ""}, {"lockData": "x"}):
            seen.append((await app.add(**changes), "CreateCustomPasscodeResult"))
        seen.extend((end, "TTLockError") for end in app.ends)
        seen.append((await app.plugin.stop_all_operations(), "TTLockError"))
        if release.number in ("2.9.0", "3.0.0", "3.1.0"):  # where an upgrade tells something else
            app, _ = await upgrading_app(bench, "6.4.34", version=release)
            seen.append((await app.upgrade(), "EnterDfuModeResult"))
            seen.extend((step, "EnterDfuModeResult") for step in app.steps)

    in_bench(story)
    assert len(seen) >= 6
    for result, name in seen:
        fits(result, shapes[name])


def in_bench(story: Any) -> None:
    async def main() -> None:
        async with EmulatedTarget("strict").open(seed=3, link="bare", trace=Trace()) as bench:
            await story(bench)

    clock.run(main())


def test_fields_that_are_called_deprecated_can_be_kept() -> None:
    async def story(bench: LockBench) -> None:
        plugin = bench.plugins(bench.link, chance=None, keep_deprecated=True)  # type: ignore[arg-type]  # nothing is drawn
        result = await plugin.create_custom_passcode({})
        assert (result["errCode"], result["errMsg"]) == (0, "ok")

    in_bench(story)


def test_a_method_before_its_time_is_our_own_mistake() -> None:
    async def story(bench: LockBench) -> None:
        with pytest.raises(NotAvailable, match="has no createCustomPasscode; online it came with 2.0.0"):
            await App(bench, version=Version("1.9.9")).add()

    in_bench(story)


def test_a_supply_that_fails_behind_the_verdict_is_told_though_the_first_look_fails_too() -> None:
    """Found by a soak: the 52nd write, which is damaged, asks the lock what it runs."""
    plan = CallPlan("enterDfuMode", LATEST, faults=(Flip(51, 17), Outage(0.01, 1.0)))
    in_bench(lambda bench: judge(plan, bench))


def test_some_hundred_random_plans_keep_every_promise() -> None:
    found = next(case for case in load("lockbench_conformance") if case.id == "PLG/25")
    case = replace(found, examples=200)
    target = EmulatedTarget("strict")
    trial = Trial(case, Setting(target, "bare", 20261126), Plan("emulated").effort)
    trial.run()
    assert (trial.verdict, trial.detail, trial.examples) == (Verdict.PASS, None, 200)
