"""docs/clients.md: what comes of each OTA client with each dialect. A stale one fails here.

`python tests/test_clients.py` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lockbench_emulator.boot.dialect import dialect_names
from lockbench_harness.client.presets import Expected, expected, preset_names
from lockbench_harness.faults.link import Drop
from lockbench_harness.faults.plan import Made, Plan
from lockbench_harness.sweep import Verdict, simulate
from lockbench_harness.sweep.plans import scenario_for
from lockbench_harness.sweep.scene import scene_of

PAGE = Path(__file__).parents[1] / "docs" / "clients.md"
IMAGE = scenario_for(Made(1028, "6.4.34", 2))
SERVERS = ("g1", "g1m", "g2", "g2 strict", "tt")
FILES = {"exact": "as declared", "longer": "signature behind"}
SEEN_BUT_OLD = "**old, seen as success**"
HEAD = """# OTA clients and dialects

What comes of an upgrade by each client of the field with each kind of server. Made by
`python tests/test_clients.py`; a test fails when it is stale. The first table is that of
`harness/lockbench_harness/client/presets.toml`, written from telink-ota 3.4, 4 and 6.3 and held against
simulations by the tests; the second one is simulated.

* *g1*: legacy library. *g1m*: mesh source. *g2*: extended. *tt*: TTLock. *g2 strict* compares the index in
  the first six bytes of any END.
* *as declared*: the file ends with its declared size. *signature behind*: 1,340 more bytes follow it, which
  some clients send too.
* *new* and *old* are what runs afterwards. What the client takes it for is said where it is wrong.

## Over a link that loses nothing

| client | file | g1 | g1m | g2 | g2 strict | tt | success seen but old |
|---|---|---|---|---|---|---|---|
"""
MIDDLE = """
## When one data PDU is lost

Each data PDU of a 1 KiB image is lost once: how often the client sees success while the old firmware runs.
A server that ends the link before END, as g2 does, lets every client see the failure.

| client | data PDUs | g1 | g1m | g2 | tt | success seen but old |
|---|---|---|---|---|---|---|
"""


def cell(row: Expected) -> str:
    believed = row.believes == "success"
    if row.boots == "new":
        return "new" if believed else "new, seen as failure"
    return SEEN_BUT_OLD if believed else "old"


def lossless() -> Iterator[str]:
    for client in preset_names():
        for file, words in FILES.items():
            cells = {
                row.server: cell(row)
                for row in expected()
                if row.client == client and row.file in ("any", file)
            }
            count = list(cells.values()).count(SEEN_BUT_OLD)
            yield row_of(client, words, *(cells[server] for server in SERVERS), count)


def lossy() -> Iterator[str]:
    for client in preset_names():
        counts = [seen_but_old(client, dialect) for dialect in dialect_names()]
        yield row_of(client, len(data_writes(client)), *counts, sum(counts))


def data_writes(client: str) -> list[int]:
    """Which of the client's writes are data PDUs."""
    scene = scene_of(replace(IMAGE, client_name=client))
    return [
        number
        for number, step in enumerate(scene.script(IMAGE.new))
        if int.from_bytes(step.value[:2], "little") < 0xFF00
    ]


def seen_but_old(client: str, dialect: str) -> int:
    scenario = replace(IMAGE, client_name=client, dialect_name=dialect)
    outcomes = (simulate(Plan(scenario, (Drop(number),))) for number in data_writes(client))
    return sum(outcome.verdict is Verdict.SUCCESS_OLD for outcome in outcomes)


def row_of(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |\n"


def page() -> str:
    return HEAD + "".join(lossless()) + MIDDLE + "".join(lossy())


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/test_clients.py"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
