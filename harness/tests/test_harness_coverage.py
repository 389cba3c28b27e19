"""Coverage over the tables: each test prints what no exercise has met, as a set difference that is empty.

Fields are those of every request and reply of the opcode table and of every record of the log; rows are those
of the login tables and of the OTA servers. They are met by conversations that a client has with a lock, and
by PDUs that go into a server.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from random import Random
from typing import Any

import construct
import pytest
from lockbench_emulator.boot import server as ota
from lockbench_emulator.boot.board import load_board
from lockbench_emulator.boot.dialect import ServerDialect, dialect_names, load_dialect
from lockbench_emulator.boot.factory import install
from lockbench_emulator.boot.flash import Flash
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.boot.states import INPUTS, Input, State
from lockbench_emulator.device import factory_image
from lockbench_emulator.gatt import Disconnect
from lockbench_emulator.lock import hands
from lockbench_emulator.lock import lock as lock_module
from lockbench_emulator.lock.handlers import HANDLERS
from lockbench_emulator.lock.session import IN_SETTING, REFUSALS, Login, Mode
from lockbench_emulator.lock.session import refusal as true_refusal
from lockbench_harness.client import configuration as conf
from lockbench_harness.client import enrolment as enrol
from lockbench_harness.client.enrolment import CARD, FINGERPRINT, CyclicPeriod
from lockbench_harness.client.operations import (
    PERMANENT,
    Exchange,
    add_passcode,
    auto_lock,
    clear_passcodes,
    delete_passcode,
    device_info,
    enter_dfu,
    features,
    get_time,
    list_passcodes,
    lock,
    login_admin,
    modify_passcode,
    pair,
    read_log,
    reset,
    set_time,
    status,
    unlock,
)
from lockbench_protocol.lock.cipher import DEFAULT_KEY
from lockbench_protocol.lock.commands import COMMANDS, Command
from lockbench_protocol.lock.commands.cards import Cycle, CyclicUser
from lockbench_protocol.lock.commands.info import RECORD_PUSH, STATE_PUSH, InfoType
from lockbench_protocol.lock.commands.log import RECORD_BODY, TAILS
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.commands.settings import DOOR_SENSOR, PassageType
from lockbench_protocol.telink.image import make_image
from lockbench_protocol.telink.ota import command, data_pdus, end

LIVES = 600  # of an OTA server
Field = tuple[int, str, str]  # opcode, request or reply, path

# Layouts that no lock answers, because their meaning is not public (ttlock-ble 5.22): 27 instead.
NO_HANDLER = {0x13, 0x64}


def leaves(layout: Any, path: str = "") -> Iterator[str]:
    """The named fields of a schema that are no structures themselves, one path for each place."""
    if isinstance(layout, construct.Renamed):
        inner = f"{path}.{layout.name}" if path else str(layout.name)
        found = list(leaves(layout.subcon, inner))
        yield from found or [inner]
    elif isinstance(layout, construct.Struct | construct.Select):
        for part in layout.subcons:
            yield from leaves(part, path)
    elif isinstance(layout, construct.Switch):
        for part in layout.cases.values():
            yield from leaves(part, path)
    elif isinstance(layout, construct.IfThenElse):
        yield from leaves(layout.thensubcon, path)
    elif isinstance(getattr(layout, "subcon", None), construct.Construct):
        yield from leaves(layout.subcon, path)


def met(value: Any, path: str = "") -> Iterator[str]:
    """The fields of a parsed value that hold something."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not str(name).startswith("_"):
                yield from met(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from met(inner, path)
        yield path
    elif value is not None:
        yield path


def wanted() -> set[Field]:
    return {
        (opcode, side, path)
        for opcode, row in COMMANDS.items()
        if opcode not in NO_HANDLER
        for side, layout in (("request", row.request), ("reply", row.reply))
        for path in leaves(layout)
    }


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[Field]:
    """Fields that a lock has read in requests, and a client in replies."""
    found: set[Field] = set()
    parse_request, parse_reply = Command.parse_request, Command.parse_reply

    def request(self: Command, plain: bytes) -> Any:
        parsed = parse_request(self, plain)
        found.update((self.opcode, "request", path) for path in met(parsed))
        return parsed

    def reply(self: Command, body: bytes) -> Any:
        parsed = parse_reply(self, body)
        found.update((self.opcode, "reply", path) for path in met(parsed))
        return parsed

    monkeypatch.setattr(Command, "parse_request", request)
    monkeypatch.setattr(Command, "parse_reply", reply)
    return found


def passcodes(app: Any) -> None:
    keys, run = app.keys, app.run
    for kind in PasscodeType:
        end_ = PERMANENT[1] if kind is PasscodeType.PERIOD else None
        cycle = 31 if kind is PasscodeType.CYCLIC else None
        run(conf.recover_passcode(keys, kind, f"1111{int(kind)}", PERMANENT[0], end=end_, cycle=cycle))
    run(add_passcode(keys, "123456"))
    run(modify_passcode(keys, "123456", "654321", PERMANENT))
    for operation in (list_passcodes(keys), conf.old_list(), delete_passcode(keys, "654321")):
        run(operation)


def credentials(app: Any) -> None:
    keys, run, mac = app.keys, app.run, b"\x55\x44\x33\x22\x11\xc2"
    period = CyclicPeriod(Cycle.WEEK, 1, (9, 0), (17, 0))
    for kind, number in ((CARD, b"1267"), (CARD, b"12671267"), (FINGERPRINT, b"126712")):
        run(enrol.restore(keys, kind, number))
        run(enrol.change_window(keys, kind, number, PERMANENT))
        run(enrol.search(keys, kind))
        run(enrol.delete(keys, kind, number))
    for kind, hand, number in (
        (CARD, hands.present_card, b"4711"),
        (FINGERPRINT, hands.present_finger, b"471147"),
    ):
        for _ in range(run(enrol.enter_adding(keys, kind)) or 1):
            app.do(hand, number)
            app.wait(1.0)
        app.do(hand, number)
    for _, push in app.pushes:
        COMMANDS[push.echo].parse_reply(push.body)
    run(enrol.upload_template(keys, 5, bytes(100)))
    run(enrol.set_cyclic(keys, CyclicUser.CARD, b"4711", [period]))
    run(enrol.clear_cyclic(keys, CyclicUser.CARD, b"4711"))
    for kind in (CARD, FINGERPRINT):
        run(enrol.clear(keys, kind))
    run(enrol.add_fob(keys, mac))
    run(enrol.accessory_battery(keys, 1, mac))
    app.do(hands.press_fob, mac, 1)
    run(enrol.delete_fob(keys, mac))
    run(enrol.clear_fobs(keys))
    run(enrol.set_door_sensor(keys, mac))


def settings(app: Any) -> None:
    keys, run = app.keys, app.run
    row = conf.PassageTime(PassageType.WEEKLY, 1, 0, (9, 0), (17, 0))
    for opcode in (conf.REMOTE_UNLOCK, conf.SHOW_PASSCODE, conf.FREEZE, conf.LAMP, conf.SENSITIVITY):
        run(conf.put(keys, opcode, 1))
        run(conf.get(keys, opcode))
    run(conf.put(keys, conf.FREEZE, 0))
    run(conf.put(keys, conf.AUDIO, {"on": 1, "volume": 2, "language": 1}))
    run(conf.get(keys, conf.AUDIO))
    run(conf.put(keys, conf.SWITCHES, {"item_mask": 1, "value_mask": 1}))
    run(conf.get(keys, conf.SWITCHES))
    for operation in (conf.add_passage(keys, row), conf.passage_times(keys), conf.delete_passage(keys, row)):
        run(operation)
    run(conf.clear_passage(keys))
    for seconds in (60, None):
        run(auto_lock(keys, seconds))
    run(conf.set_admin_passcode(keys, "2580258"))
    run(conf.get_admin_passcode(keys))
    run(conf.set_erase_code(keys, "98765"))
    run(conf.init_passwords(keys, 26, [(at, 9876543210) for at in range(10)]))
    run(conf.read_password_parameters(keys))
    run(conf.reset_passcode_count(keys, 1))


def others(app: Any) -> None:
    keys, run = app.keys, app.run
    app.do(hands.move_door, closed=False)
    moves = (unlock(keys, 1), lock(keys, 2), conf.dead_lock(keys, 3), unlock(keys, 4, admin=True))
    asked = (status(), features(), get_time(), set_time(keys, app.device.clock.local(0.0)))
    for operation in (*moves, *asked):
        run(operation)
    for kind in InfoType:
        run(device_info(kind))
    run(conf.set_nb_address(keys, 8011, "nb.example"))
    run(conf.scan_wifi(keys))
    run(conf.set_wifi(keys, "home", "secret"))
    run(rest(app))
    app.do(hands.enter_code, "11111")
    run(clear_passcodes(keys))
    for new in (True, False):
        run(read_log(new=new))
    run(enter_dfu(keys))


def rest(app: Any) -> Any:
    """Layouts that no conversation of the client has."""
    yield from login_admin(app.keys)
    four = bytes(4)
    yield Exchange(0xF4, {"type": 1, "ip": four, "mask": four, "gateway": four, "dns": four * 2})
    yield Exchange(0xF5, {"host": b"wifi.example", "port": 4999})
    yield Exchange(0xF6)
    yield Exchange(0x36, {"op": 2, "seconds": DOOR_SENSOR, "door_sensor": 1})
    sum_ = (app.device.lock.session.ps + app.keys.unlock_key) % 2**32
    yield Exchange(0x63, {"op": 1, "sum": sum_, "unique_id": 1, "key": 1})


# Fields of a layout that cards share with fingerprints, which alone have them; and the passcode that may be
# in a record of a fingerprint, but in none of our locks: `test_every_kind_of_record...` reads it.
NEVER_SENT: set[Field] = {
    *((CARD, "reply", f"result.detail.{name}") for name in ("done", "total", "seq", "packet")),
    (0x25, "reply", "page.records.tail.passcode"),
}


def test_every_field_of_every_command_is_exercised(owner: Any, seen: set[Field]) -> None:
    app = owner()
    for say in (passcodes, credentials, settings, others):
        say(app)
    app.run(reset(app.keys))
    fresh = owner(model={"features": (*app.device.profile.model.features,)})
    fresh.run(reset(fresh.keys))
    fresh.wire.key = DEFAULT_KEY
    fresh.run(iter_of(Exchange(0x45)))
    fresh.run(pairing(fresh))
    for opcode in (0xF2, 0x36):  # the client reads what other locks send
        bodies = {0xF2: b"\x5f\x04home\xc8", 0x36: b"\x5f\x01\0\0\0\5\3\x84\1"}
        COMMANDS[opcode].parse_reply(bodies[opcode])
    missing = wanted() - seen - NEVER_SENT
    print("fields that nothing exercises:", sorted(missing))  # noqa: T201 - the proof is the print
    assert missing == set()


def iter_of(exchange: Exchange) -> Any:
    yield exchange


def pairing(app: Any) -> Any:
    operation = pair(1, 2, "2580258", app.device.clock.local(0.0))
    exchange = next(operation)
    while True:
        reply = yield exchange
        if exchange.key_after:
            app.wire.key = reply.key
        try:
            exchange = operation.send(reply)
        except StopIteration as done:
            return done.value


def test_every_kind_of_record_and_push_is_read_whole() -> None:
    """Each tail is filled with as many bytes as it takes, and every field of it comes out."""
    missing = set()
    for kind, tail in TAILS.items():
        # codes of two digits at every length byte, numbers of any value
        body = bytes((kind, 26, 1, 2, 3, 4, 5, 95)) + (
            b"\x0212" * 4
            if "code" in str(list(leaves(tail))) or "old" in str(list(leaves(tail)))
            else b"\x02" * 40
        )
        if kind == 8:
            body = body[:8] + bytes(5) + b"\x0212"
        if kind in (20, 21, 22, 23, 33, 40, 79):
            body = body[:8] + bytes(6) + b"\x0212"
        if kind == 93:
            body = body[:8] + b"\x0212" + bytes(10)
        parsed = RECORD_BODY.parse(body)
        missing |= {(kind, path) for path in leaves(tail)} - {(kind, path) for path in met(parsed.tail)}
    for push in (STATE_PUSH, RECORD_PUSH):
        missing |= {(0x14, path) for path in leaves(push)} - {
            (0x14, path) for path in met(push.parse(bytes(15)))
        }
    print("fields of records that nothing exercises:", sorted(missing))  # noqa: T201 - likewise
    assert missing == set()


def test_every_row_of_the_login_tables_is_exercised(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every level meets every login, and a lock in setting mode every command, over the wire."""
    rows: set[object] = set()

    def refusal(mode: Mode, login: Login, opcode: int, level: Any, *, is_open: bool) -> Any:
        rows.add((level, login) if mode is Mode.READY else (mode, opcode))
        return true_refusal(mode, login, opcode, level, is_open=is_open)

    monkeypatch.setattr(lock_module, "refusal", refusal)
    app, unpaired = owner(), owner()
    unpaired.run(reset(unpaired.keys))
    unpaired.wire.key = DEFAULT_KEY
    for opcode, row in COMMANDS.items():
        if row.feature not in {None, *app.device.profile.features} or opcode not in HANDLERS:
            continue
        for login in Login:
            app.device.lock.session.login = login
            if opcode not in (0x52, 0x41, 0x55) or login is Login.NONE:
                send(app, opcode)
        if opcode != 0x19:
            send(unpaired, opcode)
    send(unpaired, 0x19)
    wanted_rows: set[object] = set(product(REFUSALS, Login)) | {
        (Mode.SETTING, opcode) for opcode in IN_SETTING
    }
    for login in Login:
        for opcode in (0x41, 0x52):
            app.device.lock.session.login = login
            send(app, opcode)
            app.wire.key = app.device.lock.key
    missing = wanted_rows - rows
    print("rows of the login tables that nothing exercises:", sorted(map(str, missing)))  # noqa: T201 - likewise
    assert missing == set()


def send(app: Any, opcode: int) -> None:
    for chunk in app.wire.request(opcode, b""):
        app.device.write("fff2", chunk, app.now)


class Watched(dict[Any, Any]):
    """The table of a server, which remembers what was asked of it."""

    def __init__(self, rows: Mapping[Any, Any]) -> None:
        super().__init__(rows)
        self.asked: set[Any] = set()

    def __getitem__(self, key: Any) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)


def wander(dialect: ServerDialect, watched: Watched, seed: int) -> None:
    """One life of a server, from its start to its reboot, among PDUs that are drawn."""
    board = load_board("b87")
    flash = Flash(board.flash_size)
    install(flash, board, factory_image("b87"))
    server = OtaServer(flash, board, dialect, 0)
    server._table = watched
    chance, now = Random(seed), 0.0  # noqa: S311 - a test repeats itself
    known = [code.to_bytes(2, "little") + bytes(6) for code in dialect.on_the_wire().client]
    image = data_pdus(make_image(200, "6.4.34", 1, mark_offset=board.mark_offset))
    broken = [pdu[:-1] + bytes((pdu[-1] ^ 1,)) for pdu in image]
    script = [command("START"), *image, end(len(image) - 1)]
    junk = [*known, *broken, *image, end(3), b"\x77\xff"]
    order: list[bytes] = []
    noise = chance.choice((0.0, 0.02, 0.3))  # some upgrades succeed
    if seed % 4 == 0:
        script = script[1:] if seed % 8 else [command("VERSION")]  # START never comes
    for _ in range(80):
        choice = chance.random()
        if choice < noise or (server.state is State.GONE and choice < 0.5):
            effects = server.write(chance.choice(junk), now)
        elif choice < 0.85:
            order = order or list(script)
            effects = server.write(order.pop(0), now)
        elif choice < 0.9 and (noise or server.state is State.GONE):
            effects = server.disconnected(now)
        else:
            due = server.deadline()
            now = max(now, due) if due is not None and chance.random() < 0.7 else now + 0.001
            effects = server.advance(now)
        if any(isinstance(effect, Disconnect) for effect in effects) and chance.random() < 0.5:
            server.disconnected(now)


@pytest.fixture(scope="module")
def asked() -> dict[str, set[Any]]:
    """What each dialect's server was asked in some hundred lives."""
    found = {}
    for name in dialect_names():
        watched = Watched(ota.table(load_dialect(name)))
        for seed in range(LIVES):
            wander(load_dialect(name), watched, seed)
        found[name] = watched.asked
    return found


def test_every_row_of_the_ota_tables_is_exercised(asked: dict[str, set[Any]]) -> None:
    """A row counts where its input can come: a dialect without an opcode never hears it."""
    missing = set()
    for name in dialect_names():
        dialect = load_dialect(name)
        heard = {INPUTS[word] for word in dialect.on_the_wire().client.values()}
        never = set(INPUTS.values()) - heard
        if dialect.unknown_command != "refused":
            never.add(Input.UNKNOWN)
        if "reboot" in dialect.after_failure and "reboot" in dialect.after_success:
            never.add(Input.STAY)
        reachable = {(state, given) for state, given in ota.table(dialect) if given not in never}
        if (
            dialect.unstarted_ends == "with link" or not dialect.idle_timeout
        ):  # nothing waits for an attempt that did not begin
            reachable.discard((State.IDLE, Input.TIME))
        if dialect.after_verdict != "heard":  # what comes after a verdict finds no second one
            reachable -= {(State.JUDGED, Input.VERDICT), (State.PARTING, Input.VERDICT)}
        missing |= {(name, *row) for row in reachable - asked[name]}
    print("rows of the OTA tables that nothing exercises:", sorted(map(str, missing)))  # noqa: T201 - likewise
    assert missing == set()
    everywhere = set.union(*asked.values())
    assert {given for _, given in everywhere} == set(Input)
