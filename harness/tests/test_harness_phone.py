"""The phone below the plug-in: its tables exhaustively, its faults one by one."""

from __future__ import annotations

import asyncio
import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_conformance.plans import plans
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import load_profile
from lockbench_harness import clock
from lockbench_harness.client.call import HOST_CODES
from lockbench_harness.faults.call import CallPlan
from lockbench_harness.faults.phone import Block, Fail, Hide, PhoneFault, Refuse, Strip, Switch
from lockbench_harness.faults.wire import from_json, to_json
from lockbench_harness.links import NotFound
from lockbench_harness.links.bare import BareLink
from lockbench_harness.phone import Handset, HostError, Phone
from lockbench_harness.phone.handset import ADAPTER, NEEDS, PERMISSION, PLATFORMS, State
from lockbench_harness.phone.troubles import CALLS, TROUBLES
from lockbench_protocol import LocalError
from lockbench_protocol.errors import error_codes

ADAPTERS = {state for state, _ in ADAPTER}
faults: st.SearchStrategy[PhoneFault] = st.one_of(
    st.builds(Switch, st.sampled_from(("bluetooth", "location", "network")), st.integers(0, 9)),
    st.builds(Refuse, st.sampled_from(("bluetooth", "nearby", "program")), st.booleans(), st.integers(0, 9)),
    st.sampled_from([(call, how) for call, ways in CALLS.items() for how in ways]).flatmap(
        lambda way: st.builds(Fail, st.just(way[0]), st.just(way[1]), st.integers(0, 3), st.integers(1, 3))
    ),
    st.builds(Hide, st.sampled_from(("1910", "fff4"))),
    st.builds(Strip),
    st.builds(Block, st.just("a.test")),
)


def test_the_tables_lead_only_to_states_that_they_know() -> None:
    assert set(ADAPTER.values()) == ADAPTERS == {"closed", "open", "scanning"}
    assert set(PERMISSION.values()) == {state for state, _ in PERMISSION} - {"unasked"}
    for state in ADAPTERS:
        assert ADAPTER[state, "close"] == ADAPTER[state, "lose"] == "closed"


@given(
    st.sampled_from(PLATFORMS), st.lists(st.sampled_from(sorted({step for _, step in ADAPTER})), max_size=9)
)
def test_the_adapter_goes_by_its_table_and_by_nothing_else(platform: str, steps: list[str]) -> None:
    state = State(Handset(platform))  # type: ignore[arg-type]  # drawn from its values
    for step in steps:
        before = state.adapter
        if (before, step) in ADAPTER:
            state.turn(step)
            assert state.adapter == ADAPTER[before, step]
        else:
            with pytest.raises(LocalError, match=f"a {before} adapter cannot {step}"):
                state.turn(step)
            assert state.adapter == before


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_app_gets_bluetooth_exactly_when_nothing_stands_between(platform: str) -> None:
    needed = (*NEEDS[platform], "program")
    for bluetooth, location, *refused in product((True, False), repeat=2 + len(needed)):
        state = State(Handset(platform))  # type: ignore[arg-type]  # one of its values
        state.switches |= {"bluetooth": bluetooth, "location": location}
        for name, no in zip(needed, refused, strict=True):
            if no:
                state.answer(name, "refuse")
        free = (
            platform != "windows" and bluetooth and not any(refused) and (location or platform != "android")
        )
        assert (state.barrier() is None) == free


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_permission_is_asked_for_once(platform: str) -> None:
    state = State(Handset(platform, answers=("program",)))  # type: ignore[arg-type]  # one of its values
    assert not state.ask("program")
    state.answer("program", "grant")
    assert state.ask("program")


def test_every_trouble_has_its_code_and_every_code_is_of_the_table() -> None:
    assert set(HOST_CODES) == set(TROUBLES)
    assert set(HOST_CODES.values()) <= set(error_codes())
    assert {how for ways in CALLS.values() for how in ways} <= set(TROUBLES)


@given(faults)
def test_a_fault_of_the_phone_is_json_as_other_faults_are(fault: PhoneFault) -> None:
    assert from_json(json.loads(json.dumps(to_json(fault))), PhoneFault) == fault


