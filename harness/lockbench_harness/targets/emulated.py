"""The emulated lock as a target: bare in memory, or on the air over Bumble. `emulated` is the default.

The secrets of its lock come from the seed: they are test data, and nothing is masked.
"""

from __future__ import annotations

import calendar
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from lockbench_emulator.device import EPOCH, LockDevice
from lockbench_emulator.gatt import Effect, Happened
from lockbench_emulator.profiles import LockProfile, Model, load_profile
from lockbench_emulator.radio.runner import Seen
from lockbench_emulator.site import Act
from lockbench_protocol import LocalError
from lockbench_protocol.lock.features import Feature, feature_value, words
from lockbench_protocol.lock.lockdata import ADMIN, LockData, LockVersion

from lockbench_harness.client.wire import V3
from lockbench_harness.clock import Time
from lockbench_harness.credentials import Credentials
from lockbench_harness.door.lock import INTERVAL
from lockbench_harness.links import Link
from lockbench_harness.targets import Capabilities, load_capabilities
from lockbench_harness.targets.bench import Firmware, LockBench
from lockbench_harness.targets.emulated_hands import EmulatedHands
from lockbench_harness.targets.emulated_supply import EmulatedSupply
from lockbench_harness.targets.touched import TouchedLink
from lockbench_harness.trace import Mask, Trace

if TYPE_CHECKING:
    from lockbench_emulator.cloud.parts import Clouds as CloudParts

    from lockbench_harness.targets.aiot import AiotCloud
    from lockbench_harness.targets.cloud import CloudBench
    from lockbench_harness.targets.dding import DdingCloud

    Clouds = tuple[
        Callable[[], Awaitable[CloudBench]],
        Callable[[], Awaitable[DdingCloud]],
        Callable[[LockBench], Awaitable[AiotCloud]],
    ]

DEFAULT_PROFILE = "strict"
ZONE_MS = 8 * 3600 * 1000
"""The emulated site stands at UTC+8, as the vendor's examples do."""

UNIX_START = calendar.timegm(EPOCH.timetuple()) - ZONE_MS // 1000
"""Unix seconds when a bench starts: the lock's clock shows `EPOCH` then."""


def make_lock(
    profile: str, seed: int, *, paired: bool = True, interval: float | None = None
) -> tuple[LockDevice, Credentials]:
    """A lock of the profile and what opens it; everything about it follows from the seed.

    `interval` replaces the profile's seconds between advertisements: in real time a client waits for them.
    """
    found = load_profile(profile)
    if interval is not None:
        found = replace(found, advertising=replace(found.advertising, interval=interval))
    device = LockDevice(found, seed=seed, paired=paired)
    return device, credentials_of(device)


def namesake(device: LockDevice, seed: int, number: int = 0) -> LockDevice:
    """Another lock of the same model and name: its address differs in the first three octets only.

    There are 64 of them, by `number`.
    """
    first = Random(f"namesake {seed}").randrange(64) + number  # noqa: S311 - from the seed
    address = f"{0xC0 | first % 64:02X}:55:AA{device.address[8:]}"
    return LockDevice(device.profile, seed=seed + 1 + number, address=address)


def credentials_of(device: LockDevice) -> Credentials:
    """What the owner of an emulated lock knows. Empty keys when nobody has paired it."""
    memory, model = device.memory, device.profile.model
    version = _version(model)
    admin = memory.admin
    return Credentials(
        address=device.address,
        name=device.name,
        aes_key=memory.key,
        admin_ps=admin.admin_ps if admin else 0,
        unlock_key=admin.unlock_key if admin else 0,
        lock_data=lock_data_of(device).encode(Random(0)) if admin else "",  # noqa: S311 - seeds of a codec that hides nothing
        lock_version={
            "protocolType": version.protocol_type,
            "protocolVersion": version.protocol_version,
            "scene": version.scene,
            "groupId": version.group_id,
            "orgId": version.org_id,
        },
        admin_passcode=memory.admin_passcode,
    )


def _version(model: Model) -> LockVersion:
    return LockVersion(
        protocol_version=model.protocol_version,
        scene=model.scene,
        group_id=model.group,
        org_id=model.org,
    )


