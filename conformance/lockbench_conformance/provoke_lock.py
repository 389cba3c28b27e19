"""Codes that a lock answers, each because of what it was asked or the state it is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from lockbench_harness.client import others
from lockbench_harness.client.call import Result
from lockbench_harness.client.configuration import (
    FREEZE,
    put,
)
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    Keys,
    add_passcode,
    check_admin,
    check_user,
    delete_passcode,
    enter_dfu,
    lock,
    login_admin,
    login_user,
    pair,
    unlock,
)
from lockbench_protocol.lock.cipher import DEFAULT_KEY
from lockbench_protocol.lock.commands.passcode import PasscodeOp
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.status import Status

from lockbench_conformance.app import App
from lockbench_conformance.ota import START
from lockbench_conformance.provoke import Cause, Run, Scene
from lockbench_conformance.refusals import PROVOCATIONS
from lockbench_conformance.stack import BadLink
from lockbench_conformance.words import numbered

TODAY = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - a lock's time has no zone
SECRETS = (12345678, 87654321)
WRONG = "0000000001"  # a secret that no lock has
LOW_BATTERY = 1  # percent


def asking(conversation: others.Conversation, **changes: object) -> Run:
    """A conversation with the lock under its key; `changes` are of lockData."""

    async def run(scene: Scene) -> Result:
        option = {"lockData": scene.lock_data(**changes)}
        return await others.perform(scene.app().plugin, option, conversation)

    return run


async def damaged(scene: Scene) -> Result:
    def spoil(number: int, piece: bytes) -> Sequence[bytes]:
        return (piece[:-1] + bytes((piece[-1] ^ 1,)) if number == 0 else piece,)

    return await scene.app(BadLink(scene.bench.link, writes=spoil)).add()


async def as_user(client: LockClient, keys: Keys) -> None:
    await client.run(login_user(keys))
    await client.ask(0x03, bytes((PasscodeOp.CLEAR,)))


async def after_reset(scene: Scene, conversation: others.Conversation) -> Result:
    scene.bench.hands.press_reset()
    option = {"lockData": scene.lock_data(aes_key=DEFAULT_KEY)}
    return await others.perform(scene.app().plugin, option, conversation)


async def unlocking_unpaired(scene: Scene) -> Result:
    return await after_reset(scene, lambda client, keys: client.run(unlock(keys, 1)))


async def checking_unpaired(scene: Scene) -> Result:
    return await after_reset(scene, lambda client, keys: client.run(check_admin(keys)))


async def weak_battery(scene: Scene) -> Result:
    app = await scene.upgrading()
    scene.bench.hands.set_battery(LOW_BATTERY)
    return await app.upgrade()


async def revoked(client: LockClient, keys: Keys) -> None:
    await client.run(check_admin(replace(keys, flag_position=keys.flag_position + 1)))
    await client.run(login_admin(replace(keys, flag_position=keys.flag_position + 1)))
    await client.run(check_admin(keys))


def window(first: int, last: int) -> tuple[bytes, bytes]:
    """Years."""
    return date5(datetime(first, 1, 1)), date5(datetime(last, 1, 1))  # noqa: DTZ001 - a lock's time has no zone


async def twice(scene: Scene) -> Result:
    await scene.app().add()
    return await scene.app().add()


async def full(client: LockClient, keys: Keys) -> None:
    for number in range(1000):
        await client.run(add_passcode(keys, numbered(number)))


async def frozen(client: LockClient, keys: Keys) -> None:
    await client.run(put(keys, FREEZE, 1))
    await client.run(unlock(keys, 1))


async def bolted(scene: Scene) -> Result:
    scene.bench.hands.throw_privacy_bolt(on=True)
    return await asking(lambda client, keys: client.run(unlock(keys, 1)))(scene)


async def blocked(scene: Scene) -> Result:
    scene.bench.hands.obstruct(on=True)
    return await asking(lambda client, keys: client.run(lock(keys, 1)))(scene)


async def while_upgrading(scene: Scene) -> Result:
    characteristic = scene.bench.firmware.dialect.characteristic

    async def ask(client: LockClient, keys: Keys) -> None:
        await client.run(enter_dfu(keys))
        await client.disconnect()
        connection = await client.connect()
        await connection.subscribe(characteristic, lambda _: None)
        await connection.write(characteristic, START)
        await client.run(unlock(keys, 1))

    return await asking(ask)(scene)


async def no_network(scene: Scene) -> Result:
    return await others.scan_networks(scene.app().plugin, {"lockData": scene.lock_data()})


async def wifi_unanswered(scene: Scene) -> Result:
    """What follows the login is lost: two frames of the lock, in two notifications each."""
    plugin = scene.app(silent_link(scene, 4)).plugin
    return await others.config_wifi(plugin, {"lockData": scene.lock_data()}, "home", "password")


async def server_unanswered(scene: Scene) -> Result:
    plugin = scene.app(silent_link(scene, 4)).plugin
    return await others.config_server(plugin, {"lockData": scene.lock_data()}, "example.com", 443)


def silent_link(scene: Scene, after: int) -> BadLink:
    """From this notification on nothing is heard of the lock."""
    return BadLink(scene.bench.link, notifications=lambda number, piece: () if number >= after else (piece,))


async def pairing_cut(scene: Scene) -> Result:
    scene.bench.hands.press_reset()
    return await pair_lock(scene, scene.app(BadLink(scene.bench.link, hang_up_after=12)))


async def pairing_owned(scene: Scene) -> Result:
    return await pair_lock(scene, scene.app())


async def pair_lock(scene: Scene, app: App) -> Result:
    option = {"lockMac": scene.bench.address}
    return await others.init_lock(app.plugin, option, SECRETS, "2580258", TODAY, [])


async def reset_by_another(scene: Scene) -> Result:
    scene.bench.hands.press_reset()
    return await scene.app().add()


def wrongly(status: Status, says: str) -> Cause:
    """The request that the cases of the codec have for this refusal."""
    row = next(row for row in PROVOCATIONS if row.status is status)

    async def run(scene: Scene) -> Result:
        return await asking(lambda client, _keys: row.ask(client, scene.bench))(scene)

    return Cause(status, "lock", says, run, features=(row.feature,) if row.feature is not None else ())


ROWS = (
    wrongly(Status.INIT_PASSWORDS_FAILED, "the ten code-and-secret pairs of a lock are cut short"),
    wrongly(Status.ADMIN_EQUALS_ERASE, "the erase code is to be the administrator's"),
    wrongly(Status.PAYLOAD_LENGTH, "a payload of the wrong length is sent"),
    wrongly(Status.CARD_UNKNOWN, "a card that the lock does not have is deleted"),
    wrongly(Status.FINGERPRINT_UNKNOWN, "a fingerprint that the lock does not have is deleted"),
    wrongly(Status.RECORD_UNKNOWN, "the periods of a card that the lock does not have are cleared"),
    wrongly(Status.WRONG_SSID, "the lock gets a network without a name"),
    Cause(1, "link", "a bit of a frame is turned on the way to the lock", damaged),
    Cause(2, "lock", "passcodes are cleared after the user's check only", asking(as_user)),
    Cause(
        3,
        "lock",
        "lockData has another administrator's password",
        asking(lambda client, keys: client.run(login_admin(keys)), admin_pwd=WRONG),
    ),
    Cause(5, "lock", "a lock that was reset is told to open", unlocking_unpaired),
    Cause(6, "lock", "a lock that was reset is asked for its administrator", checking_unpaired),
    Cause(
        7,
        "lock",
        "a lock that has an administrator is paired",
        asking(lambda client, _keys: client.run(pair(*SECRETS, "2580258", TODAY))),
    ),
    Cause(
        8,
        "lock",
        "lockData has another unlock key, so the answer to the challenge is wrong",
        asking(lambda client, keys: client.run(unlock(keys, 1)), lock_key=WRONG),
    ),
    Cause(10, "lock", "the battery is too weak for an upgrade", weak_battery),
    Cause(13, "lock", "a key with a larger flag position has logged in since", asking(revoked)),
    Cause(
        14,
        "lock",
        "a user's key has expired",
        asking(lambda client, keys: client.run(check_user(replace(keys, window=window(2001, 2002))))),
    ),
    Cause(
        17,
        "lock",
        "a user's key is not yet valid",
        asking(lambda client, keys: client.run(check_user(replace(keys, window=window(2098, 2099))))),
    ),
    Cause(
        18,
        "lock",
        "passcodes are cleared without a login",
        asking(lambda client, _keys: client.ask(0x03, bytes((PasscodeOp.CLEAR,)))),
    ),
    Cause(20, "lock", "the passcode is in the lock already", twice),
    Cause(
        21,
        "lock",
        "a passcode that the lock does not have is deleted",
        asking(lambda client, keys: client.run(delete_passcode(keys, "123456"))),
    ),
    Cause(22, "lock", "the lock has as many passcodes as it can hold", asking(full)),
    Cause(
        27,
        "lock",
        "a command that no lock knows is sent",
        asking(lambda client, _keys: client.ask(0xE7, b"")),
    ),
    Cause(28, "lock", "the lock is frozen, then told to open", asking(frozen), features=(Feature.FREEZE,)),
    Cause(
        29,
        "lock",
        "another vendor's string is sent",
        asking(lambda client, _keys: client.ask(0x14, b"NOBODY")),
    ),
    Cause(30, "lock", "the door is bolted from inside", bolted),
    Cause(
        32,
        "lock",
        "a passcode is to end before it begins",
        asking(lambda client, keys: client.run(add_passcode(keys, "123456", window(2030, 2020)))),
    ),
    Cause(36, "lock", "a command reaches a lock that takes in firmware", while_upgrading),
    Cause(10001, "lock", "the lock was reset by somebody else, the old key is used", reset_by_another),
    Cause(10010, "lock", "a lock that is not in setting mode is paired", pairing_owned),
    Cause(10016, "lock", "no network is near the lock", no_network, features=(Feature.WIFI,)),
    Cause(
        10019, "link", "the lock's answer to its network is lost", wifi_unanswered, features=(Feature.WIFI,)
    ),
    Cause(
        10020,
        "link",
        "the lock's answer to its server is lost",
        server_unanswered,
        "3.0.4",
        features=(Feature.NB,),
    ),
    Cause(10035, "link", "the link ends while the lock is paired", pairing_cut),
    Cause(99999, "lock", "the bolt is blocked: 33, for which the table has no row", blocked),
)
