"""Link, image and client faults: each ends as telink-ota 4 and 5 say, told by a small model of them.

`python harness/tests/test_harness_sweep_link.py` holds every link fault of an 8 KiB image against the model,
in each dialect and PDU length; the tests take all faults of a small image, and a sample of the large one.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.faults import Fault
from lockbench_harness.faults.client import EndIndex, EndLength, FillLast, Insert, Leave, Replace, Resume
from lockbench_harness.faults.image import Append, FlipImage, Put, Shorten, Sign, SpoilTrailer
from lockbench_harness.faults.link import (
    Delay,
    Drop,
    Extend,
    Flip,
    LostResult,
    Part,
    Repeat,
    Silence,
    Swap,
    Truncate,
)
from lockbench_harness.faults.plan import Made, Plan, Scenario
from lockbench_harness.sweep import Outcome, Verdict, simulate
from lockbench_harness.sweep.attempt import SPACING
from lockbench_harness.sweep.plans import link_faults, scenario_for
from lockbench_harness.sweep.scene import scene_of
from lockbench_harness.sweep.story import play
from lockbench_protocol import LocalError
from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.ota import decode

TINY = scenario_for(Made(1028, "6.4.34", 2))
LARGE = scenario_for(Made(8196, "6.4.34", 2))
LENGTHS = [16 * rows for rows in range(1, 16)]


def way(dialect: str, client: str, length: int = 0, scenario: Scenario = TINY) -> Scenario:
    return replace(scenario, dialect_name=dialect, client_name=client, pdu_length=length)


def ways(scenario: Scenario) -> dict[str, Scenario]:
    return {
        "tt": way("tt", "ttlock", scenario=scenario),
        "g1": way("g1", "ttlock", scenario=scenario),
        "g1m": way("g1m", "telink-ios", scenario=scenario),
        **{f"g2 {length}": way("g2", "telink-firmware", length, scenario) for length in LENGTHS},
    }


WAYS, LARGE_WAYS = ways(TINY), ways(LARGE)
BAD = {Verdict.BRICK, Verdict.STUCK, Verdict.RECOVERABLE}


@dataclass
class Reference:
    """The order of checks of telink-ota 4.1, 4.3, 4.4 and 4.5, with no flash and no clock."""

    scenario: Scenario
    started: bool = False
    timed: bool = False  # a timer runs that ends in a time-out
    length: int = 16
    last: int = -1
    body: bytearray = field(default_factory=bytearray)
    verdict: Result | None = None
    refused: bool = False  # something was told before START

    @property
    def extended(self) -> bool:
        return self.scenario.dialect_name == "g2"

    def take(self, value: bytes) -> None:
        if self.verdict is not None or len(value) < 2:
            return
        opcode = int.from_bytes(value[:2], "little")
        wire = self.scenario.dialect.on_the_wire()
        name = wire.client.get(opcode, "DATA" if opcode < 0xFF00 or not self.extended else "UNKNOWN")
        found = getattr(self, f"_{name.lower()}")(value)
        if found is not None and (self.started or found is Result.SUCCESS):
            self.verdict = found
        elif found is not None and self.extended:
            self.refused = True

    def _version(self, _value: bytes) -> None:
        self.timed = self.timed or self.scenario.dialect_name in ("g1m", "tt")

    def _start(self, _value: bytes) -> Result | None:
        if self.extended and self.started:
            return Result.FLOW
        self.started = self.timed = True
        self.length, self.last, self.body = 16, -1, bytearray()
        return None

    def _start_ext(self, value: bytes) -> Result | None:
        if self.started:
            return Result.FLOW
        self.started = self.timed = True
        if len(value) < 4:
            return Result.INVALID
        self.length = value[2]
        return Result.LENGTH if value[2] % 16 or not value[2] else None

    def _fw_version_req(self, value: bytes) -> Result | None:
        if self.started:
            return Result.FLOW
        return Result.INVALID if len(value) != 5 else None

    def _sb_pubkey_sign(self, _value: bytes) -> Result:
        return Result.SECURE_DISABLED

    def _unknown(self, _value: bytes) -> Result:
        return Result.INVALID

    def _end(self, value: bytes) -> Result | None:
        if not self.started:
            return Result.FLOW if self.extended else None
        if len(value) == 6:
            fields = decode(value, self.scenario.dialect.on_the_wire()).fields
            sound = int(fields["max_index"]) ^ int(fields["complement"]) == 0xFFFF
            if sound and fields["max_index"] != self.last:
                return Result.INCOMPLETE
        whole = self.rows > 0 and self.last + 1 == -(-self.rows * 16 // self.length)
        return Result.SUCCESS if whole else Result.INCOMPLETE

    @property
    def rows(self) -> int:
        return -(-int.from_bytes(self.body[0x18:0x1C], "little") // 16) if len(self.body) >= 0x20 else 0

    def _data(self, value: bytes) -> Result | None:
        index = int.from_bytes(value[:2], "little")
        if self.extended:
            return Result.FLOW if not self.started else self._extended_data(index, value)
        if index <= self.last and self.scenario.dialect_name == "g1m":
            return None
        if index != self.last + 1:
            return Result.SEQUENCE
        self.timed = self.timed or self.scenario.dialect_name in ("g1m", "tt")
        if len(value) != 20 or crc16(value[:-2]) != int.from_bytes(value[-2:], "little"):
            return Result.CRC
        return self._content(index, value[2:-2])

    def _extended_data(self, index: int, value: bytes) -> Result | None:
        carried, rows = len(value) - 4, self.rows
        if carried % 2:
            return Result.INVALID
        if index == 0 and not rows:
            rows = -(-int.from_bytes(value[0x1A:0x1E], "little") // 16)
        left = rows * 16 - index * self.length
        if carried != (left if 0 < left < self.length else self.length):
            return Result.LENGTH
        if 0 < self.rows * 16 <= index * self.length or index * self.length >= self.scenario.board.limit:
            return Result.INVALID
        if index != self.last + 1:
            return Result.SEQUENCE
        if crc16(value[:-2]) != int.from_bytes(value[-2:], "little"):
            return Result.CRC
        return self._content(index, value[2:-2])

    def _content(self, index: int, image: bytes) -> Result | None:
        before = self.rows
        self.body += image
        self.last = index
        at, end = index * self.length, len(self.body)
        found = None
        if at == 0 and (self.body[6] != 0x5D or self.body[7] not in (1, 2)):
            found = Result.CHECK
        if at <= 8 < end and self.body[8:12] != b"KNLT":
            found = Result.MARK
        if not before and end >= 0x20 and (self.rows < 3 or (self.extended and self._too_big())):
            found = Result.SIZE
        value_at = (self.rows - 1) * 16
        if found is None and self.rows >= 3 and at <= value_at < end:
            wanted = zlib.crc32(self.body[:value_at]) ^ 0xFFFFFFFF
            if int.from_bytes(self.body[value_at : value_at + 4], "little") != wanted:
                return Result.CHECK
        return found

    def _too_big(self) -> bool:
        return int.from_bytes(self.body[0x18:0x1C], "little") > self.scenario.board.limit


def arriving(values: list[bytes], fault: Fault | None) -> Iterable[bytes]:
    """What reaches the lock of these writes."""
    values = list(values)
    match fault:
        case Drop(pdu):
            del values[pdu]
        case Repeat(pdu):
            values.insert(pdu, values[pdu])
        case Swap(pdu):
            values[pdu : pdu + 2] = reversed(values[pdu : pdu + 2])
        case Flip(pdu, bit, mended):
            cells = bytearray(values[pdu])
            cells[bit // 8] ^= 1 << bit % 8
            if mended:
                cells[-2:] = crc16(bytes(cells[:-2])).to_bytes(2, "little")
            values[pdu] = bytes(cells)
        case Truncate(pdu, length):
            values[pdu] = values[pdu][:length]
        case Extend(pdu, more):
            values[pdu] += more
        case Part(pdu) | Silence(pdu):
            del values[pdu:]
    return values


def writes(scenario: Scenario) -> list[bytes]:
    return [step.value for step in scene_of(scenario).script(scenario.new)]


def model(scenario: Scenario, fault: Fault | None) -> tuple[Result | None, bool]:
    """The server's verdict, and whether the new image boots."""
    reference = Reference(scenario)
    for number, value in enumerate(arriving(writes(scenario), fault)):
        reference.take(value)
        on_its_way = isinstance(fault, Swap) and number == fault.pdu
        if reference.refused and not on_its_way:
            break  # the client hears it and gives up
    verdict = reference.verdict
    if verdict is None and reference.timed:
        verdict = Result.TIMEOUT
        if reference.extended:
            lingers = isinstance(fault, Drop | Flip | Truncate) and fault.pdu == len(writes(scenario)) - 1
            verdict = Result.GAP if lingers and not reference.refused else Result.LINK
    return verdict, verdict is Result.SUCCESS