def lock_data_of(device: LockDevice) -> LockData:
    """The administrator's lockData of a paired lock (ttlock-ble 7.1)."""
    memory, model = device.memory, device.profile.model
    if memory.admin is None:
        raise LocalError("a lock that nobody has paired has no lockData")
    groups = words(device.profile.features)
    return LockData(
        lock_mac=device.address,
        lock_name=device.name,
        uid=0,
        user_type=ADMIN,
        lock_version=_version(model),
        admin_pwd=f"{memory.admin.admin_ps:010}",
        lock_key=f"{memory.admin.unlock_key:010}",
        lock_flag_pos=memory.flag_position,
        no_key_pwd=memory.admin_passcode,
        aes_key=memory.key,
        special_value=groups[0],
        feature_value=feature_value(groups),
        start_date=0,
        end_date=0,
        electric_quantity=device.battery,
        timezone_raw_offset=ZONE_MS,
        model_num=model.name,
        hardware_revision=model.hardware,
        firmware_revision=device.lock.firmware,
        version="1.0",
        factory_date=model.manufacture_date,
        auto_lock_time=memory.auto_lock or -1,
    )


def firmware_of(device: LockDevice) -> Firmware:
    """What the maker of an emulated lock knows of its firmware."""
    return Firmware(
        version=device.lock.firmware,
        board=device.board,
        dialect=device.dialect.on_the_wire(),
        idle_seconds=device.dialect.idle_timeout,
        window_seconds=device.profile.dfu.window_seconds,
        commit_readback=device.dialect.commit_readback,
    )


def observer(trace: Trace) -> Callable[[Seen], None]:
    """What the runner of a device sees, as events of the trace."""

    def see(seen: Seen) -> None:
        if seen.effect is not None:
            effect = seen.effect
            fields = {name: getattr(effect, name) for name in effect.__slots__}
            if isinstance(effect, Happened):
                more = {"detail": effect.detail} if effect.detail else {}
                trace.event("lock", what=effect.what, **more)
            elif type(effect).__name__ == "Advertise":
                shown = fields["advertisement"]
                trace.event("advertise", data=shown.data if shown else None)
            else:
                trace.event(type(effect).__name__.lower(), **fields)
        elif seen.error is not None:
            trace.event("failure", error=repr(seen.error))
        else:
            code = {"code": seen.code} if seen.code else {}
            trace.event(seen.event, characteristic=seen.characteristic, value=seen.value, **code)

    return see


def _offers(profile: LockProfile, shipped: frozenset[str]) -> frozenset[str]:
    """What a lock of this profile has, of all that an emulated one can have, and its features."""
    features = profile.features
    lacking = {
        "clock": Feature.NO_CLOCK in features,
        "tells time": Feature.NO_CLOCK in features,
        "passcodes": Feature.PASSCODE not in features,
        "full keypad": len(profile.model.keypad) < 10,
        "logins": profile.session.login == "open",
        "neighbour": Feature.NO_ADVERTISEMENT in features,
        "gateway": Feature.NO_ADVERTISEMENT in features,
        "clock lost with power": Feature.NO_CLOCK in features or not profile.clock.lost_with_power,
    }
    if Feature.NO_ADVERTISEMENT in features:
        shipped |= {"sleeps"}
    offered = shipped.union(profile.model.features) - {word for word, lacks in lacking.items() if lacks}
    return (
        offered if profile.model.protocol_version == V3.protocol_version else offered | {"older generation"}
    )


