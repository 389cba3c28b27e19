"""The store in flash: a dict, which a power cut leaves before or after a transaction, never between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lockbench_emulator.boot import power
from lockbench_emulator.boot.flash import BLANK, PAGE, SECTOR, Flash, Operation, PowerCut, Snapshot
from lockbench_emulator.lock.sector import (
    CONTINUES,
    GOES_ON,
    MARK,
    RECORD_LIMIT,
    RECORD_SIZE,
    RETIRED,
    Record,
    frame_body,
    header,
)
from lockbench_emulator.lock.store import Store, StoreFault, StoreFull
from lockbench_protocol import LocalError

Puts = Mapping[bytes, bytes | None]
Pairs = list[tuple[bytes, bytes]]

START = SECTOR  # one sector of a neighbour on each side of the region
NEIGHBOUR = bytes(range(256)) * (SECTOR // 256)
LARGEST_VALUE = RECORD_LIMIT - RECORD_SIZE - 8  # for keys of 8 bytes


def drawn(seed: object) -> Random:
    return Random(str(seed))  # noqa: S311 - a test repeats itself


def torn_bytes(seed: int) -> power.Settling:
    """Each byte is done or not, a program's and an erase's alike."""

    def settle(operation: Operation) -> bytes:
        chance = drawn((seed, operation.number))
        choice = chance.getrandbits(len(operation.after))
        pairs = zip(operation.before, operation.after, strict=True)
        return bytes(new if choice >> at & 1 else old for at, (old, new) in enumerate(pairs))

    return settle


def torn_bits(seed: int) -> power.Settling:
    """Each bit is done or not."""

    def settle(operation: Operation) -> bytes:
        chance = drawn((seed, operation.number))
        length = len(operation.after)
        before, after = int.from_bytes(operation.before), int.from_bytes(operation.after)
        choice = chance.getrandbits(8 * length)
        return (before & ~choice | after & choice).to_bytes(length)

    return settle


def mark_left_at(cells: int) -> power.Settling:
    return lambda _: bytes([cells])


def rear_half(operation: Operation) -> bytes:
    """An erase that starts at the far end: what stands at the head is the last to go."""
    middle = len(operation.after) // 2
    return operation.before[:middle] + operation.after[middle:]


STYLES: tuple[power.Settling, ...] = (
    power.not_done,
    power.half,
    rear_half,
    torn_bytes(1),
    torn_bits(1),
    power.done,
)


@dataclass
class Bench:
    """A region of `sectors` between two neighbours, and its store; every operation is watched."""

    sectors: int = 3
    flash: Flash = field(init=False)
    store: Store = field(init=False)
    plan: Callable[[Operation], bytes] | None = None

    def __post_init__(self) -> None:
        self.flash = Flash((self.sectors + 2) * SECTOR)
        self.end = START + self.sectors * SECTOR
        self.flash.load(0, NEIGHBOUR)
        self.flash.load(self.end, NEIGHBOUR)
        self.flash.hook = self._watch
        self.open()

    def open(self) -> Pairs:
        """A new start; it only reads."""
        before = self.flash.operations
        self.store = Store(self.flash, START, self.end)
        assert self.flash.operations == before
        return list(self.store.items())

    def cells(self) -> bytes:
        return self.flash.read(START, self.end - START)

    def commit_cut(self, puts: Puts, after: int, style: power.Settling) -> bool:
        """Commit with a cut at the operation number `after` of it; whether it came so far."""
        self.plan = power.cut_at(self.flash.operations + after, style)
        try:
            self.store.commit(puts)
        except PowerCut:
            return True
        finally:
            self.plan = None
        return False

    def _watch(self, operation: Operation) -> bytes:
        """Frames go onto blank cells only; the one exception makes a header zero."""
        assert START <= operation.address < self.end
        if operation.kind == "program":
            blank = not operation.before.strip(b"\xff")
            retired = operation.address % SECTOR == 0 and operation.after == RETIRED
            assert blank or retired
        return self.plan(operation) if self.plan else operation.after


def applied(pairs: Pairs, puts: Puts) -> Pairs:
    """The model: a dict keeps its keys in the order in which they first came."""
    model = dict(pairs)
    for key, value in puts.items():
        if value is None:
            model.pop(key, None)
        else:
            model[key] = value
    return list(model.items())


# The property: a dict, whatever happens to the supply

KEYS = [b"%d" % number for number in range(8)] + [b"card/%02d" % number for number in range(8)]
keys = st.sampled_from(KEYS)
values = st.none() | st.builds(
    lambda fill, length: bytes([fill]) * length,
    st.sampled_from([0x00, 0x5A, 0xFF]),
    st.sampled_from([0, 1, 20, 200, 247, 248, 249, 490]),
)
transactions = st.dictionaries(keys, values, max_size=12)
styles = st.sampled_from(STYLES) | st.integers(0, 999).map(torn_bits) | st.integers(0, 999).map(torn_bytes)


class StoreMachine(RuleBasedStateMachine):
    """Commits, cuts, restarts and time travel on a small region."""

    @initialize(sectors=st.integers(3, 5))
    def begin(self, sectors: int) -> None:
        self.bench = Bench(sectors)
        self.model: Pairs = []
        self.saved: list[tuple[Snapshot, Pairs]] = []

    @rule(puts=transactions)
    def commit(self, puts: Puts) -> None:
        try:
            self.bench.store.commit(puts)
        except StoreFull:
            return
        self.model = applied(self.model, puts)

    @rule(todo=st.lists(transactions, min_size=5, max_size=10))
    def commit_many(self, todo: list[Puts]) -> None:
        for puts in todo:
            self.commit(puts)

    @rule(puts=transactions, after=st.integers(0, 40), style=styles)
    def cut(self, puts: Puts, after: int, style: power.Settling) -> None:
        try:
            cut = self.bench.commit_cut(puts, after, style)
        except StoreFull:
            return
        new = applied(self.model, puts)
        pairs = self.bench.open() if cut else new
        assert pairs in (self.model, new)
        self.model = pairs

    @rule()
    def save(self) -> None:
        self.saved.append((self.bench.flash.snapshot(), self.model))

    @precondition(lambda self: self.saved)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        snapshot, self.model = data.draw(st.sampled_from(self.saved))
        self.bench.flash.restore(snapshot)
        self.bench.open()

    @invariant()
    def the_store_and_the_flash_say_what_the_model_says(self) -> None:
        if not hasattr(self, "bench"):
            return
        store = self.bench.store
        again = Store(self.bench.flash, START, self.bench.end)
        assert list(store.items()) == list(again.items()) == self.model
        assert store.used == again.used == sum(RECORD_SIZE + len(k) + len(v) for k, v in self.model)
        assert all(store.get(key) == dict(self.model).get(key) for key in KEYS)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=40, stateful_step_count=20)


# Every operation cut, once and twice

Story = list[Puts]


def settings_and_log() -> Story:
    """What a lock does: a log that is a ring, a setting that is rewritten, a code added and deleted."""
    story: Story = []
    for number in range(40):
        puts: dict[bytes, bytes | None] = {
            b"log/%02d" % number: bytes([number]) * 300,
            b"last": bytes([number]),
        }
        if number >= 8:
            puts[b"log/%02d" % (number - 8)] = None
        if number % 5 == 0:
            puts[b"code"] = None if number % 2 else bytes([number]) * 40
        story.append(puts)
    return story


def wide_transactions() -> Story:
    """Transactions of two and three sectors, and small ones between them."""
    story: Story = [{b"kept": bytes(100)}]
    for turn in range(5):
        wide = {b"wide/%d" % number: bytes([turn * 16 + number]) * 440 for number in range(11 + turn % 2)}
        story += [{**wide, b"turn": bytes([turn])}, {b"wide/2": None, b"odd": bytes(turn)}]
    return story


def deleted_and_not_seen_again() -> Story:
    """Keys are deleted in the rear of the sector of their value, and in the next; then the log runs round."""
    story: Story = [{b"a": b"first", b"b": b"first"}, {b"a": None}, {b"a": b"again", b"c": b"c"}]
    fill: Story = [{b"fill": bytes([number]) * 490} for number in range(40)]
    return [*story, *fill[:6], {b"b": None}, *fill[6:8], {b"a": None}, {b"b": b"back"}, *fill[8:]]


def nearly_full() -> Story:
    """Keys that stay fill the store, so that every collect copies a sector."""
    story: Story = [{b"%d" % number: bytes([number]) * 490} for number in range(6)]
    story += [{b"small": bytes([number]) * 200} for number in range(45)]
    return story


SECTORS = {nearly_full: 3, settings_and_log: 3, deleted_and_not_seen_again: 3, wide_transactions: 5}
STORIES = list(SECTORS)


@dataclass(frozen=True)
class Moment:
    """Before one transaction of a story: the flash, the pairs, and how many operations it takes."""

    snapshot: Snapshot
    pairs: Pairs
    puts: Puts
    operations: int


def moments(story: Callable[[], Story]) -> tuple[Bench, list[Moment]]:
    bench = Bench(SECTORS[story])
    found: list[Moment] = []
    for puts in story():
        before, pairs = bench.flash.snapshot(), list(bench.store.items())
        first = bench.flash.operations
        bench.store.commit(puts)
        assert list(bench.store.items()) == bench_pairs(bench) == applied(pairs, puts)
        found.append(Moment(before, pairs, puts, bench.flash.operations - first))
    assert bench.flash.erases, "the story is too short for a collect"
    return bench, found


def bench_pairs(bench: Bench) -> Pairs:
    return list(Store(bench.flash, START, bench.end).items())


def cuts(bench: Bench, puts: Puts, which: Iterable[power.Settling]) -> Iterable[tuple[int, Pairs]]:
    """Cut the transaction at each operation in each style, from the flash as it is: what an open shows."""
    before = bench.flash.snapshot()
    for style in which:
        number = 0
        while True:
            bench.flash.restore(before)
            bench.open()
            if not bench.commit_cut(puts, number, style):
                break
            yield number, bench.open()
            number += 1


@pytest.mark.parametrize("story", STORIES)
def test_a_cut_at_any_operation_shows_all_of_a_transaction_or_none(story: Callable[[], Story]) -> None:
    bench, found = moments(story)
    for number, moment in enumerate(found):
        new = applied(moment.pairs, moment.puts)
        then = found[number + 1].puts if number + 1 < len(found) else {b"then": b"more"}
        bench.flash.restore(moment.snapshot)
        seen = set()
        for operation, pairs in cuts(bench, moment.puts, STYLES):
            seen.add(operation)
            assert pairs in (moment.pairs, new)
            for puts in (then, moment.puts):
                bench.store.commit(puts)
            expected = applied(applied(pairs, then), moment.puts)
            assert list(bench.store.items()) == bench_pairs(bench) == expected
        assert seen == set(range(moment.operations))


@pytest.mark.parametrize("story", STORIES)
def test_a_second_cut_at_any_operation_changes_nothing_of_that(story: Callable[[], Story]) -> None:
    bench, found = moments(story)
    moment = max(found, key=lambda moment: moment.operations)
    new = applied(moment.pairs, moment.puts)
    bench.flash.restore(moment.snapshot)
    for _, pairs in cuts(bench, moment.puts, (power.not_done, torn_bits(3))):
        for _, again in cuts(bench, moment.puts, (torn_bytes(5),)):
            assert again in (pairs, new)
        bench.store.commit(moment.puts)
        assert bench_pairs(bench) == new


def test_cuts_without_end_leave_the_store_usable() -> None:
    bench = Bench(3)
    chance = drawn(0)
    pairs: Pairs = []
    for number in range(600):
        puts: Puts = {
            b"%d" % chance.randrange(6): bytes([number % 256]) * chance.randrange(490),
            b"n": b"%d" % number,
        }
        cut = bench.commit_cut(puts, chance.randrange(9), chance.choice(STYLES))
        new = applied(pairs, puts)
        seen = bench.open() if cut else new
        assert seen in (pairs, new)
        pairs = seen
    bench.store.commit({b"last": b"one"})
    assert bench.open() == applied(pairs, {b"last": b"one"})


def test_a_transaction_counts_with_all_bits_of_its_mark_and_with_none_less() -> None:
    bench = Bench(3)
    bench.store.commit({b"key": b"old"})
    before = bench.flash.snapshot()
    for left in range(256):
        bench.flash.restore(before)
        bench.open()
        assert bench.commit_cut({b"key": b"new", b"other": b"too"}, 1, mark_left_at(left))
        pairs = bench.open()
        assert pairs == ([(b"key", b"old")] if left else [(b"key", b"new"), (b"other", b"too")])
        bench.store.commit({b"key": b"then"})
        assert bench.open() == applied(pairs, {b"key": b"then"})


def test_a_store_that_finds_no_free_sector_gives_up_the_copies_and_nothing_else() -> None:
    """The cut falls between the copies of a collect and the end of the oldest sector, again and again."""
    bench, found = moments(nearly_full)
    moment = max(found, key=lambda moment: moment.operations)
    bench.flash.restore(moment.snapshot)
    for _ in range(10):
        before = bench.flash.snapshot()
        full = [number for number, _ in cuts(bench, moment.puts, [power.not_done]) if fills_the_region(bench)]
        bench.flash.restore(before)
        bench.open()
        assert bench.commit_cut(moment.puts, full[-1], power.not_done)
        assert bench.open() == moment.pairs
    given_up = bench.flash.snapshot()
    for puts in (moment.puts, *({key: b"!"} for key, _ in moment.pairs)):
        bench.flash.restore(given_up)
        bench.open()
        bench.store.commit(puts)
        assert bench.open() == applied(moment.pairs, puts)


def fills_the_region(bench: Bench) -> bool:
    """Every sector has a header: none is free."""
    return all(bench.flash.read(address, 4) == b"LBS1" for address in range(START, bench.end, SECTOR))


# Garbage


@given(st.integers(0, 2**32), st.integers(3, 6))
def test_a_region_of_any_bytes_opens_empty_and_takes_a_transaction(seed: int, sectors: int) -> None:
    bench, chance = Bench(sectors), drawn(seed)
    fills = [lambda: chance.randbytes(SECTOR), lambda: bytes(SECTOR), lambda: BLANK, lambda: NEIGHBOUR]
    bench.flash.load(START, b"".join(chance.choice(fills)() for _ in range(sectors)))
    assert bench.open() == []
    bench.store.commit({b"key": b"value"})
    assert bench.open() == [(b"key", b"value")]


@given(
    st.sampled_from(STORIES),
    st.lists(st.tuples(st.integers(0, 3 * SECTOR - 1), st.binary(min_size=1, max_size=300)), max_size=12),
    st.permutations(range(3)) | st.just([0, 1, 2]) | st.just([0, 0, 1]),
)
def test_a_spoilt_region_opens_and_shows_only_what_was_once_written(
    story: Callable[[], Story], spots: list[tuple[int, bytes]], order: list[int]
) -> None:
    bench = Bench(SECTORS[story])
    written: set[tuple[bytes, bytes | None]] = {(b"key", b"value")}
    for puts in story():
        bench.store.commit(puts)
        written.update(puts.items())
    cells = bench.cells()
    bench.flash.load(START, b"".join(cells[at * SECTOR :][:SECTOR] for at in order))
    for at, spot in spots:
        bench.flash.load(START + at, spot[: 3 * SECTOR - at])
    pairs = bench.open()
    assert set(pairs) <= written
    try:
        bench.store.commit({b"key": b"value"})
    except StoreFault:
        assert bench.open() == pairs
    else:
        assert dict(bench.open())[b"key"] == b"value"


def sector_cells(sequence: int, *frames: tuple[int, list[Record]]) -> bytes:
    cells = header(sequence)
    for links, records in frames:
        cells += MARK + frame_body(sequence, len(cells), links, records)
    return cells.ljust(SECTOR, b"\xff")


def test_a_region_without_a_free_sector_shows_all_that_is_whole_and_takes_no_more() -> None:
    """No cut leaves such cells: the newest sector holds more than copies."""
    bench = Bench(3)
    records = [Record(b"%d" % number, bytes([number]) * 490, number) for number in range(3)]
    region = b"".join(sector_cells(5 + at, (0, [record])) for at, record in enumerate(records))
    bench.flash.load(START, region[:-1] + b"\x00")
    pairs = [(record.key, record.value) for record in records]
    assert bench.open() == pairs
    with pytest.raises(StoreFault, match="no sector of the store is free"):
        bench.store.commit({b"key": b"value"})
    assert bench.cells() == region[:-1] + b"\x00"


@pytest.mark.parametrize("sequence", [6, 8])
@pytest.mark.parametrize("links", [0, CONTINUES])
def test_an_unfinished_transaction_is_finished_only_by_its_own_rest_in_the_next_sector(
    sequence: int, links: int
) -> None:
    bench = Bench(4)
    first = sector_cells(5, (GOES_ON, [Record(b"first", b"", 0)]))
    last = sector_cells(sequence, (links, [Record(b"last", b"", 1)]), (0, [Record(b"more", b"", 2)]))
    bench.flash.load(START, first + last)
    whole = links == CONTINUES and sequence == 6
    assert [key for key, _ in bench.open()] == ([b"first"] if whole else []) + [b"last", b"more"]


@given(st.data())
def test_any_cell_may_change_in_a_sector_and_the_other_sectors_keep_theirs(data: st.DataObject) -> None:
    bench = Bench(4)
    for number in range(15):
        bench.store.commit({b"%02d" % number: bytes([number]) * 400})
    pairs = dict(bench.store.items())
    sector = data.draw(st.integers(0, 3)) * SECTOR
    here = bench.cells()[sector : sector + SECTOR]
    kept = {key for key, value in pairs.items() if value not in here}
    at = START + sector + data.draw(st.integers(0, SECTOR - 1))
    bench.flash.load(at, data.draw(st.binary(min_size=1, max_size=1)))
    shown = dict(bench.open())
    assert all(shown.get(key) == pairs[key] for key in kept)
    assert shown.items() <= pairs.items()


# Room, wear, cost


@given(
    st.integers(3, 6),
    st.integers(0, LARGEST_VALUE),
    st.integers(0, LARGEST_VALUE),
    st.integers(0, 2**32),
)
@settings(max_examples=25)
def test_a_full_store_says_so_before_anything_changes_and_then_still_works(
    sectors: int, low: int, high: int, seed: int
) -> None:
    bench, chance = Bench(sectors), drawn(seed)
    low, high = sorted((low, high))
    model: dict[bytes, bytes] = {}
    while True:
        key, value = b"%08d" % len(model), bytes([len(model) % 256]) * chance.randint(low, high)
        before = bench.flash.operations
        try:
            bench.store.commit({key: value})
        except StoreFull:
            break
        model[key] = value
    assert bench.flash.operations == before
    assert bench.store.used + RECORD_SIZE + 8 + len(value) > bench.store.capacity
    for _ in range(60):
        key = chance.choice(list(model))
        model[key] = chance.randbytes(len(model[key]))
        bench.store.commit({key: model[key]})
    assert bench.open() == list(model.items())
    gone = chance.sample(sorted(model), min(len(model), 150))
    bench.store.commit(dict.fromkeys(gone))
    for key in gone:
        del model[key]
    bench.store.commit({b"new": b"key"})
    assert bench.open() == [*model.items(), (b"new", b"key")]


def test_a_transaction_may_replace_everything_when_there_is_room_for_both() -> None:
    bench = Bench(5)
    old = {b"%08d" % number: bytes(LARGEST_VALUE) for number in range(10)}
    new = {key: bytes([1]) * LARGEST_VALUE for key in old}
    for puts in (old, new) * 6:
        bench.store.commit(puts)
        assert bench.open() == list(puts.items())


def test_a_transaction_that_has_no_room_beside_what_it_replaces_is_refused() -> None:
    bench = Bench(5)
    old = {b"%08d" % number: bytes(LARGEST_VALUE) for number in range(20)}
    for key, value in old.items():
        bench.store.commit({key: value})
    before = bench.cells()
    with pytest.raises(StoreFull, match="beside"):
        bench.store.commit(dict.fromkeys(old, b"\x01" * LARGEST_VALUE))
    assert bench.cells() == before
    assert bench.open() == list(old.items())


def test_the_sectors_wear_alike() -> None:
    flash = Flash()
    store = Store(flash, 0xF0000, 0x100000)
    store.commit({b"never rewritten": bytes(400)})
    for number in range(4000):
        puts: dict[bytes, bytes | None] = {b"log%04d" % number: bytes(30)}
        if number >= 200:
            puts[b"log%04d" % (number - 200)] = None
        store.commit(puts)
        store.commit({b"setting": b"%d" % number})
    erases = [flash.erases[address] for address in range(0xF0000, 0x100000, SECTOR)]
    assert min(erases) > 3
    assert max(erases) - min(erases) <= 1


def test_a_small_commit_is_two_operations_and_what_changes_nothing_is_none() -> None:
    bench = Bench(16)
    bench.store.commit({b"key": b"value"})
    before = bench.flash.operations
    bench.store.commit({b"key": b"other", b"absent": None})
    assert bench.flash.operations == before + 2
    bench.store.commit({b"key": b"other", b"absent": None})
    bench.store.commit({})
    assert bench.flash.operations == before + 2


def test_a_sector_that_is_blank_is_not_erased_first() -> None:
    bench = Bench(3)
    for number in range(12):
        bench.store.commit(
            {b"%d" % number: bytes([number]) * 300} if number % 2 else {b"0": bytes([number]) * 300}
        )
    assert not bench.flash.erases


# The face


def test_items_come_in_the_order_in_which_their_keys_first_came() -> None:
    bench = Bench(3)
    bench.store.commit({b"code/2": b"x", b"card/1": b"y"})
    bench.store.commit({b"code/1": b"z", b"code/3": b""})
    for number in range(40):
        bench.store.commit({b"code/2": bytes([number]) * 400})
    bench.store.commit({b"code/1": None})
    bench.store.commit({b"code/1": b"again", b"card/1": b"Y"})
    expected = [(b"code/2", bytes([39]) * 400), (b"code/3", b""), (b"code/1", b"again")]
    assert list(bench.store.items(b"code/")) == expected
    bench.open()
    assert list(bench.store.items(b"code/")) == expected
    assert list(bench.store.items(b"car")) == [(b"card/1", b"Y")]
    assert bench.store.get(b"code/3") == b""
    assert bench.store.get(b"code") is None


def test_items_may_be_deleted_while_they_are_listed() -> None:
    bench = Bench(3)
    bench.store.commit({b"%d" % number: b"" for number in range(5)})
    for key, _ in bench.store.items():
        bench.store.commit({key: None})
    assert bench.open() == []


def test_the_cells_are_those_of_the_format() -> None:
    bench = Bench(3)
    bench.store.commit({b"k": b"value", b"\x01": b""})
    bench.store.commit({b"k": None})
    first = b"\x01\x05\x00" + bytes(4) + b"kvalue" + b"\x01\x00\x00" + b"\x01\x00\x00\x00" + b"\x01"
    second = b"\x01\xff\xff" + bytes(4) + b"k"
    top = b"LBS1" + b"\x01\x00\x00\x00"
    frames = [
        b"\x00" + links_and_length + crc(b"\x01\0\0\0" + offset + links_and_length + records) + records
        for offset, links_and_length, records in (
            (b"\x0c\x00", b"\x00\x15\x00", first),
            (b"\x29\x00", b"\x00\x08\x00", second),
        )
    ]
    assert bench.cells() == b"".join([top, crc(top), *frames]).ljust(3 * SECTOR, b"\xff")


def crc(data: bytes) -> bytes:
    return crc32(data).to_bytes(4, "little")


@pytest.mark.parametrize("key", [b"", bytes(256)])
def test_a_key_of_no_or_too_many_bytes_is_refused(key: bytes) -> None:
    with pytest.raises(LocalError, match=f"a key of {len(key)} bytes"):
        Bench().store.commit({key: b""})


def test_a_value_that_is_too_long_is_refused_and_nothing_of_its_transaction_is_kept() -> None:
    bench = Bench()
    bench.store.commit({b"12345678": bytes(LARGEST_VALUE)})
    with pytest.raises(LocalError, match="513 bytes for the key 3132333435363738 exceed 512"):
        bench.store.commit({b"fine": b"", b"12345678": bytes(LARGEST_VALUE + 1)})
    assert bench.open() == [(b"12345678", bytes(LARGEST_VALUE))]


@pytest.mark.parametrize(
    ("start", "end"), [(0, 2 * SECTOR), (1, 4 * SECTOR), (0, 6 * SECTOR), (SECTOR, 0), (-SECTOR, 3 * SECTOR)]
)
def test_a_region_that_is_no_three_sectors_of_the_flash_is_refused(start: int, end: int) -> None:
    with pytest.raises(LocalError, match="a store"):
        Store(Flash(5 * SECTOR), start, end)


@pytest.mark.parametrize("commits", [1, 12, 40])
def test_cells_that_do_not_take_a_program_are_a_fault_and_the_transaction_does_not_count(
    commits: int,
) -> None:
    bench = Bench()
    for number in range(commits):
        bench.store.commit({b"key": bytes([number]) * 400})
    bench.plan = power.half
    with pytest.raises(StoreFault, match="0x"):
        bench.store.commit({b"key": b"new" * 100})
    bench.plan = None
    expected = [(b"key", bytes([commits - 1]) * 400)]
    assert list(bench.store.items()) == bench.open() == expected
    bench.store.commit({b"key": b"new"})
    assert bench.open() == [(b"key", b"new")]


def test_after_a_fault_no_frame_goes_onto_the_spoilt_cells() -> None:
    bench = Bench()
    bench.store.commit({b"key": b"old"})
    bench.plan = power.half
    with pytest.raises(StoreFault):
        bench.store.commit({b"key": b"lost"})
    bench.plan = None
    bench.store.commit({b"key": b"new"})
    assert bench.open() == [(b"key", b"new")]


@pytest.mark.parametrize("length", [1, 200, 490])
def test_a_program_stays_in_its_page_and_clears_blank_cells(length: int) -> None:
    bench = Bench()
    seen: list[Operation] = []

    def note(operation: Operation) -> bytes:
        seen.append(operation)
        return operation.after

    bench.plan = note
    for number in range(60):
        bench.store.commit({b"key": bytes([number]) * length})
    programs = [operation for operation in seen if operation.kind == "program"]
    assert all(op.address // PAGE == (op.address + len(op.after) - 1) // PAGE for op in programs)
    assert all(set(op.before) == {0xFF} for op in programs if op.after != RETIRED)
