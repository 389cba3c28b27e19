import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.credentials import LOCK_VERSION_KEYS, Credentials, saved
from lockbench_protocol import LocalError

VERSION = {"protocolType": 5, "protocolVersion": 3, "scene": 2, "groupId": 1, "orgId": 1}
CREDENTIALS = Credentials(
    address="C2:11:22:33:44:55",
    name="S202T_554433",
    aes_key=bytes(range(16)),
    admin_ps=1234567890,
    unlock_key=987654321,
    lock_data="bG9jaw==",
    lock_version=VERSION,
    admin_passcode="1234567",
)

octets = st.integers(0, 255).map("{:02X}".format)
credentials = st.builds(
    Credentials,
    address=st.lists(octets, min_size=6, max_size=6).map(":".join),
    name=st.text(max_size=30),
    aes_key=st.one_of(st.just(b""), st.binary(min_size=16, max_size=16)),
    admin_ps=st.integers(0, 2**32),
    unlock_key=st.integers(0, 2**32),
    lock_data=st.text(max_size=30),
    lock_version=st.fixed_dictionaries({key: st.integers(0, 255) for key in LOCK_VERSION_KEYS}),
    admin_passcode=st.text(alphabet="0123456789", max_size=9),
)


@given(credentials)
def test_what_is_written_is_read_back(value: Credentials) -> None:
    assert Credentials.from_json(value.to_json()) == value


@given(st.text())
def test_any_other_text_is_a_local_error(text: str) -> None:
    with pytest.raises(LocalError):
        Credentials.from_json(text)


def test_the_file_is_private_new_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    with saved(CREDENTIALS, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert Credentials.load(path) == CREDENTIALS
        with pytest.raises(LocalError, match="exists already"):
            CREDENTIALS.save(path)
    assert not path.exists()


def test_the_file_is_removed_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    with pytest.raises(RuntimeError), saved(CREDENTIALS, path):
        raise RuntimeError
    assert not path.exists()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"address"', '"adress"', "no key 'address'"),
        ("C2:11", "C2-11", "address must look like"),
        ("000102", "0001zz", "aes_key must be hex"),
        ("000102", "0102", "must be 16 bytes"),
        ("1234567890", '"1234567890"', "admin_ps must be a whole number"),
        ('"scene"', '"sceme"', "lock_version has no key 'scene'"),
    ],
)
def test_an_error_names_the_key_and_shows_no_secret(old: str, new: str, sentence: str) -> None:
    with pytest.raises(LocalError, match=sentence) as caught:
        Credentials.from_json(CREDENTIALS.to_json().replace(old, new), source="lock.json")
    assert "lock.json" in str(caught.value)
    assert CREDENTIALS.lock_data not in str(caught.value)


def test_a_repr_shows_no_secret() -> None:
    text = repr(CREDENTIALS)
    assert CREDENTIALS.address in text
    assert str(CREDENTIALS.admin_ps) not in text
    assert CREDENTIALS.lock_data not in text


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="cannot read"):
        Credentials.load(tmp_path / "absent.json")
