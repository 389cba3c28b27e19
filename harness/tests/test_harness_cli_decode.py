from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.cli import cli, decode
from lockbench_harness.cli.decoding import read
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.crc import TEXTBOOK
from lockbench_protocol.lock.frame import Frame, encode

_VECTORS = Path(__file__).parents[2] / "protocol/tests/vectors"
LOCK = json.loads((_VECTORS / "ttlock-ble.json").read_text())
OTA = json.loads((_VECTORS / "telink-ota.json").read_text())
KEY = bytes(range(16))
HELLO = "7f5a0503010001000145aa00b30d0a"
HEAVY = ("bumble", "aiohttp", "pydantic", "plotly", "jinja2", "rich", "Crypto")

frames = st.builds(Frame, command=st.integers(0, 255), data=st.binary(max_size=48))


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["decode", *arguments], input=stdin)


def as_json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return found


@given(st.lists(frames, min_size=1, max_size=4))
def test_frames_in_a_row_are_explained_one_by_one_and_no_byte_is_left_out(sent: list[Frame]) -> None:
    data = b"".join(map(encode, sent))
    pieces = read(data)
    assert [piece.raw for piece in pieces] == list(map(encode, sent))
    assert b"".join(field.raw for piece in pieces for field in piece.fields) == data
    assert all(piece.error is None for piece in pieces)


@given(st.binary(min_size=1, max_size=80), st.none() | st.just(KEY))
def test_any_bytes_are_explained_or_broken_and_nothing_raises(data: bytes, key: bytes | None) -> None:
    pieces = read(data, key=key)
    assert b"".join(piece.raw for piece in pieces) == data
    for piece in pieces:
        assert piece.error is None or 0 <= piece.error.offset <= len(data)
        json.dumps(piece.as_json())


@given(st.sampled_from(sorted(COMMANDS)), st.binary(max_size=40), st.booleans())
def test_any_plaintext_is_explained_or_broken(opcode: int, body: bytes, reply: bool) -> None:
    plain = bytes((opcode, 1)) + body if reply else body
    [piece] = read(encode(Frame(0x54 if reply else opcode, cipher(KEY).encrypt(plain))), key=KEY)
    assert piece.plain == plain
    if piece.error is not None:
        assert piece.error.field == "plaintext"


@given(frames, st.data())
def test_a_broken_byte_is_among_the_changes_that_would_mend_it(frame: Frame, data: st.DataObject) -> None:
    raw = encode(frame)
    offset = data.draw(st.sampled_from([*range(3, 11), *range(12, len(raw) - 2)]))
    broken = bytearray(raw)
    broken[offset] ^= 1 << data.draw(st.integers(0, 7))
    [piece] = read(bytes(broken))
    if piece.error is None:
        return  # the slip in the vendor's table hides the change
    assert (piece.error.field, piece.error.offset) == ("crc", len(raw) - 3)
    assert (offset, broken[offset], raw[offset]) in [
        (mend.offset, mend.found, mend.wanted) for mend in piece.mends
    ]


@pytest.mark.parametrize("vector", LOCK["frames"], ids=lambda vector: vector["id"])
def test_the_vectors_of_section_12_are_explained_down_to_the_plaintext(vector: dict[str, Any]) -> None:
    key = LOCK["keys"].get(vector["key"])
    found = as_json(*vector["chunks"], *(["--key", key] if key else []))
    assert found["ok"]
    [piece] = found["pieces"]
    assert piece["kind"] == "frame"
    if key:
        assert piece["plaintext"]["bytes"] == (vector["plain"] or "")


def test_a_request_names_its_command_and_its_fields() -> None:
    assert "INITIALIZATION, request" in run(HELLO).stdout
    request = encode(Frame(0x41, cipher(KEY).encrypt(bytes.fromhex("000000010000020000000a"))))
    found = as_json(request.hex(), "--key", KEY.hex())["pieces"][0]
    assert found["fields"][-4]["name"] == "length"
    assert found["plaintext"]["fields"] == {
        "request": "CHECK_ADMIN",
        "admin_ps": 1,
        "lock_flag_pos": 2,
        "uid": 10,
    }


def test_a_refusal_names_its_status() -> None:
    raw = encode(Frame(0x54, cipher(KEY).encrypt(bytes.fromhex("03001402"))))
    out = run(raw.hex(), "--key", KEY.hex()).stdout
    assert "0x03 MANAGE_KEYBOARD_PASSWORD" in out
    assert "20 PASSCODE_EXISTS" in out


def test_text_from_a_lock_cannot_control_the_terminal() -> None:
    code = b"\x1b[2J"
    raw = encode(Frame(0x54, cipher(KEY).encrypt(b"\x65\x01\x5f" + bytes([len(code)]) + code)))
    out = run(raw.hex(), "--key", KEY.hex()).stdout
    assert "\x1b" not in out
    assert "'\\x1b[2J'" in out


