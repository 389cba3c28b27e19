"""enterDfuMode: from the cloud's package to the new version told (telink-ota 9, ttlock-ble 5.20)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.cloud.ttlock import DetailReply, PackageError, unpack_firmware
from lockbench_protocol.lock.advertising import is_dfu
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.lock.features import WORD, Feature, feature_value
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.telink.dialects import TT
from lockbench_protocol.telink.image import MARK

from lockbench_harness.client.admin_key import Key, admin_key
from lockbench_harness.client.call import (
    Call,
    CloudAccess,
    Failed,
    Result,
    callback,
)
from lockbench_harness.client.cloud import (
    BadAddress,
    CloudRefused,
    CloudReplyError,
    CloudStatus,
    CloudUnreachable,
    DownloadFailed,
    TtlockCloud,
)
from lockbench_harness.client.operations import (
    Operation,
    device_info,
    enter_dfu,
    features,
    login_admin,
)
from lockbench_harness.client.ota import OtaSender
from lockbench_harness.client.transfer import transfer, until_parted
from lockbench_harness.links import AttError, Missing
from lockbench_harness.phone import HostError

READ_ATTEMPTS = 3  # it may still be restarting when we come back
PAUSE_SECONDS = 1.0  # before each attempt
MARK_PLACES = (0x08, 0x20)  # by kind of chip (telink-ota 6)
NEEDED = (Feature.TELINK, Feature.FIRMWARE_UPGRADE)
NOTHING_NEWER = 1  # the cloud's errcode, by our reading (ttlock-cloud, getUpgradePackage)


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """dfuPackageInfo."""

    client_id: str
    access_token: str
    lock_id: int


def enter_dfu_mode(
    call: Call, option: Mapping[str, object], access: CloudAccess, chance: Random
) -> Coroutine[Any, Any, Result]:
    """Check the option; the work to do."""
    given: Any = option["dfuPackageInfo"]  # which fits the contract
    package = PackageInfo(given["clientId"], given["accessToken"], given["lockId"])
    call.on_step = callback(option, "callback")
    call.on_disconnect = callback(option, "disconnectCallback")
    key = admin_key(option)
    key.needs(*NEEDED)
    return _upgrade(call, key, package, access, chance)


async def _upgrade(call: Call, key: Key, package: PackageInfo, access: CloudAccess, chance: Random) -> Result:
    call.step(1, 0)
    client = TtlockCloud(
        access.base_url,
        package.client_id,
        access_token=package.access_token,
        now=access.now,
        socket=access.socket,
        allow=call.phone.request,
        allow_download=call.phone.download,
    )
    async with client as cloud:
        sender, known = await _fetch(cloud, package.lock_id, key)
        await _enter(call, key, known)
        await _send(call, key, sender)
        return await _finish(call, key, package.lock_id, cloud, known.firmware_revision, chance)


async def _fetch(cloud: TtlockCloud, lock_id: int, key: Key) -> tuple[OtaSender, DetailReply]:
    """The image for this lock, ready to send, and what the cloud knows of the lock. No radio yet."""
    try:
        known = await cloud.detail(lock_id)
        if known.lock_mac != key.address:
            raise Failed(10602, f"lockId is of the lock {known.lock_mac}, lockData of {key.address}")
        url, secret = await cloud.upgrade_package(lock_id)
        image = unpack_firmware(await cloud.download(url), secret)
    except CloudRefused as error:
        raise Failed(11015 if error.errcode == NOTHING_NEWER else 11101, str(error)) from error
    except CloudStatus as error:
        raise Failed(10305, str(error), status=error.status) from error
    except (CloudUnreachable, CloudReplyError) as error:
        raise Failed(11101, str(error)) from error
    except BadAddress as error:
        raise Failed(10304, str(error)) from error
    except DownloadFailed as error:
        raise Failed(13013, str(error)) from error
    except PackageError as error:
        raise Failed(11017, str(error)) from error
    if not any(image[at : at + len(MARK)] == MARK for at in MARK_PLACES):
        raise Failed(11017, "the package holds no Telink firmware image")
    try:
        return OtaSender(image), known
    except LocalError as error:
        raise Failed(11017, str(error)) from error


async def _enter(call: Call, key: Key, known: DetailReply) -> None:
    """41, 30, 02, and hang up; nothing when the lock advertises DFU mode already.

    A lock that is not of the model and hardware for which the cloud gave the package is left alone.
    """
    found = await call.find(key.address)
    if found is not None and is_dfu(found.manufacturer):
        return
    client = await call.open(key)
    if key.features is None:
        call.battery, words = await client.run(features())
        replace(key, features=_number(words)).needs(*NEEDED)
    for kind, meant in ((InfoType.MODEL, known.model_num), (InfoType.HARDWARE, known.hardware_revision)):
        own = await client.run(device_info(kind))
        if meant and own != meant:
            raise Failed(11017, f"the package is for {kind.name.lower()} {meant}, the lock says {own}")
    await client.run(enter_dfu(key.keys))
    await call.hang_up()


async def _send(call: Call, key: Key, sender: OtaSender) -> None:
    """Reconnect at once, without scanning, and transfer. Once type 2 is told every failure is 11016; what the
    lock has accepted is told as type 3, and no longer interrupted."""
    connection = await call.connect(call.direct or key.address)
    try:
        ended = await transfer(connection, sender, lambda percent: call.step(2, percent))
    except RemoteError as error:
        if call.reached == 2:
            raise Failed(11016, str(error)) from error
        if isinstance(error, Missing):
            raise call.missing(TT.service, error) from error
        if isinstance(error, AttError):
            raise Failed(10508, str(error)) from error
        raise
    if not ended.ok:
        raise Failed(11016 if call.reached == 2 else 10003, ended.why)
    call.hold()
    call.step(3, 100)
    call.expect_restart()
    await until_parted(connection)
    with contextlib.suppress(HostError):  # the lock ends the link itself
        await call.hang_up()


async def _finish(
    call: Call, key: Key, lock_id: int, cloud: TtlockCloud, old_version: str, chance: Random
) -> Result:
    """Type 4; type 5 with 11018 when lock or cloud cannot be reached any more; 11016 when the lock was read
    and runs the old firmware. A type 5 without lockData tells of a lock that could not be read: it took the
    image, and runs it unless its supply failed at that moment.
    """
    upload: Result = {}
    try:
        data = await _read_back(call, key)
        if data.firmware_revision != old_version:
            blob = upload["lockData"] = data.encode(chance)
            await cloud.upgrade_success(lock_id, blob)
    except (RemoteError, Failed) as error:
        return call.result(11018, str(error), type=5, progress=100) | upload
    if not upload:
        raise Failed(11016, f"the lock accepted the image and still runs {old_version}")
    return call.result(0, type=4, progress=100) | upload


async def _read_back(call: Call, key: Key) -> LockData:
    """What the lock says of itself once it has restarted; whatever fails at first is tried again."""
    for _ in range(READ_ATTEMPTS - 1):
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            return await _system_info(call, key)
        except (RemoteError, Failed):
            with contextlib.suppress(HostError):
                await call.hang_up()
    await asyncio.sleep(PAUSE_SECONDS)
    return await _system_info(call, key)


async def _system_info(call: Call, key: Key) -> LockData:
    """41, 30, 01, 90. The lockData holds no credentials: it is for upload only."""
    client = await call.open(key)
    call.battery, words, info = await client.run(_ask(key))
    await call.hang_up()
    return LockData(
        lock_mac=key.address,
        lock_name=key.lock.lock_name,
        lock_version=key.lock.lock_version,
        special_value=words[0] if words else None,
        feature_value=feature_value(words),
        electric_quantity=call.battery,
        timezone_raw_offset=key.lock.timezone_raw_offset,
        model_num=info[InfoType.MODEL],
        hardware_revision=info[InfoType.HARDWARE],
        firmware_revision=info[InfoType.FIRMWARE],
        factory_date=info[InfoType.MANUFACTURE_DATE],
        version="1.0",
    )


def _ask(key: Key) -> Operation[tuple[int, list[int], dict[InfoType, str]]]:
    yield from login_admin(key.keys)
    battery, words = yield from features()
    info = {}
    for kind in (InfoType.MODEL, InfoType.HARDWARE, InfoType.FIRMWARE, InfoType.MANUFACTURE_DATE):
        info[kind] = yield from device_info(kind)
    return battery, words, info


def _number(words: list[int]) -> int:
    """The feature words as one number (ttlock-ble 5.6)."""
    return sum(word << WORD * at for at, word in enumerate(words))
