"""The cloud's client and the emulated cloud, over a Unix socket in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.faults import PACKAGES, Fault, Faults
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Ttlock
from lockbench_emulator.cloud.ttlock.server import serving_ttlock
from lockbench_harness import clock
from lockbench_harness.client.cloud import (
    BadAddress,
    CloudRefused,
    CloudReplyError,
    CloudStatus,
    CloudUnreachable,
    DownloadFailed,
    TtlockCloud,
)
from lockbench_protocol import RemoteError
from lockbench_protocol.cloud.ttlock import (
    ENDPOINTS,
    NeedUpgrade,
    PackageError,
    open_package,
    unpack_firmware,
)
from lockbench_protocol.lock.lockdata import ADMIN, LockData

START = 1_709_214_310.0  # s
SECRET = "s"  # noqa: S105 - test data
IMAGE = bytes(range(256)) * 40
LOCK = LockData(
    lock_mac="C2:11:22:33:44:55",
    lock_name="S202T_554433",
    user_type=ADMIN,
    admin_pwd="0012345678",  # noqa: S106 - test data
    lock_key="0087654321",
    aes_key=bytes(16),
    model_num="SN242",
    hardware_revision="1.0",
    firmware_revision="6.4.33.230101",
)


def chance() -> random.Random:
    return random.Random(1)  # noqa: S311 - test data


class Bench:
    """One cloud with a user and a newer firmware, and a client that is logged in."""

    def __init__(self, cloud: Ttlock, faults: Faults, client: TtlockCloud) -> None:
        self.cloud = cloud
        self.faults = faults
        self.client = client

    async def lock_id(self) -> int:
        return (await self.client.initialize(LOCK.encode(chance()))).lock_id


def on_bench(story: Callable[[Bench], Awaitable[None]], budget: float = clock.BUDGET) -> None:
    async def main(path: str) -> None:
        def now() -> float:
            return START + asyncio.get_running_loop().time()

        with Store() as store:
            cloud, faults = Ttlock(store, now, chance()), Faults()
            cloud.add_client("app", SECRET)
            cloud.add_user("app", "ann", "secret")
            cloud.add_firmware("SN242", "1.0", "6.4.34.240101", IMAGE)
            async with (
                serving_ttlock(cloud, faults, socket=path) as address,
                TtlockCloud(address, "app", now=now, socket=path) as client,
            ):
                await client.log_in(SECRET, "ann", "secret")
                await story(Bench(cloud, faults, client))

    with TemporaryDirectory() as folder:
        clock.run(main(str(Path(folder) / "cloud")), budget=budget)


def test_from_token_to_upgraded_lock() -> None:
    async def story(bench: Bench) -> None:
        client = bench.client
        lock_id = await bench.lock_id()
        assert await client.add_passcode(lock_id, "123456", 0, 0)
        check = await client.upgrade_check(lock_id)
        assert (check.need_upgrade, check.version) == (NeedUpgrade.YES, "6.4.34.240101")
        url, key = await client.upgrade_package(lock_id)
        assert open_package(check.firmware_package or "") == (url, key)
        assert unpack_firmware(await client.download(url), key) == IMAGE
        upload_only = LockData(lock_mac=LOCK.lock_mac, firmware_revision="6.4.34.240101").encode(chance())
        await client.upgrade_success(lock_id, upload_only)
        detail = await client.detail(lock_id)
        assert (detail.firmware_revision, detail.lock_alias) == ("6.4.34.240101", "S202T_554433")
        assert (await client.upgrade_check(lock_id)).need_upgrade is NeedUpgrade.NO
        known = LockData.decode(bench.cloud.lock_data(lock_id))
        assert (known.admin_pwd, known.firmware_revision) == (LOCK.admin_pwd, "6.4.34.240101")

    on_bench(story)


@settings(max_examples=15)
@given(image=st.binary(max_size=70_000))
def test_every_image_comes_through_the_cloud_unchanged(image: bytes) -> None:
    async def story(bench: Bench) -> None:
        bench.cloud.add_firmware("SN242", "1.0", "7.0", image)
        url, key = await bench.client.upgrade_package(await bench.lock_id())
        assert unpack_firmware(await bench.client.download(url), key) == image

    on_bench(story)


def test_a_token_lives_90_days_and_refreshing_it_gives_another() -> None:
    async def story(bench: Bench) -> None:
        token = await bench.client.log_in(SECRET, "ann", "secret")
        await asyncio.sleep(89 * 86400)
        await bench.lock_id()
        await asyncio.sleep(86400)
        with pytest.raises(CloudRefused, match="10004"):
            await bench.lock_id()
        await bench.client.refresh(SECRET, token.refresh_token)
        await bench.lock_id()
        with pytest.raises(CloudRefused, match="10011"):
            await bench.client.refresh(SECRET, token.refresh_token)

    on_bench(story, budget=91 * 86400)


UPGRADE = "/v3/lock/getUpgradePackage"


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        (Fault(UPGRADE, errcode=1), CloudRefused, "errcode 1:"),
        (Fault(UPGRADE, status=502), CloudStatus, "status 502"),
        (Fault(UPGRADE, cut=10), CloudUnreachable, "no answer"),
        (Fault(UPGRADE, without=("url",)), PackageError, "no address"),
        (Fault(UPGRADE, without=("decryptionKey",)), PackageError, "no key"),
        (Fault(PACKAGES, status=404), DownloadFailed, "status 404"),
        (Fault(PACKAGES, cut=0), DownloadFailed, "broke off"),
        (Fault(PACKAGES, cut=5000), DownloadFailed, "broke off"),
        (Fault(PACKAGES, package="short"), PackageError, "does not decrypt"),
        (Fault(PACKAGES, package="garbled"), PackageError, "does not decrypt"),
    ],
)
def test_each_fault_is_met_once_and_the_next_try_succeeds(
    fault: Fault, error: type[RemoteError], sentence: str
) -> None:
    async def story(bench: Bench) -> None:
        lock_id = await bench.lock_id()
        bench.faults.add(Fault(**{name: getattr(fault, name) for name in fault.__slots__} | {"times": 1}))

        async def fetch() -> bytes:
            url, key = await bench.client.upgrade_package(lock_id)
            return unpack_firmware(await bench.client.download(url), key)

        with pytest.raises(error, match=sentence):
            await fetch()
        assert await fetch() == IMAGE

    on_bench(story)


def test_a_blank_package_decrypts_and_holds_no_image() -> None:
    async def story(bench: Bench) -> None:
        bench.faults.add(Fault(PACKAGES, package="blank"))
        url, key = await bench.client.upgrade_package(await bench.lock_id())
        assert unpack_firmware(await bench.client.download(url), key) == b"\xff" * len(IMAGE)

    on_bench(story)


def test_a_refused_upgrade_success_changes_nothing_in_the_cloud() -> None:
    async def story(bench: Bench) -> None:
        lock_id = await bench.lock_id()
        bench.faults.add(Fault("/v3/lock/upgradeSuccess", errcode=90000, times=1))
        with pytest.raises(CloudRefused, match="90000"):
            await bench.client.upgrade_success(lock_id, LOCK.encode(chance()))
        assert (await bench.client.detail(lock_id)).firmware_revision == LOCK.firmware_revision
        await bench.client.upgrade_success(lock_id, LOCK.encode(chance()))
        assert (await bench.client.detail(lock_id)).firmware_revision == "6.4.34.240101"

    on_bench(story)


def test_a_clock_that_is_six_minutes_off_is_refused() -> None:
    async def story(bench: Bench) -> None:
        bench.client._now = lambda: START + 360.001
        with pytest.raises(CloudRefused, match="80000"):
            await bench.lock_id()
        bench.client._now = lambda: START + 299
        await bench.lock_id()

    on_bench(story)


@pytest.mark.parametrize("url", ["", "ttlock.test/a", "ftp://ttlock.test/a", "http://", "http://[::1/"])
def test_an_address_that_is_none_is_refused_before_any_request(url: str) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(BadAddress, match="no http address"):
            await bench.client.download(url)

    on_bench(story)


bodies = (
    st.sampled_from([b"", b"[]", b"null", b"\xff", b'{"errcode": "x"}', b'{"errcode": [1]}', b"{}"])
    | st.binary()
)


@settings(max_examples=40)
@given(body=bodies)
def test_whatever_a_cloud_answers_the_client_gives_a_reply_or_a_remote_error(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async def main(path: str) -> None:
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, path).start()
        async with TtlockCloud("http://any.test", "app", now=lambda: START, socket=path) as client:
            for call in (client.detail(1), client.upgrade_package(1), client.log_in("s", "u", "p")):
                with pytest.raises((CloudReplyError, CloudRefused, PackageError)):
                    await call
        await runner.cleanup()

    with TemporaryDirectory() as folder:
        clock.run(main(str(Path(folder) / "cloud")))


def test_no_cloud_at_all_is_unreachable() -> None:
    async def main() -> None:
        async with TtlockCloud("http://any.test", "app", now=lambda: START, socket="/nonexistent") as client:
            with pytest.raises(CloudUnreachable, match="no answer"):
                await client.detail(1)
            with pytest.raises(DownloadFailed, match="broke off"):
                await client.download("http://any.test/packages/1.bin")

    clock.run(main())


def test_the_same_seed_gives_the_same_ids_and_tokens() -> None:
    seen: list[list[object]] = [[], []]
    for run in seen:

        async def story(bench: Bench, run: list[object] = run) -> None:
            lock_id = await bench.lock_id()
            package = await bench.client.upgrade_package(lock_id)
            number = await bench.client.add_passcode(lock_id, "123456", 0, 0)
            run.extend([bench.client.access_token, lock_id, package, number])

        on_bench(story)
    assert seen[0] == seen[1]


def test_the_client_knows_every_endpoint_of_the_table() -> None:
    called = {"token": "log_in"}
    for row in ENDPOINTS:
        if -4043 in row.codes and row.name != "initialize":
            continue  # its success is in no document
        assert hasattr(TtlockCloud, called.get(row.name, row.name))
