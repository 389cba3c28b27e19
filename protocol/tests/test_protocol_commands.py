import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import RemoteError
from lockbench_protocol.lock import envelope
from lockbench_protocol.lock.cipher import CipherError, cipher
from lockbench_protocol.lock.commands import COMMANDS, PayloadError
from lockbench_protocol.lock.commands.log import RECORD_BODY, TAILS
from lockbench_protocol.lock.commands.passcode import PasscodeOp
from lockbench_protocol.lock.features import Feature, bits, feature_value, words
from lockbench_protocol.lock.frame import decode

pytestmark = pytest.mark.usefixtures("codecs")
FILE = json.loads((Path(__file__).parent / "vectors/ttlock-ble.json").read_text())
ENCRYPTED = [vector for vector in FILE["frames"] if vector["cipher"]]
KNOWN = [
    vector
    for vector in FILE["frames"]
    if (bytes.fromhex(vector["plain"])[0] if vector["direction"] == "lock-to-client" and vector["plain"]
        else decode(bytes.fromhex("".join(vector["chunks"]))).command) in COMMANDS
]  # fmt: skip


@given(st.binary(min_size=16, max_size=16), st.lists(st.binary(max_size=100), min_size=1, max_size=5))
def test_what_was_encrypted_decrypts_in_any_order(key: bytes, plains: list[bytes]) -> None:
    made = cipher(key)
    sent = [made.encrypt(plain) for plain in plains]
    assert [made.decrypt(data) for data in reversed(sent)] == list(reversed(plains))
    assert sent == [made.encrypt(plain) for plain in plains]


@given(st.binary(max_size=70))
def test_data_that_do_not_decrypt_are_a_cipher_error(data: bytes) -> None:
    try:
        plain = cipher(bytes(16)).decrypt(data)
    except CipherError:
        return
    assert cipher(bytes(16)).encrypt(plain) == data


@pytest.mark.parametrize("vector", ENCRYPTED, ids=lambda vector: vector["id"])
def test_the_vectors_encrypt_and_decrypt(vector: dict[str, Any]) -> None:
    made = cipher(bytes.fromhex(FILE["keys"][vector["key"]]))
    assert made.encrypt(bytes.fromhex(vector["plain"])).hex() == vector["cipher"]
    assert made.decrypt(bytes.fromhex(vector["cipher"])).hex() == vector["plain"]


@pytest.mark.parametrize("vector", KNOWN, ids=lambda vector: vector["id"])
def test_the_vectors_have_the_layout_of_their_command(vector: dict[str, Any]) -> None:
    plain = bytes.fromhex(vector["plain"] or "")
    if vector["direction"] == "client-to-lock":
        command = COMMANDS[decode(bytes.fromhex("".join(vector["chunks"]))).command]
        assert command.build_request(command.parse_request(plain)) == plain
        return
    answer = envelope.unpack(plain)
    assert envelope.pack(answer) == plain
    if isinstance(answer, envelope.Reply):
        command = COMMANDS[answer.echo]
        built = command.build_reply(command.parse_reply(answer.body))
        # the byte after a device information value belongs to no field
        assert built == answer.body


def test_five_zeros_after_a_permanent_passcode_are_ignored() -> None:
    request = COMMANDS[0x03].parse_request(bytes.fromhex("02010631323334353618030109000000000000"))  # TV51
    assert (request.op, request.args.type, request.args.code) == (PasscodeOp.ADD, 1, "123456")


@given(st.sampled_from(sorted(COMMANDS)), st.binary(max_size=60))
def test_any_plaintext_parses_or_is_a_payload_error(opcode: int, plain: bytes) -> None:
    for parse in (COMMANDS[opcode].parse_request, COMMANDS[opcode].parse_reply):
        try:
            parse(plain)
        except PayloadError as error:
            assert COMMANDS[opcode].name in str(error)


@given(st.sampled_from(sorted(TAILS)), st.binary(max_size=2))
def test_a_log_record_too_short_for_its_type_has_no_tail(kind: int, rest: bytes) -> None:
    record = RECORD_BODY.parse(bytes((kind, 24, 2, 29, 13, 45, 10, 95)) + rest)
    assert record.battery == 95


@given(st.binary(max_size=20))
def test_any_plaintext_is_a_reply_a_refusal_or_a_remote_error(plain: bytes) -> None:
    try:
        answer = envelope.unpack(plain)
    except RemoteError:
        return
    assert answer.echo == plain[0]


@given(st.frozensets(st.sampled_from(Feature)))
def test_feature_bits_survive_their_words(features: frozenset[Feature]) -> None:
    assert bits(words(features)) == features


def test_tv09_has_the_features_of_the_specification() -> None:
    groups = COMMANDS[0x01].parse_reply(bytes.fromhex("5f0044c5d700000040")).words
    assert bits(groups) == {0, 1, 2, 4, 6, 7, 8, 10, 14, 15, 18, 22, 38}
    assert feature_value(groups) == "400044C5D7"
    assert groups[0] == 4507095