def check(scenario: Scenario, faults: Iterable[Fault], *, confirm_every: int = 40) -> Counter[Verdict]:
    seen: Counter[Verdict] = Counter()
    for number, fault in enumerate(faults):
        outcome = simulate(Plan(scenario, (fault,)), confirm=number % confirm_every == 0)
        verdict, new = model(scenario, fault)
        assert (outcome.result, booted_new(outcome)) == (verdict, new), fault
        assert not outcome.broken, fault
        seen[outcome.verdict] += 1
    return seen


def booted_new(outcome: Outcome) -> bool:
    return outcome.verdict in (Verdict.NEW, Verdict.FAILURE_NEW)


@pytest.mark.parametrize("name", ["tt", "g1", "g1m", "g2 16", "g2 48"])
def test_every_write_and_every_bit_that_matters_ends_as_the_model_says(name: str) -> None:
    scenario = WAYS[name]
    seen = check(scenario, link_faults(scenario))
    assert not BAD & seen.keys()
    assert seen.total() > 1000


@pytest.mark.parametrize("length", LENGTHS)
def test_every_write_of_pdus_of_any_length_ends_as_the_model_says(length: int) -> None:
    scenario = WAYS[f"g2 {length}"]
    seen = check(scenario, link_faults(scenario, every_bit=False))
    assert not BAD & seen.keys()


