"""docs/codes.md is made of a run of every scenario that causes a code of the plug-in. A stale one fails here.

`python tests/test_codes_page.py` runs them and writes it anew.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from lockbench_conformance.provoke import LAYERS, UNREACHABLE, Cause, causes, provoke
from lockbench_harness import clock
from lockbench_harness.cases import load
from lockbench_harness.client.call import Result
from lockbench_harness.targets.emulated import EmulatedTarget
from lockbench_harness.trace import Trace
from lockbench_protocol.errors import error_codes

PAGE = Path(__file__).parents[1] / "docs" / "codes.md"
PROFILE = "full"  # a lock with every feature
HEAD = """# The plug-in's codes, and what causes each

Made of a run by `python tests/test_codes_page.py`; a test fails when it is stale. `lockbench conform PLG/21`
runs all scenarios that the lock has the features for (`--profile {profile}` has all of them), and
`lockbench explain CODE --provoke` one, with all that passes. Of {all} codes {provoked} are provoked
({layers}), {unreachable} are out of reach. The version is that of
the plug-in in the scenario; most codes are told by others too.

The last column has the cases whose clause names the code; PLG/21 has them all.

| code | caused by | version | scenario | more cases |
|---|---|---|---|---|
"""


@cache
def told() -> dict[int, Result]:
    """What each scenario ends with."""
    target = EmulatedTarget(PROFILE)
    found: dict[int, Result] = {}

    async def run(row: Cause) -> None:
        async with target.open(seed=1, link="bare", trace=Trace()) as bench:
            assert not row.lacking(bench)
            found[row.code] = await provoke(row, bench)

    for row in causes().values():
        clock.run(run(row))
    return found


@cache
def clauses() -> dict[str, set[int]]:
    """Case id -> the codes that its clause names, as "plug-in errors 10013, 10042 to 10044"."""
    found: dict[str, set[int]] = {}
    for case in load("lockbench_conformance"):
        _, named, rest = case.clause.partition("plug-in error")
        numbers = found[case.id] = set()
        for first, last in re.findall(r"(-?\d+)(?: to (-?\d+))?", rest.partition(";")[0] if named else ""):
            numbers |= set(range(int(first), int(last or first) + 1))
    return found


def naming(code: int) -> list[str]:
    return [id_ for id_, codes in clauses().items() if code in codes]


def page() -> str:
    run = told()
    layers = Counter(row.layer for row in causes().values())
    text = HEAD.format(
        profile=PROFILE,
        all=len(error_codes()),
        provoked=len(run),
        unreachable=len(UNREACHABLE),
        layers=", ".join(f"{layers[layer]} by the {layer}" for layer in LAYERS),
    )
    rows = []
    for code, result in run.items():
        row = causes()[code]
        cells = (result["errorCode"], row.layer, row.version, row.says, " ".join(naming(code)))
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    out = ["", "Out of reach:", "", "| code | why |", "|---|---|"]
    out += [f"| {code} | {why} |" for code, why in sorted(UNREACHABLE.items())]
    return text + "\n".join([*rows, *out]) + "\n"


def test_every_code_is_told_for_its_cause_or_is_out_of_reach() -> None:
    assert {code: result["errorCode"] for code, result in told().items()} == {code: code for code in told()}
    assert told().keys() | UNREACHABLE.keys() == set(error_codes())
    assert not told().keys() & UNREACHABLE.keys()


def test_no_code_that_says_nothing_stands_in_for_another() -> None:
    vague = {code for code, result in told().items() if result["errorCode"] in (19, 23, 99999)}
    assert vague == {19, 23, 99999}


def test_the_page_of_the_codes_is_what_the_run_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python tests/test_codes_page.py"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