@settings(max_examples=60)
@given(plans)
def test_a_plan_of_a_call_is_json_as_other_plans_are(plan: CallPlan) -> None:
    assert from_json(json.loads(json.dumps(to_json(plan))), CallPlan) == plan


@pytest.mark.parametrize("fault", [Fail("dance"), Fail("connect", "write busy")])
def test_a_fault_that_no_host_has_is_refused(fault: Fail) -> None:
    with pytest.raises(LocalError, match="the host has no call"):
        Phone(BareLink([]), faults=(fault,))


def test_a_device_has_one_name_on_a_phone_and_it_is_no_address_on_an_apple() -> None:
    address = "C0:11:22:33:44:55"
    names = {platform: Handset(platform).device_id(address) for platform in PLATFORMS}
    assert names["android"] == names["windows"] == address
    assert len({names["ios"], names["mac"], address}) == 3
    assert Handset("ios").device_id(address) == names["ios"]


def meeting(story, *faults: PhoneFault, handset: Handset | None = None) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]  # a coroutine function of the phone and the address
    """Run the story on a phone beside a lock; what the host was called and answered."""
    device = LockDevice(load_profile("strict"), seed=5)
    calls: list[tuple[str, str]] = []

    async def main() -> None:
        async with BareLink([device]) as link:
            phone = Phone(link, handset, faults, lambda call, answer: calls.append((call, answer)))
            await story(phone, device.address)

    clock.run(main())
    return calls


def test_a_sound_phone_changes_nothing() -> None:
    async def story(phone: Phone, address: str) -> None:
        seen = await phone.scan(1.0)
        assert [one.address for one in seen] == [address]
        connection = await phone.connect(address)
        assert {"fff2", "fff4"} <= connection.characteristics().keys()
        assert await connection.read("2a19")
        await connection.disconnect()
        await phone.close_adapter()

    calls = meeting(story)
    assert {answer for _, answer in calls} == {"ok"}
    told = " ".join(call for call, _ in calls if call != "adapter")
    assert told == "start scan stop scan connect services characteristics read disconnect close adapter"


@settings(max_examples=40)
@given(faults)
def test_a_mended_phone_is_as_good_as_new(fault: PhoneFault) -> None:
    async def story(phone: Phone, address: str) -> None:
        try:
            connection = await phone.connect(address, timeout=1.0)
            await connection.disconnect()
        except (HostError, NotFound):
            pass
        phone.mend()
        await phone.close_adapter()
        assert [one.manufacturer for one in await phone.scan(1.0) if one.address == address] != [b""]
        connection = await phone.connect(address)
        assert {"fff2", "fff4"} <= connection.characteristics().keys()
        phone.request("http://a.test/")
        await connection.disconnect()

    meeting(story, fault)


@pytest.mark.parametrize("at", [4, 5])  # as the adapter is opened again, and after that
def test_bluetooth_that_is_turned_off_ends_the_link(at: int) -> None:
    async def story(phone: Phone, address: str) -> None:
        connection = await phone.connect(address)
        with pytest.raises(HostError, match="the Bluetooth switch is off"):
            await phone.connect(address)
        await asyncio.sleep(1)
        assert connection.lost

    meeting(story, Switch("bluetooth", at=at))


def test_one_link_at_a_time() -> None:
    async def story(phone: Phone, address: str) -> None:
        connection = await phone.connect(address)
        with pytest.raises(HostError, match="already connected"):
            await phone.connect(address)
        with pytest.raises(HostError, match="another device is connected"):
            await phone.connect("C0:00:00:00:00:01")
        await connection.disconnect()
        await asyncio.sleep(1)
        await (await phone.connect(address)).disconnect()

    meeting(story)


def test_a_phone_that_hides_a_refused_permission_hears_nothing() -> None:
    async def story(phone: Phone, address: str) -> None:
        assert await phone.scan(2.0) == []
        with pytest.raises(HostError, match="nearby devices not readable"):
            await phone.connect(address)

    meeting(story, Refuse("nearby", told=False))


def test_a_domain_or_a_network_that_is_missing_stops_requests_only() -> None:
    async def story(phone: Phone, address: str) -> None:
        with pytest.raises(HostError, match="not in domain list"):
            phone.request("http://a.test/x")
        phone.download("http://b.test/y")
        await (await phone.connect(address)).disconnect()

    meeting(story, Block("a.test"))
