"""The lock without a radio: requests in, answers out."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Advertise, Disconnect, Effect, Happened, Notify
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.handlers import HANDLERS
from lockbench_emulator.profiles import load_profile, names
from lockbench_protocol import LocalError
from lockbench_protocol.lock import advertising as adv
from lockbench_protocol.lock.cipher import DEFAULT_KEY, cipher
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.crc import TEXTBOOK
from lockbench_protocol.lock.envelope import Refusal, Reply, unpack
from lockbench_protocol.lock.frame import Frame, Reassembler, chunks, decode, encode
from lockbench_protocol.lock.obfuscation import obfuscate, reveal
from lockbench_protocol.lock.status import Status

STRICT = load_profile("strict")


class Phone:
    """The other side of a lock, in memory, with the key that it believes in."""

    def __init__(self, device: LockDevice) -> None:
        self.device = device
        self.now = 0.0
        self.key = device.memory.key or DEFAULT_KEY
        self.effects: list[Effect] = list(device.connected(self.now))
        self.stream = Reassembler()

    def send(self, raw: bytes) -> list[bytes]:
        """The decrypted plaintexts that come back; None data is an empty plaintext."""
        return [
            plain for chunk in chunks(raw) for plain in self.hear(self.device.write("fff2", chunk, self.now))
        ]

    def hear(self, effects: list[Effect]) -> list[bytes]:
        self.effects += effects
        frames = [
            decode(raw)
            for effect in effects
            if isinstance(effect, Notify)
            for raw in self.stream.feed(effect.value)
        ]
        return [cipher(self.key).decrypt(frame.data) if frame.data else b"" for frame in frames]

    def ask(self, opcode: int, values: Any = None, plain: bytes | None = None) -> Reply | Refusal:
        plain = COMMANDS[opcode].build_request(values) if plain is None else plain
        (answer,) = self.send(encode(Frame(opcode, cipher(self.key).encrypt(plain) if plain else b"")))
        return unpack(answer)

    def challenge(self, opcode: int = 0x55) -> int:
        admin = self.device.memory.admin
        assert admin is not None
        values = {
            "admin_ps": admin.admin_ps,
            "start": bytes(5),
            "end": b"\x63" * 5,
            "lock_flag_pos": 0,
            "uid": 7,
        }
        answer = self.ask(opcode, values)
        assert isinstance(answer, Reply)
        return (COMMANDS[opcode].parse_reply(answer.body).ps + admin.unlock_key) % 2**32  # type: ignore[no-any-return]  # construct

    def login(self, opcode: int = 0x41) -> None:
        assert self.ask(0x30, {"sum": self.challenge(opcode)}) == Reply(0x30)

    def add(
        self, code: str, kind: int = 3, start: bytes = bytes(5), end: bytes = b"\x63" * 5
    ) -> Reply | Refusal:
        return self.ask(0x03, {"op": 2, "args": {"type": kind, "code": code, "start": start, "end": end}})

    def wait(self, seconds: float) -> list[bytes]:
        end = self.now + seconds
        heard = []
        while (due := self.device.deadline()) is not None and due <= end:
            self.now = due
            heard += self.hear(self.device.advance(self.now))
        self.now = end
        return heard


def phone(profile: str = "strict", *, paired: bool = True) -> Phone:
    return Phone(LockDevice(load_profile(profile), seed=1, paired=paired))


writes = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.builds(
            lambda opcode, plain: encode(Frame(opcode, cipher(bytes(16)).encrypt(plain))),
            st.sampled_from(sorted(COMMANDS)),
            st.binary(max_size=30),
        ),
    ),
    max_size=12,
)


@given(writes, st.booleans())
def test_garbage_is_survived_and_the_next_good_frame_is_served(garbage: list[bytes], paired: bool) -> None:
    talker = phone(paired=paired)
    for value in garbage:
        for chunk in chunks(value):
            talker.device.write("fff2", chunk, talker.now)
    talker.stream.reset()
    assert talker.send(encode(Frame(0x45)))[-1] == b"\x45\x01"


@given(st.sampled_from(sorted(COMMANDS)), st.binary(max_size=40), st.sampled_from(["strict", "open"]))
def test_any_plaintext_under_the_right_key_gets_one_answer_with_its_echo(
    opcode: int, plain: bytes, profile: str
) -> None:
    talker = phone(profile)
    answers = talker.send(encode(Frame(opcode, cipher(talker.key).encrypt(plain))))
    assert [answer[0] for answer in answers] == [opcode]


@given(st.integers(0, 255), st.sampled_from(["none", "55", "41", "55+30", "41+30"]))
def test_the_table_of_levels_decides_who_may_give_a_command(opcode: int, login: str) -> None:
    talker = phone()
    if login.startswith(("55", "41")):
        (talker.login if login.endswith("30") else talker.challenge)(int(login[:2], 16))
    answer = talker.ask(opcode, plain=b"")
    if opcode not in HANDLERS or COMMANDS[opcode].feature not in {None, *STRICT.features}:
        assert answer == Refusal(opcode, Status.INVALID_COMMAND)
        return
    level = COMMANDS[opcode].level.value
    refused = isinstance(answer, Refusal) and answer.code in (2, 18)
    allowed = {
        "0": True, "P": True, "after 41/55": login != "none", "U or 41": login != "none",
        "P or U+30": login.endswith("30"), "U+30": login.endswith("30"), "A": login == "41+30",
        "P or A": login == "41+30",
    }[level]  # fmt: skip
    assert refused != allowed
    if level in ("A", "P or A") and login == "55+30":
        assert answer == Refusal(opcode, Status.NOT_ADMIN)


def test_a_lock_is_paired_step_by_step_and_leaves_setting_mode() -> None:
    talker = phone(paired=False)
    assert talker.ask(0x41, {"admin_ps": 1, "lock_flag_pos": 0, "uid": 0}) == Refusal(0x41, Status.NO_ADMIN)
    assert talker.ask(0x34) == Refusal(0x34, Status.IN_SETTING_MODE)
    key = talker.ask(0x19, {"vendor": b"SCIENER"})
    assert isinstance(key, Reply)
    talker.key = key.body
    assert talker.ask(0x56, {"admin_ps": 12, "unlock_key": 34, "vendor": b"SCIENER"}) == Reply(
        0x56, b"SCIENER"
    )
    assert talker.ask(0x43, {"date": bytes((26, 1, 1, 0, 0, 0))}) == Reply(0x43, b"\x5f")
    assert talker.ask(0x53, {"digits": [1, 2, 3, 4, 5, 6, 7]}) == Reply(0x53, b"\x5f")
    assert talker.ask(0x57) == Reply(0x57, b"\x5f")
    assert talker.ask(0x19, {"vendor": b"SCIENER"}) == Refusal(0x19, Status.NOT_IN_SETTING_MODE)
    talker.device.disconnected(talker.now)
    shown = talker.device.advertisement()
    assert shown is not None
    state = adv.read_manufacturer(dict(adv.structures(shown.data))[adv.MANUFACTURER])
    assert state is not None
    assert not state.flags & adv.Flag.SETTING


def test_a_drop_before_the_end_of_pairing_forgets_the_owner() -> None:
    talker = phone(paired=False)
    key = talker.ask(0x19, {"vendor": b"SCIENER"})
    assert isinstance(key, Reply)
    talker.key = key.body
    talker.ask(0x56, {"admin_ps": 12, "unlock_key": 34, "vendor": b"SCIENER"})
    talker.device.disconnected(talker.now)
    assert talker.device.memory.admin is None
    assert not talker.device.memory.key


def test_another_vendor_string_is_refused_with_29() -> None:
    assert phone(paired=False).ask(0x19, {"vendor": b"OTHER"}) == Refusal(0x19, Status.INVALID_VENDOR)


def test_a_request_under_another_key_is_answered_by_a_frame_without_data() -> None:
    talker = phone()
    assert talker.send(encode(Frame(0x41, cipher(DEFAULT_KEY).encrypt(b"x" * 11)))) == [b""]


def test_a_wrong_crc_is_answered_with_1_and_a_textbook_crc_is_taken() -> None:
    talker = phone()
    data = next(
        data
        for data in (bytes((value,)) * 16 for value in range(256))
        if encode(Frame(0x54, data), TEXTBOOK) != encode(Frame(0x54, data))
    )
    raw = bytearray(encode(Frame(0x54, data)))
    raw[-3] ^= 1
    assert talker.send(bytes(raw)) == [bytes((0x54, 0, Status.CRC))]
    assert talker.send(encode(Frame(0x54, data), TEXTBOOK)) == [b""]  # read, and found not to decrypt


def test_a_sum_that_does_not_match_is_refused_with_8_and_moves_nothing() -> None:
    talker = phone()
    right = talker.challenge()
    assert talker.ask(0x47, {"sum": right ^ 1, "time": 5}) == Refusal(0x47, Status.INVALID_DYNAMIC_CODE)
    assert not talker.device.memory.unlocked
    assert isinstance(talker.ask(0x47, {"sum": right, "time": 5}), Reply)
    assert talker.device.memory.unlocked


@pytest.mark.parametrize(("login", "opens"), [(0x55, False), (0x41, True)])
def test_the_privacy_bolt_keeps_users_out_and_lets_the_administrator_in(login: int, opens: bool) -> None:
    talker = phone()
    talker.device.by_hand(lambda lock, _: hands.throw_privacy_bolt(lock, on=True), talker.now)
    answer = talker.ask(0x47, {"sum": talker.challenge(login), "time": 5})
    assert (answer == Refusal(0x47, Status.DOUBLE_LOCKED)) is not opens
    assert talker.device.memory.unlocked is opens
    assert isinstance(talker.ask(0x58, {"sum": talker.challenge(login), "time": 6}), Reply)


def test_pushes_wait_for_silence_and_tell_the_state_and_the_record() -> None:
    talker = phone()
    talker.ask(0x47, {"sum": talker.challenge(), "time": 5})
    assert talker.wait(0.29) == []
    state, record = talker.wait(0.7)
    assert state == bytes((0x14, 1, 95, 1, 0))
    assert record == bytes((0x14, 1, 95, 0, 0, 0, 7, 0, 0, 0, 5, 26, 1, 1, 0, 0, 0))


def test_an_idle_link_is_dropped_after_ten_seconds_and_a_frame_extends_it() -> None:
    talker = phone()
    talker.wait(9.0)
    talker.ask(0x14, {"vendor": b"SCIENER"})
    talker.wait(9.0)
    assert Disconnect() not in talker.effects
    talker.wait(1.0)
    assert talker.effects[-1] == Disconnect()


def test_a_passcode_opens_inside_its_window_and_both_edges_belong_to_it() -> None:
    talker = phone()
    talker.login()
    assert talker.add("123456", 3, bytes((26, 1, 1, 0, 10)), bytes((26, 1, 1, 0, 20))) == Reply(
        0x03, b"\x5f\x02"
    )
    assert talker.add("123456") == Refusal(0x03, Status.PASSCODE_EXISTS, 2)
    device = talker.device
    opened = [minute for minute in range(30) if opens(device, "123456", minute * 60)]
    assert opened == list(range(10, 21))


def opens(device: LockDevice, code: str, now: float) -> bool:
    device.memory.keypad_locked_until = 0
    return Happened("bolt", {"unlocked": True}) in device.enter_code(code, now)


def test_a_one_time_code_opens_once() -> None:
    talker = phone()
    talker.login()
    talker.add("1234", 2)
    assert [opens(talker.device, "1234", at) for at in (1.0, 2.0)] == [True, False]


def test_five_wrong_codes_lock_the_keypad_and_the_right_one_does_not_shorten_it() -> None:
    talker = phone()
    talker.login()
    talker.add("1234")
    for at in range(5):
        talker.device.enter_code("9999", float(at))
    tries = [
        at
        for at in range(5, 200)
        if Happened("bolt", {"unlocked": True}) in talker.device.enter_code("1234", float(at))
    ]
    assert tries[0] == 4 + 90


def test_auto_lock_shows_only_in_the_advertisement() -> None:
    talker = phone()
    talker.login()
    assert talker.ask(0x36, {"op": 2, "seconds": 60, "door_sensor": None}) == Reply(0x36, b"\x5f\x02")
    device = talker.device
    device.disconnected(0.0)
    device.enter_code(device.memory.admin_passcode, 0.0)
    before = device.memory.last_sequence
    device.advance(10.0)  # the touched flag goes
    assert device.advance(59.9) == []
    effects = device.advance(60.0)
    assert [type(effect) for effect in effects] == [Happened, Advertise]
    assert device.memory.last_sequence == before


@given(st.lists(st.tuples(st.sampled_from("adm"), st.sampled_from(["1111", "2222", "3333"])), max_size=30))
def test_the_list_shows_what_was_written(steps: list[tuple[str, str]]) -> None:
    talker = phone()
    talker.login()
    known: dict[str, None] = {}
    for op, code in steps:
        if op == "a":
            added = talker.add(code)
            assert isinstance(added, Reply) == (code not in known)
            known[code] = None
        elif op == "d":
            answer = talker.ask(0x03, {"op": 3, "args": {"type": 3, "code": code}})
            assert isinstance(answer, Reply) == (code in known)
            known.pop(code, None)
    assert [row.code for row in listing(talker)] == list(known)


def listing(talker: Phone) -> list[Any]:
    rows: list[Any] = []
    while True:
        answer = talker.ask(0x07, {"seq": len(rows)})
        assert isinstance(answer, Reply)
        page = COMMANDS[0x07].parse_reply(answer.body).page
        if page is None:
            return rows
        rows += page.records


@given(st.integers(0, 40), st.sampled_from(["fit", "one"]))
def test_the_log_is_read_without_gap_or_double_at_any_page_size(count: int, page: Any) -> None:
    profile = replace(STRICT, log=replace(STRICT.log, page=page))
    talker = Phone(LockDevice(profile, seed=1))
    for code in range(count):
        talker.device.memory.keypad_locked_until = 0
        talker.device.enter_code(f"{code:04}", 1.0)
    read: list[str] = []
    while True:
        answer = talker.ask(0x25, {"cursor": 0xFFFF})
        assert isinstance(answer, Reply)
        found = COMMANDS[0x25].parse_reply(answer.body).page
        if found is None:
            break
        read += [record.tail.code for record in found.records]
    assert read == [f"{code:04}" for code in range(count)]
    assert not talker.device.memory.unread


def test_a_user_with_more_periods_than_a_record_holds_is_told_that_the_memory_is_full() -> None:
    talker = phone("cyclic")
    talker.login()
    period = {"cycle": 1, "day": 1, "start_hour": 1, "start_minute": 2, "end_hour": 3, "end_minute": 4}
    add = {"op": 2, "user_type": 2, "user": bytes(4), "period": period}
    kept = 0
    while isinstance(answer := talker.ask(0x70, add), Reply):
        kept += 1
    assert answer.code == Status.OUT_OF_MEMORY
    assert len(talker.device.memory.periods[b"\x02" + bytes(4)]) == kept > 10
    assert isinstance(talker.ask(0x14, plain=b"SCIENER"), Reply)


def test_a_profile_with_an_unknown_key_names_it(tmp_path: Any) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('extends = "default"\n[log]\nsize = 5\n')
    with pytest.raises(LocalError, match="log: key 'size' is unknown"):
        load_profile(str(path))
    path.write_text('extends = "default"\n[session]\nlogin = "loose"\n')
    with pytest.raises(LocalError, match="session: login is 'loose', not 'strict' or 'open'"):
        load_profile(str(path))
    path.write_text('extends = "default"\n[model]\nfeatures = ["wings"]\n')
    with pytest.raises(LocalError, match="features has 'wings', which is no feature"):
        load_profile(str(path))
    path.write_text("session = 1\n")
    with pytest.raises(LocalError, match="session is no table"):
        load_profile(str(path))
    with pytest.raises(LocalError, match="no profile 'nothing'; there are cyclic, default"):
        load_profile("nothing")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('extends = "mine.toml"', "extends is 'mine.toml', not another profile"),
        ("extends = 5", "extends is 5, not another profile"),
        ("[model]\nprotocol_version = true", "model: protocol_version is True, not 1 or 3"),
        ("[model]\nscene = 256", "model.scene is 256, not 0 to 255"),
        ("[advertising]\nbattery = -1", "advertising.battery is -1, not 0 to 100"),
        ("[advertising]\ndfu_mark = 'zz11'", "dfu_mark is 'zz11', not 2 to 2 bytes in hex digits"),
        ("[session]\ninfo_tail = '0'", "info_tail is '0', not 0 to 16 bytes in hex digits"),
        ("[dfu]\nwindow_seconds = nan", "dfu.window_seconds is nan, not 0 to 1e"),
    ],
)
def test_a_profile_that_no_lock_can_have_is_refused(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    base = "" if text.startswith("extends") else 'extends = "default"\n'
    (tmp_path / "mine.toml").write_text(base + text)
    with pytest.raises(LocalError) as raised:
        load_profile("mine.toml")
    assert says in str(raised.value)


@pytest.mark.parametrize("name", names())
def test_every_profile_loads_and_its_lock_answers(name: str) -> None:
    device = LockDevice(load_profile(name), seed=1)
    talker = Phone(device)
    if device.profile.model.protocol_version == 3:
        assert isinstance(talker.ask(0x14, {"vendor": b"SCIENER"}), Reply)


def test_a_v2s_lock_speaks_xor_and_no_client_takes_it_for_v3() -> None:
    device = LockDevice(load_profile("v2s"), seed=1)
    shown = device.advertisement()
    assert shown is not None
    assert adv.read_manufacturer(dict(adv.structures(shown.data))[adv.MANUFACTURER]) is None
    device.connected(0.0)
    seed, plain = 42, b"SCIENER"
    data = obfuscate(plain, seed)[:-1]
    effects = device.write("fff2", encode(Frame(0x14, data, protocol_version=1, encrypt=seed))[:20], 0.0)
    effects += device.write("fff2", encode(Frame(0x14, data, protocol_version=1, encrypt=seed))[20:], 0.0)
    raw = b"".join(effect.value for effect in effects if isinstance(effect, Notify))
    frame = decode(raw)
    assert frame.protocol_version == 1
    assert unpack(reveal(frame.data + bytes((frame.encrypt,)))) == Reply(0x14, b"\x5f\x00\x00")


def test_a_lock_without_a_clock_takes_only_codes_that_are_for_ever() -> None:
    talker = phone("noclock")
    talker.login()
    assert talker.ask(0x34) == Refusal(0x34, Status.INVALID_COMMAND)
    talker.add("1111", 3, bytes((0, 1, 1, 0, 0)), bytes((99, 12, 31, 0, 0)))
    talker.add("2222", 3, bytes((20, 1, 1, 0, 0)), bytes((40, 12, 31, 0, 0)))
    assert opens(talker.device, "1111", 1.0)
    assert not opens(talker.device, "2222", 1.0)
