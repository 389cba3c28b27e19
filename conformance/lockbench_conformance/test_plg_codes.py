"""PLG: every code of the plug-in from a real cause."""

from __future__ import annotations

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.errors import error_codes
from lockbench_protocol.plugin import Version

from lockbench_conformance.app import OK, expect_code
from lockbench_conformance.provoke import UNREACHABLE, causes, provoke

PROVOKED = causes()
UNFITTING = (19, 23, 99999)  # what clients tell when they know no better


@case(
    "PLG/21",
    clause="plug-in error table",
    needs=("plugin", "passcodes", "phone", "dfu", "hands", "cloud faults", "clock", "fresh"),
    links=("bare",),
    examples=len(PROVOKED),
    code=st.sampled_from(sorted(PROVOKED)),
)
async def test_each_code_comes_from_its_cause(bench: LockBench, code: int) -> None:
    """Each code, but for those of other devices, is told for its cause, in a version that has it."""
    if code in UNREACHABLE:  # never drawn, but asked for by name
        bench.trace.event("unreachable", code=code, why=UNREACHABLE[code])
        return
    row = PROVOKED[code]
    lacking = row.lacking(bench)
    if lacking:
        bench.trace.event("unreachable", code=code, why=f"this lock has no {', '.join(lacking)}")
        return
    bench.trace.event("provoke", code=code, layer=row.layer, says=row.says, version=row.version)
    result = await provoke(row, bench)
    bench.trace.event("told", **result)
    expect(error_codes()[code].live(row.version), True, f"does version {row.version} have the code {code}")
    expect_code(result, code, version=Version(row.version))
    if code not in (*UNFITTING, OK):
        expect(result["errorCode"] in UNFITTING, False, "is the code a guess")