def test_a_wrong_crc_says_what_it_is_what_it_should_be_and_what_would_mend_it() -> None:
    result = run("7f5a0503030001000154aa00970d0a")
    assert result.exit_code == 1
    assert "broken: crc at offset 12: is 97, should be d4" in result.stdout
    assert "offset 4    scene             03 -> 02" in result.stdout


@pytest.mark.parametrize(
    ("text", "field", "offset"),
    [
        ("7e5a0503010001000145aa00b30d0a", "magic", 0),
        ("7f5a0503", "scene", 4),
        ("7f5a0503010001000145aa10b30d0a", "data", 12),
        ("7f5a0503010001000145aa00b30d0b", "tail", 13),
        (HELLO + "7f5a0503010001000145aa00b40d0a" + HELLO, "crc", 27),
        (HELLO + "0000", "magic", 15),
        ("0300101112121415161718191a1b1c1d1e1f3aca", "magic", 0),
        ("0503020c5f0000", "unknown", 7),
    ],
)
def test_what_is_broken_is_named_with_its_offset_and_exit_1(text: str, field: str, offset: int) -> None:
    assert run(text).exit_code == 1
    assert f"broken: {field} at offset {offset}: " in run(text).stdout
    found = as_json(text)
    assert not found["ok"]
    [error] = [piece["error"] for piece in found["pieces"] if not piece["ok"]]
    assert (error["field"], error["offset"]) == (field, offset)


def test_another_key_is_told_at_the_data() -> None:
    raw = encode(Frame(0x41, cipher(KEY).encrypt(b"secret")))
    result = run(raw.hex(), "--key", "ff" * 16)
    assert result.exit_code == 1
    assert "broken: data at offset 12: wrong padding: another key, or damaged data" in result.stdout


def test_the_textbook_table_is_an_option_and_the_vendors_frame_hints_at_it() -> None:
    raw = next(raw for n in range(256) if (raw := encode(Frame(n), TEXTBOOK)) != encode(Frame(n)))
    assert "it fits the textbook table" in run(raw.hex()).stdout
    assert run(raw.hex()).exit_code == 1
    assert run(raw.hex(), "--textbook").exit_code == 0


@pytest.mark.parametrize("pdu", OTA["pdus"], ids=lambda pdu: pdu["hex"][:8])
def test_data_pdus_of_the_bootloader_are_known_by_their_crc(pdu: dict[str, Any]) -> None:
    [piece] = as_json(pdu["hex"])["pieces"]
    assert piece["kind"] == "OTA data PDU"
    assert piece["fields"][0]["meaning"] == str(pdu["index"])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("03ff00", "RESULT result=0, success (of tt server)"),
        ("03fff001", "START_EXT pdu_length=240 version_compare=1 (of g2 client)"),
        ("00ff", "VERSION (of g1 client, g1m client, g2 client, tt client)"),
        ("0503020c5f000000005544332211c2", "C2:11:22:33:44:55"),
        ("0201060303101910ff0503020c5f000000005544332211c2", "setting, touched"),
        ("ffff020c5f000000005544332211c2", "DFU mode"),
        ("0d0953323032545f353534343333", "'S202T_554433'"),
    ],
)
def test_advertisements_and_ota_commands_are_recognised(text: str, meaning: str) -> None:
    result = run(text)
    assert result.exit_code == 0
    assert meaning in result.stdout


def test_frames_come_from_standard_input_and_may_hold_blanks_and_colons() -> None:
    spaced = ":".join(HELLO[at : at + 2] for at in range(0, len(HELLO), 2))
    assert run("-", stdin=f"0x{HELLO}\n0x7f {spaced[3:]}\n").stdout.count("INITIALIZATION") == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["7f5g"], "digit 4 is 'g'"),
        (["7f5"], "half a byte is missing"),
        ([""], "the input is empty"),
        (["-"], "the input is empty"),
        ([HELLO, "--key", "00ff"], "an AES key has 16 bytes, not 2"),
        ([HELLO, "--key", "key"], "the key is hex digits"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_2(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_terminal_gets_tables_and_markup_in_the_bytes_stays_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    decode._show(read(bytes.fromhex(HELLO) + b"\x7f\x00"))
    decode._show(read(bytes.fromhex("0809") + b"[/red]a"))
    out = capsys.readouterr().out
    assert "INITIALIZATION, request" in out
    assert "broken: magic at offset 15" in out
    assert "'[/red]a'" in out


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [(["--help"], []), (["decode", HELLO], []), (["decode", HELLO, "--key", "00" * 16], ["Crypto"])],
)
def test_only_a_key_loads_the_cipher_and_nothing_heavy_is_loaded(
    arguments: list[str], loaded: list[str]
) -> None:
    # HELLO has no data to decrypt, so a request with data stands beside it
    raw = encode(Frame(0x41, cipher(bytes(16)).encrypt(bytes(11)))).hex()
    program = (
        "import sys\nfrom lockbench_harness.cli import cli\n"
        f"cli({[*arguments, raw] if len(arguments) > 1 else arguments}, standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)  # noqa: S603 - our own program
    assert out.stdout.splitlines()[-1] == str(loaded)
