"""The plug-in's contract on an emulated lock and cloud, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.faults import PACKAGES, Fault, Faults
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Ttlock
from lockbench_emulator.cloud.ttlock.server import serving_ttlock
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import load_profile
from lockbench_harness import clock
from lockbench_harness.client.admin_key import admin_key
from lockbench_harness.client.call import Call
from lockbench_harness.client.cloud import TtlockCloud
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import enter_dfu
from lockbench_harness.client.plugin import CloudAccess, Plugin
from lockbench_harness.faults.phone import Strip
from lockbench_harness.links import Link
from lockbench_harness.links.bare import BareLink
from lockbench_harness.links.bumble import on_air
from lockbench_harness.phone import Phone
from lockbench_harness.targets.emulated import UNIX_START, ZONE_MS, lock_data_of
from lockbench_protocol import LocalError
from lockbench_protocol.errors import error_code
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.lockdata import USER, LockData
from lockbench_protocol.plugin import Version
from lockbench_protocol.telink.image import make_image

IMAGE = make_image(3000, "6.4.34", 1)
OLD, NEW = "6.4.33", "6.4.34"
ERROR_FIELDS = {"errorCode", "errorMsg", "description", "electricQuantity"}


def chance(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - test data


class World:
    """A paired lock, a cloud that knows it and has a newer firmware, and the phone between them."""

    device: LockDevice
    link: Link
    lock: BareLink
    cloud: Ttlock
    faults: Faults
    session: TtlockCloud
    access: CloudAccess
    plugin: Plugin
    lock_id: int

    def __init__(self) -> None:
        self.steps: list[dict[str, object]] = []
        self.ends: list[dict[str, object]] = []

    @property
    def lock_data(self) -> str:
        return lock_data_of(self.device).encode(chance())

    async def add(self, **changes: object) -> dict[str, object]:
        good = {
            "passcode": "123456",
            "startDate": "0",
            "endDate": "0",
            "lockData": self.lock_data,
            "disconnectCallback": self.ends.append,
        }
        return dict(await self.plugin.create_custom_passcode(changed(good, changes)))

    async def upgrade(self, **changes: object) -> dict[str, object]:
        good = {
            "dfuPackageInfo": {
                "clientId": "app",
                "accessToken": self.session.access_token,
                "lockId": self.lock_id,
            },
            "lockData": self.lock_data,
            "callback": self.steps.append,
            "disconnectCallback": self.ends.append,
        }
        return dict(await self.plugin.enter_dfu_mode(changed(good, changes)))


def changed(good: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    """`changes` applied; a value of None takes the option out."""
    return {name: value for name, value in (good | changes).items() if value is not None}


def in_world(story: Callable[[World], Awaitable[None]], *, air: bool = False, **profile: object) -> None:
    world = World()
    found = load_profile("strict")
    for section, values in profile.items():
        found = replace(found, **{section: replace(getattr(found, section), **values)})  # type: ignore[arg-type]  # sections by name
    world.device = LockDevice(found, seed=5)

    async def main(path: str) -> None:
        loop = asyncio.get_running_loop()
        world.access = CloudAccess("http://ttlock.test", lambda: UNIX_START + loop.time(), path)
        async with AsyncExitStack() as stack:
            store = stack.enter_context(Store())
            world.cloud, world.faults = Ttlock(store, world.access.now, chance()), Faults()
            world.cloud.add_client("app", "s")
            world.cloud.add_user("app", "ann", "secret")
            world.cloud.add_firmware(found.model.name, found.model.hardware, NEW, IMAGE)
            await stack.enter_async_context(serving_ttlock(world.cloud, world.faults, socket=path))
            world.session = await stack.enter_async_context(
                TtlockCloud(world.access.base_url, "app", now=world.access.now, socket=path)
            )
            await world.session.log_in("s", "ann", "secret")
            world.lock_id = (await world.session.initialize(world.lock_data)).lock_id
            if air:
                world.link = (await stack.enter_async_context(on_air([world.device], seed=1))).links[0]
            else:
                world.link = world.lock = await stack.enter_async_context(BareLink([world.device]))
            world.plugin = Plugin(world.link, chance=chance(), cloud=world.access, language="en")
            await story(world)

    with TemporaryDirectory() as folder:
        clock.run(main(str(Path(folder) / "cloud")))


def check_error(result: dict[str, object], code: int) -> None:
    assert (result["errorCode"], set(result) - {"electricQuantity"}) == (
        code,
        ERROR_FIELDS - {"electricQuantity"},
    )
    assert result["errorMsg"] == error_code(code).text("en", status=502)
    assert code == 0 or result["description"]


def check_steps(world: World) -> None:
    """Type 1, then 2 with integer progress that never falls, then 3."""
    types = [step["type"] for step in world.steps]
    progress = [step["progress"] for step in world.steps]
    assert types == sorted(types, key=str)
    assert types[:1] == [1]
    assert types.count(1) == 1
    assert types.count(3) <= 1
    assert all(isinstance(value, int) and 0 <= value <= 100 for value in progress)
    assert progress == sorted(progress)  # type: ignore[type-var]  # integers, just checked
    assert all(set(step) <= ERROR_FIELDS | {"type", "progress"} for step in world.steps)


passcodes = st.text("0123456789", min_size=4, max_size=9)


@settings(max_examples=25)
@given(passcode=passcodes)
def test_a_written_passcode_is_in_the_lock_and_in_the_result(passcode: str) -> None:
    async def story(world: World) -> None:
        result = await world.add(passcode=passcode)
        if passcode == world.device.memory.admin_passcode:
            return
        assert result == {
            "errorCode": 0,
            "errorMsg": "The operation succeeded.",
            "description": "",
            "electricQuantity": world.device.battery,
            "passcode": passcode,
        }
        assert list(world.device.memory.passcodes) == [passcode]

    in_world(story)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=9).filter(lambda text: not text.isdigit()),
    st.lists(st.integers(), max_size=2),
)


@settings(max_examples=40)
@given(name=st.sampled_from(["passcode", "startDate", "endDate", "lockData"]), junk=JUNK)
def test_any_wrong_option_settles_with_a_code_before_the_radio_is_used(name: str, junk: object) -> None:
    async def story(world: World) -> None:
        async def no_radio(*_: object, **__: object) -> list[object]:
            raise AssertionError("the radio was used")

        world.link.scan = world.link.connect = no_radio  # type: ignore[assignment,method-assign]  # a dead radio
        codes = (11003, 10005) if name == "lockData" else (11003,)
        assert (await world.add(**{name: junk}))["errorCode"] in codes
        assert world.ends == []

    in_world(story)


@settings(max_examples=20)
@given(option=JUNK, package=JUNK)
def test_any_wrong_package_info_is_a_parameter_error_without_a_request(
    option: object, package: object
) -> None:
    async def story(world: World) -> None:
        requests = world.cloud.store.all("SELECT * FROM journal")
        check_error(dict(await world.plugin.enter_dfu_mode(option)), 11003)
        check_error(await world.upgrade(dfuPackageInfo=package), 11003)
        for name in ("clientId", "accessToken", "lockId"):
            info = {"clientId": "app", "accessToken": "t", "lockId": 1} | {name: [package]}
            check_error(await world.upgrade(dfuPackageInfo=info), 11003)
        assert world.cloud.store.all("SELECT * FROM journal") == requests
        assert world.steps == world.ends == []

    in_world(story)


@pytest.mark.parametrize("air", [False, True])
def test_an_upgrade_ends_with_type_4_and_lock_and_cloud_on_the_new_version(air: bool) -> None:
    async def story(world: World) -> None:
        result = await world.upgrade()
        assert {name: result[name] for name in ("errorCode", "type", "progress")} == {
            "errorCode": 0,
            "type": 4,
            "progress": 100,
        }
        assert result["electricQuantity"] == world.device.battery
        check_steps(world)
        assert [step["type"] for step in world.steps if step["type"] != 2] == [1, 3]
        assert [step["progress"] for step in world.steps if step["type"] == 2] == list(range(101))
        assert (world.device.lock.firmware, world.device.bank) == (NEW, world.device.board.banks[1])
        assert (await world.session.detail(world.lock_id)).firmware_revision == NEW
        assert [end["errorCode"] for end in world.ends] == [10003]
        assert (await world.add())["errorCode"] == 0

    in_world(story, air=air)


def test_the_returned_lock_data_is_for_upload_only() -> None:
    async def story(world: World) -> None:
        blob = (await world.upgrade())["lockData"]
        assert isinstance(blob, str)
        await world.session.update_lock_data(world.lock_id, blob)
        assert LockData.decode(blob).firmware_revision == NEW
        check_error(await world.add(lockData=blob), 10005)
        check_error(await world.upgrade(lockData=blob), 10005)
        assert (await world.add(lockData=world.cloud.lock_data(world.lock_id)))["errorCode"] == 0

    in_world(story)


CLOUD = "/v3/lock/getUpgradePackage"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(CLOUD, errcode=1), 11015),
        (Fault(CLOUD, errcode=10004), 11101),
        (Fault(CLOUD, status=502), 10305),
        (Fault(CLOUD, cut=20), 11101),
        (Fault(CLOUD, without=("url",)), 11017),
        (Fault(CLOUD, without=("decryptionKey",)), 11017),
        (Fault(PACKAGES, package="short"), 11017),
        (Fault(PACKAGES, package="garbled"), 11017),
        (Fault(PACKAGES, package="blank"), 11017),
        (Fault(PACKAGES, status=404), 13013),
        (Fault(PACKAGES, cut=999), 13013),
    ],
)
def test_what_goes_wrong_before_the_radio_is_told_and_the_next_try_upgrades(fault: Fault, code: int) -> None:
    async def story(world: World) -> None:
        world.faults.add(replace(fault, times=1))
        check_error(await world.upgrade(), code)
        assert [step["type"] for step in world.steps] == [1]
        assert world.ends == []
        assert world.device.lock.firmware == OLD
        assert (await world.upgrade())["type"] == 4

    in_world(story)


def test_a_lock_that_runs_the_newest_version_needs_no_update() -> None:
    async def story(world: World) -> None:
        await world.upgrade()
        world.steps.clear()
        check_error(await world.upgrade(), 11015)

    in_world(story)


def test_a_refused_sync_is_type_5_with_11018_and_can_be_repeated() -> None:
    async def story(world: World) -> None:
        world.faults.add(Fault("/v3/lock/upgradeSuccess", errcode=90000, times=1))
        result = await world.upgrade()
        assert (result["errorCode"], result["type"], result["progress"]) == (11018, 5, 100)
        check_steps(world)
        assert world.device.lock.firmware == NEW
        assert (await world.session.detail(world.lock_id)).firmware_revision == OLD
        await world.session.upgrade_success(world.lock_id, str(result["lockData"]))
        assert (await world.session.detail(world.lock_id)).firmware_revision == NEW

    in_world(story)


def test_an_image_too_long_for_any_transfer_is_11017_before_the_radio() -> None:
    async def story(world: World) -> None:
        model = world.device.profile.model
        world.cloud.add_firmware(model.name, model.hardware, "6.4.99", make_image(1 << 20, "6.4.99", 1))
        check_error(await world.upgrade(), 11017)
        assert world.ends == []

    in_world(story)


def test_an_image_that_the_lock_refuses_is_11016_and_the_lock_stays_usable() -> None:
    async def story(world: World) -> None:
        spoilt = bytearray(IMAGE)
        spoilt[1000] ^= 1
        model = world.device.profile.model
        world.cloud.add_firmware(model.name, model.hardware, "6.4.99", bytes(spoilt))
        check_error(await world.upgrade(), 11016)
        check_steps(world)
        await asyncio.sleep(5)
        assert world.device.lock.firmware == OLD
        assert (await world.add())["errorCode"] == 0

    in_world(story)


@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
def test_a_power_cut_during_the_transfer_is_11016_told_once_and_the_next_try_upgrades(percent: int) -> None:
    async def story(world: World) -> None:
        def cut(step: dict[str, object]) -> None:
            world.steps.append(step)
            if (step["type"], step["progress"]) == (2, percent):
                world.lock.act(world.device.address, world.device.cut_power)

        result = await world.upgrade(callback=cut)
        check_error(result, 11016)
        assert [end["errorCode"] for end in world.ends] == [10003]
        world.lock.act(world.device.address, world.device.restore_power)
        assert world.device.lock.firmware == OLD
        world.steps.clear()
        assert (await world.upgrade())["type"] == 4

    in_world(story)


def test_a_callback_that_raises_changes_nothing() -> None:
    async def story(world: World) -> None:
        def broken(told: dict[str, object]) -> None:
            world.steps.append(told)
            raise ZeroDivisionError

        assert (await world.add(disconnectCallback=broken))["errorCode"] == 0
        assert (await world.upgrade(callback=broken, disconnectCallback=broken))["type"] == 4
        assert [step["errorCode"] for step in world.steps].count(10003) == 2

    in_world(story)


def test_a_call_without_callbacks_works() -> None:
    async def story(world: World) -> None:
        assert (await world.add(disconnectCallback=None))["errorCode"] == 0
        assert (await world.upgrade(callback=None, disconnectCallback=None))["type"] == 4

    in_world(story)


def test_overlapping_calls_are_refused_and_the_first_is_not_disturbed() -> None:
    async def story(world: World) -> None:
        upgrading = asyncio.create_task(world.upgrade())
        await asyncio.sleep(1)
        check_error(await world.add(), 11013)
        check_error(await world.upgrade(), 11013)
        check_error(await world.add(passcode="1"), 11003)
        assert (await upgrading)["type"] == 4
        assert (await world.add())["errorCode"] == 0

    in_world(story)


def lock_data_with(**changes: object) -> Callable[[World], str]:
    return lambda world: replace(lock_data_of(world.device), **changes).encode(chance())  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda world: world.lock_data[:-8], 10005),
        (lambda _: "garbage", 10005),
        (lock_data_with(admin_pwd=None), 10005),
        (lock_data_with(admin_pwd="99999999999"), 10005),  # noqa: S106 - test data
        (lock_data_with(lock_key="x"), 10005),
        (lock_data_with(aes_key=None), 10005),
        (lock_data_with(feature_value="xyz"), 10005),
        (lock_data_with(lock_flag_pos=1 << 24), 10005),
        (lock_data_with(user_type=USER), 11005),
        (lock_data_with(lock_version=None, user_type=None), 0),
        (lock_data_with(aes_key=bytes(16)), 10001),
        (lock_data_with(admin_pwd="0000000001"), 3),  # noqa: S106 - test data
        (lock_data_with(lock_key="0000000001"), 18),
        (lock_data_with(lock_mac="C0:00:00:00:00:01"), 10036),
    ],
)
def test_lock_data_decides_between_its_codes(make: Callable[[World], str], code: int) -> None:
    async def story(world: World) -> None:
        result = await world.add(lockData=make(world))
        assert result["errorCode"] == code
        assert len(world.device.memory.passcodes) == (code == 0)

    in_world(story)


def test_a_second_generation_lock_is_not_served() -> None:
    async def story(world: World) -> None:
        version = lock_data_of(world.device).lock_version
        assert version is not None
        blob = lock_data_with(lock_version=replace(version, protocol_version=1))(world)
        check_error(await world.add(lockData=blob), 10009)

    in_world(story)


def test_lock_data_of_another_lock_than_lock_id_is_10602_before_the_radio() -> None:
    async def story(world: World) -> None:
        blob = lock_data_with(lock_mac="C0:00:00:00:00:01")(world)
        check_error(await world.upgrade(lockData=blob), 10602)
        assert world.ends == []

    in_world(story)


def test_an_unknown_lock_id_or_token_is_a_network_code_before_the_radio() -> None:
    async def story(world: World) -> None:
        for info in (
            {"clientId": "app", "accessToken": world.session.access_token, "lockId": 1},
            {"clientId": "app", "accessToken": "0" * 32, "lockId": world.lock_id},
            {"clientId": "nobody", "accessToken": world.session.access_token, "lockId": world.lock_id},
        ):
            check_error(await world.upgrade(dfuPackageInfo=info), 11101)
        assert world.ends == []

    in_world(story)


@pytest.mark.parametrize("known", [True, False])
def test_a_lock_without_the_telink_bit_is_11004_and_its_flash_untouched(known: bool) -> None:
    async def story(world: World) -> None:
        before = world.device.flash.read(0, world.device.board.flash_size)
        blob = lock_data_with(**({} if known else {"feature_value": None}))(world)
        check_error(await world.upgrade(lockData=blob), 11004)
        assert world.device.flash.read(0, world.device.board.flash_size) == before
        assert bool(world.ends) is not known

    names = load_profile("strict").model.features
    in_world(story, model={"features": tuple(name for name in names if name != Feature.TELINK.name.lower())})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"passcode": "123"}, 11003),
        ({"passcode": "1234567890"}, 11003),
        ({"passcode": "12a4"}, 11003),
        ({"passcode": "１２３４"}, 11003),  # noqa: RUF001 - full-width digits are meant
        ({"passcode": 1234}, 11003),
        ({"passcode": None}, 11003),
        ({"startDate": None}, 11003),
        ({"endDate": 5}, 11003),
        ({"startDate": "x"}, 11003),
        ({"startDate": "1704067200001", "endDate": "1704067200000"}, 11003),
        ({"startDate": "1", "endDate": "2"}, 11003),
        ({"endDate": "9" * 15}, 11003),
        ({"disconnectCallback": 5}, 11003),
        ({"deviceId": "ignored"}, 0),
        ({"startDate": "1704067200000", "endDate": "1704067200000"}, 0),
    ],
)
def test_a_parameter_is_refused_or_taken(changes: dict[str, object], code: int) -> None:
    async def story(world: World) -> None:
        assert (await world.add(**changes))["errorCode"] == code

    in_world(story)


def test_what_the_lock_answers_is_passed_through() -> None:
    async def story(world: World) -> None:
        assert (await world.add())["errorCode"] == 0
        check_error(await world.add(), 20)
        check_error(await world.add(passcode="654321"), 22)
        assert [end["errorCode"] for end in world.ends] == [10003] * 3

    in_world(story, passcodes={"capacity": 1})


def test_dates_are_written_in_the_locks_own_zone() -> None:
    async def story(world: World) -> None:
        midnight = 1_704_067_200_000 - ZONE_MS  # 2024-01-01 00:00 at the lock
        await world.add(startDate=str(midnight), endDate=str(midnight + 90 * 60_000))
        (written,) = world.device.memory.passcodes.values()
        assert (written.start, written.end) == (bytes([24, 1, 1, 0, 0]), bytes([24, 1, 1, 1, 30]))

    in_world(story)


def test_a_lock_without_power_is_not_found() -> None:
    async def story(world: World) -> None:
        world.lock.act(world.device.address, world.device.cut_power)
        check_error(await world.add(), 10036)
        check_error(await world.upgrade(), 10036)
        assert world.ends == []

    in_world(story)


def test_a_lock_that_answers_nothing_is_10017() -> None:
    async def story(world: World) -> None:
        world.device.lock.receive = lambda *_, **__: []  # type: ignore[method-assign]  # deaf
        check_error(await world.add(), 10017)
        assert [end["errorCode"] for end in world.ends] == [10003]

    in_world(story)


@pytest.mark.parametrize(("value", "percent"), [(b"", None), (b"\x21", 33), (b"\xff\x01", 100)])
def test_a_battery_that_is_not_advertised_is_read_and_no_answer_is_no_battery(
    value: bytes, percent: int | None
) -> None:
    async def story(world: World) -> None:
        phone = Phone(world.link, None, (Strip(),))
        world.device.read = lambda *_: value  # type: ignore[method-assign]  # a lock that reads so
        found = Call(phone, Version(), "en", "TTLockError")
        await found.find(world.device.address)
        await found.open(admin_key({"lockData": world.lock_data}))
        assert found.battery == percent
        await found.close()

    in_world(story)


def test_a_lock_in_its_dfu_window_is_upgraded_without_a_login() -> None:
    async def story(world: World) -> None:
        client = LockClient(world.link, world.device.address, world.device.memory.key or b"")
        await client.connect()
        await client.run(enter_dfu(admin_key({"lockData": world.lock_data}).keys))
        await client.disconnect()
        world.device.lock.receive = lambda *_, **__: []  # type: ignore[method-assign]  # deaf until it restarts
        assert (await world.upgrade())["type"] == 4

    in_world(story)


def test_without_a_cloud_an_upgrade_is_our_own_mistake() -> None:
    async def story(world: World) -> None:
        with pytest.raises(LocalError, match="needs a cloud"):
            await Plugin(world.link, chance=chance()).enter_dfu_mode({})

    in_world(story)


def test_the_language_of_the_messages_is_chosen() -> None:
    async def story(world: World) -> None:
        chinese = Plugin(world.link, chance=chance())
        assert (await chinese.create_custom_passcode({}))["errorMsg"] == error_code(11003).zh

    in_world(story)


@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
@given(at=st.floats(0, 12))
def test_a_power_cut_at_any_moment_settles_the_call_once_and_leaves_the_lock_usable(at: float) -> None:
    async def story(world: World) -> None:
        upgrading = asyncio.create_task(world.upgrade())
        await asyncio.sleep(at)
        world.lock.act(world.device.address, world.device.cut_power)
        await asyncio.sleep(0.1)
        world.lock.act(world.device.address, world.device.restore_power)
        result = await upgrading
        check_steps(world)
        assert ("type" in result) == (result["errorCode"] in (0, 11018))
        assert result.get("type") != 4 or world.device.lock.firmware == NEW
        assert len(world.ends) <= 1
        await asyncio.sleep(40)
        world.steps.clear()
        again = await world.upgrade()
        assert again.get("type") == 4 or again["errorCode"] == 11015
        assert world.device.lock.firmware == NEW

    in_world(story)