class EmulatedTarget:
    """A fresh lock for each example, on a link in memory ("bare") or on a medium ("air")."""

    time = Time.VIRTUAL
    cloud_parts: CloudParts | None = None  # None: those of sound clouds
    outside = False  # is there a client in another process?

    def __init__(self, profile: str) -> None:
        self.name = "emulated"
        self.profile = profile
        self.mask = Mask()
        found = load_profile(profile)
        shipped = load_capabilities(files(__package__) / "emulated.toml")
        self.capabilities: Capabilities = replace(shipped, offers=_offers(found, shipped.offers))

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[LockBench]:
        device, _ = make_lock(self.profile, seed, interval=INTERVAL if self.outside else None)
        return self.hang(device, seed=seed, link=link, trace=trace)

    def hang(
        self, device: LockDevice, *, seed: int, link: str, trace: Trace
    ) -> AbstractAsyncContextManager[LockBench]:
        """A bench around a lock that was made before."""
        return self._bare(device, seed, trace) if link == "bare" else self._air(device, seed, trace)

    @asynccontextmanager
    async def _bare(self, device: LockDevice, seed: int, trace: Trace) -> AsyncIterator[LockBench]:
        from lockbench_harness.links.bare import BareLink

        async with BareLink([device], observer(trace)) as link:

            async def second() -> Link:
                return link

            def act(hand: Callable[[float], Sequence[Effect]]) -> Sequence[Effect]:
                return link.act(device.address, hand)

            async with self._clouds(device, act, seed, trace) as clouds:
                yield self._bench(device, link, trace, act, second, clouds)
        _check(link.failures)

    @asynccontextmanager
    async def _air(self, device: LockDevice, seed: int, trace: Trace) -> AsyncIterator[LockBench]:
        from lockbench_emulator.radio.medium import Pacing
        from lockbench_emulator.radio.peripheral import Peripheral
        from lockbench_emulator.radio.quiet import quiet

        from lockbench_harness.links.bumble import BumbleLink, on_air

        beside: list[Peripheral] = []
        async with AsyncExitStack() as stack:
            stack.enter_context(quiet())  # the trace is ours; nobody reads Bumble's log here
            air = await stack.enter_async_context(on_air([device], seed=seed, observe=observer(trace)))

            async def second() -> Link:
                return await stack.enter_async_context(await BumbleLink.on_medium(air.medium))

            async def hang_beside() -> Credentials:
                other = namesake(device, seed, len(beside))
                beside.append(Peripheral(air.medium, other, observer(trace)))
                await beside[-1].start()
                stack.push_async_callback(beside[-1].stop)
                return credentials_of(other)

            def pace(interval: float, packets: int) -> None:
                air.medium.pacing = Pacing(interval, packets)

            act = air.peripherals[0].act
            clouds = await stack.enter_async_context(self._clouds(device, act, seed, trace))
            yield self._bench(device, air.links[0], trace, act, second, clouds, hang_beside, pace)
        _check([*air.failures, *(failure for peripheral in beside for failure in peripheral.failures)])

    @asynccontextmanager
    async def _clouds(self, device: LockDevice, act: Act, seed: int, trace: Trace) -> AsyncIterator[Clouds]:
        """What opens the clouds; they are closed with the bench."""
        made: dict[str, Any] = {"seed": seed, "unix_start": UNIX_START, "trace": trace}
        if self.cloud_parts is not None:
            made["parts"] = self.cloud_parts
        async with AsyncExitStack() as stack:

            async def open_cloud() -> CloudBench:
                from lockbench_harness.targets.emulated_cloud import emulated_cloud

                blob = credentials_of(device).lock_data
                return await stack.enter_async_context(
                    emulated_cloud(
                        device.profile.model, blob, on_port=self.outside, door=(device, act), **made
                    )
                )

            async def open_dding() -> DdingCloud:
                from lockbench_harness.targets.emulated_dding import emulated_dding

                return await stack.enter_async_context(emulated_dding(door=(device, act), **made))

            async def open_aiot(bench: LockBench) -> AiotCloud:
                from lockbench_harness.targets.emulated_aiot import emulated_aiot

                return await stack.enter_async_context(emulated_aiot(bench, **made))

            yield open_cloud, open_dding, open_aiot

    def _bench(
        self,
        device: LockDevice,
        link: Link,
        trace: Trace,
        act: Act,
        second: Callable[[], Awaitable[Link]],
        clouds: Clouds,
        hang_beside: Callable[[], Awaitable[Credentials]] | None = None,
        pace: Callable[[float, int], None] | None = None,
    ) -> LockBench:
        passer_by = None
        if Feature.NO_ADVERTISEMENT in device.profile.features:
            untouched, touch = second, EmulatedHands(device, act).touch
            passer_by, link = link, TouchedLink(link, touch)

            async def second() -> Link:
                return TouchedLink(await untouched(), touch)

        return LockBench(
            link,
            credentials_of(device),
            trace,
            passer_by=passer_by,
            hands=EmulatedHands(device, act),
            supply=EmulatedSupply(device, act),
            started=EPOCH,
            second=second,
            hang_beside=hang_beside,
            firmware=firmware_of(device),
            pace=pace,
            open_cloud=clouds[0],
            open_dding=clouds[1],
            open_aiot=clouds[2],
        )


def _check(failures: Sequence[BaseException]) -> None:
    """A failure inside the emulator is the bench's own."""
    if failures:
        raise BaseExceptionGroup("the emulator failed", failures)


def make(name: str, profile: str, credentials: Path | None) -> EmulatedTarget:
    """The maker of `emulated`."""
    if name != "emulated":
        raise LocalError(f"the target emulated takes nothing after it, got {name!r}")
    if credentials is not None:
        raise LocalError("an emulated lock brings its own credentials")
    return EmulatedTarget(profile or DEFAULT_PROFILE)