@pytest.mark.parametrize("name", LARGE_WAYS)
def test_a_sample_of_the_faults_of_8_kib_ends_as_the_model_says(name: str) -> None:
    """All of them: run this file."""
    scenario = LARGE_WAYS[name]
    sample = Random(name).sample([*link_faults(scenario)], 24)  # noqa: S311 - the same in every run
    assert not BAD & check(scenario, sample, confirm_every=8).keys()


@given(st.sampled_from(sorted(WAYS)), st.data())
def test_a_pdu_cut_short_or_too_long_ends_as_the_model_says(name: str, data: st.DataObject) -> None:
    scenario = WAYS[name]
    values = writes(scenario)
    pdu = data.draw(st.integers(0, len(values) - 1))
    length = data.draw(st.integers(0, len(values[pdu]) - 1))
    more = data.draw(st.binary(min_size=1, max_size=6))
    check(scenario, [Truncate(pdu, length), Extend(pdu, more)])


def test_the_short_way_of_a_link_fault_is_the_whole_story() -> None:
    for name in ("tt", "g1m", "g2 48"):
        scenario = WAYS[name]
        for fault in [*link_faults(scenario, every_bit=False)][::7]:
            plan = Plan(scenario, (fault,))
            story, outcome = play(plan), simulate(plan)
            assert story.believed == outcome.believed, fault
            assert (story.rig.result, story.rig.bank) == (outcome.result, outcome.bank), fault


def ended(scenario: Scenario, *faults: Fault) -> tuple[Verdict, Result | None]:
    outcome = simulate(Plan(scenario, faults), confirm=True)
    assert not outcome.broken
    return outcome.verdict, outcome.result


