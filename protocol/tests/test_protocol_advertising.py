from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import RemoteError
from lockbench_protocol.lock import advertising as adv
from lockbench_protocol.lock.dates import date5, date6, from_bcd, read_date, to_bcd

pytestmark = pytest.mark.usefixtures("codecs")
ADDRESS = "C2:11:22:33:44:55"
addresses = st.binary(min_size=6, max_size=6).map(adv.mac_text)
states = st.builds(
    adv.LockState,
    scene=st.integers(0, 255),
    flags=st.integers(0, 255).map(adv.Flag),
    battery=st.integers(0, 100),
    address=addresses,
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59))


@given(states)
def test_a_scanner_reads_what_the_lock_says(state: adv.LockState) -> None:
    data = adv.manufacturer_data(state)
    assert len(data) == adv.SIZE
    assert adv.read_manufacturer(data, state.address) == state
    assert adv.read_manufacturer(adv.dfu_manufacturer_data(state)) is None
    assert adv.is_dfu(adv.dfu_manufacturer_data(state))


@given(st.binary(max_size=40), addresses)
def test_foreign_data_never_raise(data: bytes, address: str) -> None:
    adv.read_manufacturer(data, address)
    assert sum(len(value) + 2 for _, value in adv.structures(data)) <= len(data)


@given(states, addresses)
def test_an_advertisement_that_names_another_address_is_ignored(state: adv.LockState, other: str) -> None:
    found = adv.read_manufacturer(adv.manufacturer_data(state), other)
    assert (found is not None) == (other == state.address)


def test_tv49_byte_for_byte() -> None:
    flags = adv.Flag.SETTING | adv.Flag.TOUCHED
    data = adv.manufacturer_data(adv.LockState(2, flags, 95, ADDRESS))
    assert data.hex() == "0503020c5f000000005544332211c2"
    assert adv.advertisement(data).hex() == "0201060303101910ff0503020c5f000000005544332211c2"
    assert adv.scan_response(adv.name_of("S202T", ADDRESS)).hex() == "0d0953323032545f353534343333"


def test_leading_zeros_of_an_address_are_kept() -> None:
    assert adv.mac_text(adv.mac_bytes("0A:0B:00:01:02:03")) == "0A:0B:00:01:02:03"
    assert adv.name_of("M", "0A:0B:00:01:02:03") == "M_030201"


@given(moments)
def test_dates_survive_the_wire_in_all_three_forms(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    assert read_date(date6(moment)) == moment
    assert read_date(date5(moment)) == moment.replace(second=0)
    assert read_date(from_bcd(to_bcd(date5(moment)))) == moment.replace(second=0)


@pytest.mark.parametrize("data", ["", "18", "180000", "181e1e0000", "18021e0000", "1802010000ff"])
def test_what_no_calendar_has_is_no_date(data: str) -> None:
    with pytest.raises(RemoteError, match="no date"):
        read_date(bytes.fromhex(data))


def test_a_nibble_above_nine_is_no_bcd() -> None:
    with pytest.raises(RemoteError, match="no BCD"):
        from_bcd(b"\x1a")
