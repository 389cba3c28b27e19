"""The cached cipher gives what a new AES-CBC object gives, by either way into pycryptodome's C code."""

from __future__ import annotations

import pytest
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol.lock import cipher as module
from lockbench_protocol.lock.cipher import Cipher, CipherError

keys = st.binary(min_size=16, max_size=16)
plains = st.lists(st.binary(max_size=70), min_size=1, max_size=5)


@pytest.fixture(params=[True, False], ids=["into a buffer", "into new bytes"])
def fills(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(module, "FILLS", request.param)
    return bool(request.param)


@given(key=keys, messages=plains)
@pytest.mark.parametrize("into_buffer", [True, False])
def test_messages_in_any_order_are_those_of_a_new_cipher(
    key: bytes, messages: list[bytes], into_buffer: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FILLS", into_buffer)
        ours = Cipher(key)
    for plain in messages:
        data = ours.encrypt(plain)
        assert data == AES.new(key, AES.MODE_CBC, iv=key).encrypt(pad(plain, 16))
        assert ours.decrypt(data) == plain
    kept = [ours.encrypt(plain) for plain in messages]
    assert [ours.decrypt(data) for data in kept] == messages


def test_what_was_returned_does_not_change_with_the_next_call(fills: bool) -> None:
    ours = Cipher(bytes(16))
    first = ours.encrypt(b"one")
    again = bytes(first)
    ours.encrypt(b"two")
    assert (type(first), first) == (bytes, again)


def test_damaged_data_are_refused_and_harm_nothing(fills: bool) -> None:
    ours = Cipher(bytes(range(16)))
    data = ours.encrypt(b"whole")
    for damaged in (b"", data[:-1], data + b"x", bytes(16)):
        with pytest.raises(CipherError):
            ours.decrypt(damaged)
    assert ours.decrypt(data) == b"whole"