OLD, NEW = Verdict.OLD, Verdict.NEW


@pytest.mark.parametrize(
    ("dialect", "client", "seconds", "result"),
    [
        ("tt", "ttlock", 29.9, Result.SUCCESS),
        ("tt", "ttlock", 30.1, Result.TIMEOUT),
        ("g1m", "telink-ios", 30.1, Result.TIMEOUT),
        ("g1", "ttlock", 599.0, Result.SUCCESS),
        ("g1", "ttlock", 601.0, Result.TIMEOUT),
        ("g2", "telink-ios", 4.9, Result.SUCCESS),
        ("g2", "telink-ios", 5.1, Result.GAP),
    ],
)
def test_a_silent_client_meets_the_timer_of_the_dialect(
    dialect: str, client: str, seconds: float, result: Result
) -> None:
    _, found = ended(way(dialect, client), Delay(9, seconds))
    assert found is result


def test_a_slow_client_meets_the_process_timeout_of_g2() -> None:
    """telink-ota 8: 30 s are fewer than a real transfer with short PDUs takes."""
    faults = tuple(Delay(pdu, 4.0) for pdu in range(3, 12))
    assert ended(way("g2", "telink-ios"), *faults) == (OLD, Result.TIMEOUT)


def test_a_lost_result_and_a_ttlock_client_on_g1m_are_failures_seen_but_new() -> None:
    assert ended(WAYS["tt"], LostResult()) == (Verdict.FAILURE_NEW, Result.SUCCESS)
    assert ended(way("g1m", "ttlock")) == (Verdict.FAILURE_NEW, Result.SUCCESS)


@pytest.mark.parametrize("client", ["pvvx", "atc1441", "telink-android"])
def test_a_client_that_takes_end_for_success_sees_it_for_every_data_pdu_lost_on_g1(client: str) -> None:
    scenario = way("g1", client)
    data = range(2, len(writes(scenario)) - 1)
    seen = Counter(ended(scenario, Drop(pdu))[0] for pdu in data)
    assert seen == {Verdict.SUCCESS_OLD: len(data)}
    assert ended(scenario, Drop(len(writes(scenario)) - 1))[0] is Verdict.SUCCESS_OLD


END = len(writes(WAYS["tt"])) - 1
START, START_EXT = b"\x01\xff", b"\x03\xff\xf0\x00"


@pytest.mark.parametrize(
    ("name", "fault", "expected"),
    [
        ("tt", EndIndex(3), (NEW, Result.SUCCESS)),  # of eight bytes: not compared
        ("g1m", EndIndex(3), (OLD, Result.INCOMPLETE)),
        ("g2 16", EndIndex(3), (OLD, Result.INCOMPLETE)),
        ("tt", EndLength(2), (NEW, Result.SUCCESS)),
        ("tt", EndLength(6), (NEW, Result.SUCCESS)),
        ("g2 16", EndLength(20), (NEW, Result.SUCCESS)),
        ("tt", Insert(5, START), (OLD, Result.SEQUENCE)),
        ("g2 16", Insert(5, START), (OLD, Result.FLOW)),
        ("g2 16", Insert(5, START_EXT), (OLD, Result.FLOW)),
        ("tt", Insert(5, START_EXT), (OLD, Result.SEQUENCE)),  # FF03 is an index there
        ("g2 16", Insert(5, b"\x07\xff"), (OLD, Result.INVALID)),
        ("g2 16", Insert(5, b"\x10\xff" + bytes(18)), (OLD, Result.SECURE_DISABLED)),
        ("tt", Replace(5, bytes(20)), (OLD, Result.SEQUENCE)),
        ("g2 48", FillLast(), (OLD, Result.LENGTH)),
        ("g2 16", FillLast(), (NEW, Result.SUCCESS)),
        ("tt", Leave(9), (OLD, Result.TIMEOUT)),
        ("g2 16", Leave(9), (OLD, Result.LINK)),
        ("tt", Resume(9), (OLD, Result.SEQUENCE)),  # nothing resumes: START goes back to row 0
        ("g1m", Resume(9), (OLD, Result.SEQUENCE)),
        ("g2 16", Resume(9), (OLD, Result.LINK)),
    ],
)
def test_a_client_that_breaks_the_rules_ends_as_its_dialect_says(
    name: str, fault: Fault, expected: tuple[Verdict, Result]
) -> None:
    verdict, result = ended(WAYS[name], fault)
    if expected[0] is NEW or name != "g1m":
        assert (verdict, result) == expected
    assert (verdict in (NEW, Verdict.FAILURE_NEW), result) == (expected[0] is NEW, expected[1])


