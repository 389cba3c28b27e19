"""Cards, fingerprints, templates, cyclic periods and fobs: the client's conversations with a lock."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.lock import hands
from lockbench_harness.client import enrolment as enrol
from lockbench_harness.client.configuration import FREEZE, put
from lockbench_harness.client.enrolment import CARD, FINGERPRINT, CyclicPeriod, Enrolled
from lockbench_harness.client.operations import PERMANENT, LockRefused, login_admin, read_log, set_time
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.cards import AddStatus, CredentialOp, Cycle, CyclicUser, card_number
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.envelope import Refusal, Reply
from lockbench_protocol.lock.status import Status

cards = st.binary(min_size=4, max_size=4) | st.binary(min_size=8, max_size=8)
fingers = st.binary(min_size=6, max_size=6)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 30))
windows = st.tuples(moments, moments).map(lambda pair: (date5(min(pair)), date5(max(pair))))
NUMBERS = {CARD: cards, FINGERPRINT: fingers}
UNKNOWN = {CARD: Status.CARD_UNKNOWN, FINGERPRINT: Status.FINGERPRINT_UNKNOWN}
PRESENT = {CARD: hands.present_card, FINGERPRINT: hands.present_finger}
steps = st.sampled_from([CARD, FINGERPRINT]).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.lists(
            st.tuples(
                st.sampled_from(["restore", "restore", "learn", "modify", "delete", "clear"]),
                st.integers(0, 4),
                windows,
            ),
            max_size=12,
        ),
        st.lists(NUMBERS[kind], min_size=5, max_size=5, unique=True),
    )
)


@given(steps)
def test_a_search_lists_what_was_written_whatever_was_done(owner: Any, drawn: Any) -> None:
    kind, changes, numbers = drawn
    app, known = owner(), {}
    for what, at, window in changes:
        number = numbers[at]
        if what == "restore":
            app.run(enrol.restore(app.keys, kind, number, window))
            known[number] = window
        elif what == "learn":
            learn(app, kind, number)
            known[number] = PERMANENT
        elif what == "clear":
            app.run(enrol.clear(app.keys, kind))
            known.clear()
        else:
            change = enrol.change_window(app.keys, kind, number, window)
            code = app.code_of(change if what == "modify" else enrol.delete(app.keys, kind, number))
            assert code == (None if number in known else UNKNOWN[kind])
            if what == "modify" and number in known:
                known[number] = window
            elif what == "delete":
                known.pop(number, None)
    assert app.run(enrol.search(app.keys, kind)) == [
        Enrolled(number, *window) for number, window in known.items()
    ]


def learn(app: Any, kind: int, number: bytes) -> None:
    scans = app.run(enrol.enter_adding(app.keys, kind)) or 1
    for _ in range(scans):
        assert not app.do(PRESENT[kind], number)
        app.wait(1.0)


@given(st.sampled_from([CARD, FINGERPRINT]), windows, moments, st.data())
def test_a_credential_opens_inside_its_window_and_never_outside(
    owner: Any, kind: int, window: tuple[bytes, bytes], moment: datetime, data: Any
) -> None:
    app, number = owner(), data.draw(NUMBERS[kind])
    app.run(enrol.restore(app.keys, kind, number, window))
    app.run(set_time(app.keys, moment))
    assert app.do(PRESENT[kind], number) == (window[0] <= date5(moment) <= window[1])
    assert not app.do(PRESENT[kind], bytes(len(number) - 1) + bytes((number[-1] ^ 1,)))


@given(st.lists(cards, min_size=1, max_size=20, unique=True))
def test_an_8_byte_card_stands_alone_in_its_page(owner: Any, numbers: list[bytes]) -> None:
    app = owner()
    for number in numbers:
        app.run(enrol.restore(app.keys, CARD, number))
    pages: list[list[int]] = []

    def look() -> Any:
        yield from login_admin(app.keys)
        seq = 0
        while seq != 0xFFFF:
            page = yield from enrol._ask(CARD, CredentialOp.SEARCH_CARD, {"seq": seq})
            pages.append([len(row.number) for row in page.records])
            seq = page.next

    app.run(look())
    assert all(set(page) == {4} or page == [8] for page in pages)
    assert [size for page in pages for size in page] == [len(number) for number in numbers]


@pytest.mark.parametrize(
    ("decimal", "size"),
    [("4294967295", 4), ("4294967296", 8), ("9999999999", 8), ("00000000001", 8), ("7", 4)],
)
def test_the_decimal_of_a_card_decides_its_length(owner: Any, decimal: str, size: int) -> None:
    app, number = owner(), card_number(decimal)
    assert len(number) == size
    app.run(enrol.restore(app.keys, CARD, number))
    assert app.do(hands.present_card, number)


def test_a_finger_is_learnt_in_its_scans_and_each_is_pushed_apart_from_the_reply(owner: Any) -> None:
    app, number = owner(), bytes.fromhex("000000001267")
    scans = app.run(enrol.enter_adding(app.keys, FINGERPRINT))
    for _ in range(scans):
        app.do(hands.present_finger, number)  # all at once: the pushes queue
    app.wait(5.0)
    times = [at for at, _ in app.pushes]
    assert times == pytest.approx([0.3 * (at + 1) for at in range(scans)])
    results = [COMMANDS[FINGERPRINT].parse_reply(push.body).result for _, push in app.pushes]
    assert [(row.detail.done, row.detail.total) for row in results[:-1]] == [
        (at + 1, scans) for at in range(scans - 1)
    ]
    assert (results[-1].status, results[-1].detail.number) == (AddStatus.DONE, number)


def test_a_request_between_two_scans_holds_the_next_push_back(owner: Any) -> None:
    app = owner()
    app.run(enrol.enter_adding(app.keys, CARD))
    app.do(hands.present_card, b"1267")
    app.wait(0.2)
    app.run(enrol.search(app.keys, CARD))
    app.wait(0.29)
    assert app.pushes == []
    app.wait(0.02)
    ((at, push),) = app.pushes
    assert at == pytest.approx(0.5)
    assert isinstance(push, Reply)


@pytest.mark.parametrize("kind", [CARD, FINGERPRINT])
def test_a_full_table_refuses_with_22_by_app_and_by_hand(owner: Any, kind: int) -> None:
    app = owner(credentials={"capacity": 2, "finger_scans": 1})
    size = 4 if kind == CARD else 6
    for at in range(2):
        app.run(enrol.restore(app.keys, kind, bytes((at,)) * size))
    assert app.code_of(enrol.restore(app.keys, kind, b"\x09" * size)) == Status.OUT_OF_MEMORY
    learn(app, kind, b"\x09" * size)
    ((_, push),) = app.pushes
    assert push == Refusal(kind, Status.OUT_OF_MEMORY, 2)
    assert len(app.run(enrol.search(app.keys, kind))) == 2


def test_a_dropped_link_ends_the_waiting_for_a_card(owner: Any) -> None:
    app = owner()
    app.run(enrol.enter_adding(app.keys, CARD))
    app.device.disconnected(app.now)
    app.device.connected(app.now)
    assert not app.do(hands.present_card, b"1267")
    assert app.run(enrol.search(app.keys, CARD)) == []


@given(st.integers(0, 0xFFFFFFFF), st.binary(min_size=1, max_size=400), st.integers(1, 97))
def test_a_template_of_any_length_arrives_whole(owner: Any, number: int, data: bytes, packet: int) -> None:
    app = owner(credentials={"template_packet": packet})
    stored = app.run(enrol.upload_template(app.keys, number, data))
    assert stored == number.to_bytes(6, "big")
    assert app.do(hands.present_finger, stored)


@given(
    st.binary(min_size=1, max_size=200),
    st.sampled_from(["sum", "seq", "longer", "no head"]),
    st.integers(1, 9),
)
def test_a_template_that_is_not_whole_is_refused_and_leaves_nothing(
    owner: Any, data: bytes, fault: str, off: int
) -> None:
    app = owner()

    def upload() -> Any:
        yield from login_admin(app.keys)
        head = {"number": 5, "length": len(data), "sum": (sum(data) + (off if fault == "sum" else 0)) % 65536}
        if fault != "no head":
            values = {"template": head, "start": PERMANENT[0], "end": PERMANENT[1]}
            yield from enrol._ask(FINGERPRINT, CredentialOp.ADD, values)
        seq = off if fault == "seq" else 0
        piece = data[:97] + bytes(off if fault == "longer" else 0)
        rest = data[97:194], data[194:]
        for at, part in enumerate((piece, *filter(None, rest))):
            yield from enrol._ask(FINGERPRINT, CredentialOp.TEMPLATE, {"seq": seq + at, "data": part})

    assert app.code_of(upload()) == Status.INVALID_PARAMETER
    assert app.run(enrol.search(app.keys, FINGERPRINT)) == []
    assert app.run(enrol.upload_template(app.keys, 5, data)) == bytes((0, 0, 0, 0, 0, 5))


hours = st.tuples(st.integers(0, 23), st.integers(0, 59))
periods = st.lists(
    st.builds(
        lambda cycle, day, pair: CyclicPeriod(
            cycle, day if cycle != Cycle.WEEK else day % 7 + 1, min(pair), max(pair)
        ),
        st.sampled_from(Cycle),
        st.integers(1, 31),
        st.tuples(hours, hours),
    ),
    min_size=1,
    max_size=3,
)
USERS = {
    CyclicUser.CARD: (b"\x00\x01\x12\x67", hands.present_card),
    CyclicUser.FINGERPRINT: (b"\x00\x00\x00\x00\x12\x67", hands.present_finger),
    CyclicUser.KEY_FOB: (b"\x55\x44\x33\x22\x11\xc2", hands.press_fob),
}


def holds(row: CyclicPeriod, moment: datetime) -> bool:
    """Written anew from ttlock-ble 5.13: both minutes belong to the period."""
    if row.cycle is Cycle.WEEK and moment.isoweekday() != row.day:
        return False
    if row.cycle is Cycle.MONTH and moment.day != row.day:
        return False
    return row.start <= (moment.hour, moment.minute) <= row.end


@given(st.sampled_from(CyclicUser), periods, moments, st.integers(-2, 2))
def test_cyclic_periods_hold_for_cards_fingers_and_fobs(
    owner: Any, user: CyclicUser, rows: list[CyclicPeriod], moment: datetime, nudge: int
) -> None:
    """The moment is drawn, or put near the edge of a period."""
    app, (number, hand) = owner(), USERS[user]
    if nudge:
        edge = rows[0].start if nudge < 0 else rows[0].end
        moment = moment.replace(hour=edge[0], minute=edge[1], second=0) + timedelta(minutes=nudge // 2)
    if user is CyclicUser.KEY_FOB:
        app.run(enrol.add_fob(app.keys, number))
    else:
        app.run(enrol.restore(app.keys, CARD if user is CyclicUser.CARD else FINGERPRINT, number))
    app.run(enrol.set_cyclic(app.keys, user, number, rows))
    app.run(set_time(app.keys, moment))
    extra = (1,) if user is CyclicUser.KEY_FOB else ()
    permanent = PERMANENT[0] <= date5(moment) <= PERMANENT[1]
    assert app.do(hand, number, *extra) == (permanent and any(holds(row, moment) for row in rows))
    app.run(enrol.clear_cyclic(app.keys, user, number))
    assert app.do(hand, number, *extra) == permanent
    assert app.code_of(enrol.clear_cyclic(app.keys, user, number)) == Status.RECORD_UNKNOWN


def test_an_unknown_user_or_cycle_of_a_period_is_refused(owner: Any) -> None:
    app = owner()
    row = CyclicPeriod(Cycle.DAY, 1, (9, 0), (17, 0))
    wrong: tuple[tuple[Any, Any], ...] = ((4, Cycle.DAY), (CyclicUser.CARD, 9))
    for user, cycle in wrong:
        bad = CyclicPeriod(cycle, row.day, row.start, row.end)
        assert app.code_of(enrol.set_cyclic(app.keys, user, b"1267", [bad])) == Status.INVALID_PARAMETER


def test_a_fob_opens_and_locks_until_it_is_deleted(owner: Any) -> None:
    app, mac = owner(), b"\x55\x44\x33\x22\x11\xc2"
    assert not app.do(hands.press_fob, mac, 1)
    app.run(enrol.add_fob(app.keys, mac))
    assert app.do(hands.press_fob, mac, 1)
    app.do(hands.press_fob, mac, 2)
    assert not app.device.memory.unlocked
    assert app.run(enrol.accessory_battery(app.keys, 1, mac)) == 100
    app.run(put(app.keys, FREEZE, 1))
    assert not app.do(hands.press_fob, mac, 1)
    app.run(put(app.keys, FREEZE, 0))
    app.run(enrol.delete_fob(app.keys, mac))
    assert app.code_of(enrol.delete_fob(app.keys, mac)) == Status.RECORD_UNKNOWN
    assert app.code_of(enrol.accessory_battery(app.keys, 1, mac)) == Status.RECORD_UNKNOWN
    app.run(enrol.add_fob(app.keys, mac))
    app.run(enrol.clear_fobs(app.keys))
    assert not app.do(hands.press_fob, mac, 1)
    kinds = [row.type for row in app.run(read_log(new=False))]
    assert kinds == [LogType.FOB, LogType.FOB]


def test_a_full_table_of_fobs_refuses_with_22(owner: Any) -> None:
    app = owner(credentials={"capacity": 1})
    app.run(enrol.add_fob(app.keys, bytes(6)))
    assert app.code_of(enrol.add_fob(app.keys, b"\x01" * 6)) == Status.OUT_OF_MEMORY


def test_a_wireless_door_sensor_is_paired_asked_and_deleted(owner: Any) -> None:
    app, mac = owner(), b"\x01\x02\x03\x04\x05\x06"
    app.run(enrol.set_door_sensor(app.keys, mac))
    assert app.run(enrol.accessory_battery(app.keys, 2, mac)) == 100
    app.run(enrol.set_door_sensor(app.keys))
    with pytest.raises(LockRefused):
        app.run(enrol.accessory_battery(app.keys, 2, mac))


def test_a_lock_that_lost_its_time_takes_only_credentials_that_are_for_ever(owner: Any) -> None:
    app = owner(clock={"lost_with_power": True})
    window = (bytes((20, 1, 1, 0, 0)), bytes((40, 1, 1, 0, 0)))
    app.run(enrol.restore(app.keys, CARD, b"ever"))
    app.run(enrol.restore(app.keys, CARD, b"some", window))
    app.device.cut_power(1.0)
    app.device.restore_power(2.0)
    app.now = 2.0
    assert app.do(hands.present_card, b"ever")
    assert not app.do(hands.present_card, b"some")