def test_what_a_mesh_device_hears_after_its_success_can_brick_it() -> None:
    """telink-ota 4.1 point 8: START and other data, within the two seconds before the commit."""
    scenario = way("g1m", "telink-ios")
    other = scene_of(scenario).script(scenario.other)[2].value
    steps = len(writes(scenario))
    late = (Insert(steps, START), Insert(steps + 1, other))
    outcome = simulate(Plan(replace(scenario, client_name="fwupd"), late))
    assert (outcome.verdict, outcome.result) == (Verdict.BRICK, Result.SUCCESS)


IMAGES = [  # faults of the image, and what TT and G2 say to it
    ((SpoilTrailer(),), Result.CHECK, Result.CHECK),
    ((FlipImage(0x200 * 8),), Result.CHECK, Result.CHECK),
    ((FlipImage(0x200 * 8), Sign()), Result.SUCCESS, Result.SUCCESS),
    ((Put(0x06, b"\x00"),), Result.CHECK, Result.CHECK),
    ((Put(0x07, b"\x00"),), Result.CHECK, Result.CHECK),
    ((Put(0x07, b"\x01"),), Result.CHECK, Result.CHECK),
    ((Put(0x07, b"\x03"),), Result.CHECK, Result.CHECK),
    ((Put(0x08, b"\x00"),), Result.MARK, Result.MARK),
    ((Put(0x18, bytes(4)),), Result.SIZE, Result.SIZE),
    ((Put(0x18, b"\x01\x00\x00\x00"),), Result.MARK, Result.MARK),  # the client sends that one byte
    ((Put(0x18, b"\x24\x00\x00\x00"),), Result.CHECK, Result.CHECK),
    ((Put(0x18, b"\xff\xff\xff\xff"),), Result.INCOMPLETE, Result.SIZE),
    ((Append(bytes(1340)),), Result.SUCCESS, Result.SUCCESS),
    ((Shorten(900),), Result.INCOMPLETE, Result.INCOMPLETE),
]


@pytest.mark.parametrize(("faults", "tt", "g2"), IMAGES, ids=lambda value: str(value)[:40])
def test_a_bad_image_is_refused_for_what_is_wrong_with_it(
    faults: tuple[Fault, ...], tt: Result, g2: Result
) -> None:
    assert ended(WAYS["tt"], *faults)[1] is tt
    assert ended(WAYS["g2 16"], *faults)[1] is g2


def test_a_fault_about_a_write_that_there_is_not_is_refused() -> None:
    for fault in (Drop(1000), Insert(1000, b""), Leave(1000), Flip(0, 999)):
        with pytest.raises(LocalError):
            simulate(Plan(WAYS["tt"], (fault,)))


def test_a_client_without_an_interval_of_its_own_is_faster_than_the_shortest_timer() -> None:
    assert WAYS["g2 16"].dialect.process_timeout > 8192 * SPACING


def main() -> None:
    """An outcome that is not the model's ends it with an AssertionError that names the fault."""
    for name, scenario in LARGE_WAYS.items():
        seen = check(scenario, link_faults(scenario))
        assert not BAD & seen.keys(), name
        told = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(seen.items()))
        print(f"{name:<8}{len(writes(scenario)):>4} writes  {seen.total():>6,} faults: {told}", flush=True)  # noqa: T201 - a script


if __name__ == "__main__":
    main()
