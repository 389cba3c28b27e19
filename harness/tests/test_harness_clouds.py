"""The clouds as a whole: how they start, serve and stop; `lockbench serve --cloud`."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner
from lockbench_harness.cli import cli
from lockbench_harness.clouds import Served, Wanted, serving_clouds
from lockbench_protocol import LocalError

NAMES = ["dding", "ttlock", "aiot"]
OKS = {"dding": ("ErrNo", 0), "ttlock": ("errcode", None), "aiot": ("code", 0)}
Json = dict[str, object]


async def first_call(http: aiohttp.ClientSession, curl: str) -> Json:
    """What the printed line does."""
    words = shlex.split(curl)
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    url = next(word for word in words if word.startswith("http"))
    async with http.post(url, data=words[words.index("-d") + 1], headers=headers) as answer:
        found = await answer.json()
        assert isinstance(found, dict)
        return found


async def control(http: aiohttp.ClientSession, address: str, **fields: object) -> object:
    async with http.post(address, json=fields) as answer:
        return (await answer.json())["result"]


def check(name: str, body: Json) -> None:
    key, value = OKS[name]
    assert body.get(key) == value, body


def test_each_cloud_answers_its_printed_call() -> None:
    async def story() -> None:
        async with serving_clouds(Wanted()) as clouds, aiohttp.ClientSession() as http:
            assert [one.name for one in clouds] == NAMES
            for one in clouds:
                check(one.name, await first_call(http, one.curl))
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())


def test_they_start_in_half_a_second() -> None:
    async def start() -> float:
        before = time.process_time()
        async with serving_clouds(Wanted()):
            return time.process_time() - before

    assert min(asyncio.run(start()) for _ in range(2)) < 0.5


async def stop_under_load() -> float:
    """Seconds from the wish to stop until all is over, with a request in flight in each cloud."""
    async with aiohttp.ClientSession() as http:
        async with serving_clouds(Wanted()) as clouds:
            for one in clouds:
                await control(http, f"{one.controls}fail", path="*", seconds=60)
            waiting = [asyncio.create_task(first_call(http, one.curl)) for one in clouds]
            for one in clouds:
                while not await control(http, f"{one.controls}journal"):  # noqa: ASYNC110 - rows signal nothing
                    await asyncio.sleep(0)
            before = time.monotonic()
        after = time.monotonic()
        gone = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, aiohttp.ClientError) for one in gone)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return after - before


def test_they_stop_in_two_seconds_with_requests_in_flight_and_leave_no_task() -> None:
    assert min(asyncio.run(stop_under_load()) for _ in range(2)) < 2


def test_one_clock_moves_all_clouds_and_the_date_of_a_request_stays_the_walls() -> None:
    async def now(http: aiohttp.ClientSession, one: Served) -> int:
        return int(str(await control(http, f"{one.address}/_bench/time/now")))

    async def story() -> None:
        async with serving_clouds(Wanted()) as clouds, aiohttp.ClientSession() as http:
            await control(http, f"{clouds[0].address}/_bench/time/freeze")
            before = [await now(http, one) for one in clouds]
            assert len(set(before)) == 1
            await control(http, f"{clouds[2].address}/_bench/time/advance", seconds=3600)
            assert [await now(http, one) for one in clouds] == [before[0] + 3_600_000] * 3
            ttlock = clouds[1]
            token = (await first_call(http, ttlock.curl))["access_token"]
            fields = {"clientId": ttlock.account["clientId"], "accessToken": token, "lockId": 1}
            for date, code in ((time.time(), -1003), (time.time() + 3600, 80000)):
                data = fields | {"date": round(date * 1000)}
                async with http.post(f"{ttlock.address}/v3/lock/detail", data=data) as answer:
                    assert (await answer.json())["errcode"] == code

    asyncio.run(story())


def test_a_file_keeps_what_the_clouds_remember(tmp_path: Path) -> None:
    wanted = Wanted(store=str(tmp_path / "clouds.db"), seed=5)

    async def story(first: bool) -> str:
        async with serving_clouds(wanted) as clouds, aiohttp.ClientSession() as http:
            token = (await first_call(http, clouds[0].curl))["access_token"]
            body = {"access_token": token, "home_id": "h"}
            async with http.post(f"{clouds[0].address}/openapi/v1/add_home", json=body) as answer:
                assert (await answer.json())["ErrNo"] == (0 if first else 11000)
            return clouds[0].account["client_secret"]

    async def idle() -> None:
        async with serving_clouds(wanted):
            pass

    asyncio.run(idle())
    assert asyncio.run(story(True)) == asyncio.run(story(False))


def test_what_cannot_be_served_is_said_and_nothing_stays(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("this is no database, and long enough to be looked at" * 50)

    async def story(wanted: Wanted, words: str) -> None:
        before = asyncio.all_tasks()
        with pytest.raises(LocalError, match=words):
            async with serving_clouds(wanted):
                pass
        assert asyncio.all_tasks() == before

    async def taken() -> None:
        async with serving_clouds(Wanted()) as clouds:
            port = int(clouds[0].address.rpartition(":")[2])
            await story(Wanted(port=port), "cannot listen")

    asyncio.run(story(Wanted(store=str(tmp_path / "no.db")), "cannot be kept in"))
    asyncio.run(story(Wanted(profile="v7"), "no dding version is called 'v7'"))
    asyncio.run(story(Wanted(host="192.0.2.1"), "cannot listen"))
    asyncio.run(taken())


def serve(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """The command, and the first line that it prints."""
    argv = [sys.executable, "-m", "lockbench", "serve", *arguments]
    process = subprocess.Popen(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - our own words
    assert process.stdout is not None
    return process, process.stdout.readline()


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What else it printed. `communicate` would miss what `readline` has read ahead."""
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(20)
    return out, err


def test_the_command_prints_addresses_as_one_object_and_goes_on_serving() -> None:
    process, line = serve("--cloud", "--json", "--attach", "tcp-server:127.0.0.1:0")
    with process:
        shown = json.loads(line)
        assert shown["attached"][0].startswith("tcp-server:127.0.0.1:")

        async def calls() -> None:
            async with aiohttp.ClientSession() as http:
                for name in NAMES:
                    check(name, await first_call(http, shown["clouds"][name]["curl"]))

        asyncio.run(calls())
        process.send_signal(signal.SIGTERM)
        out, err = ended(process)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_bind_to_other_machines_is_warned_of() -> None:
    process, line = serve("--cloud", "--bind", "0.0.0.0")  # noqa: S104 - the subject
    with process:
        process.send_signal(signal.SIGINT)
        out, err = ended(process)
    assert line.startswith("dding ")
    assert "Serving until Ctrl-C." in out
    assert err == "Warning: the clouds at 0.0.0.0 are open to other machines, and without a password.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing to serve"),
        (["--cloud", "--dding", "v7"], "no dding version is called 'v7'"),
        (["--cloud", "--bind", "192.0.2.1"], "cannot listen at 192.0.2.1"),
        (["--cloud", "--port", "65001"], "65001"),
    ],
)
def test_wrong_use_of_the_clouds_is_one_sentence_and_exit_2(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(cli, ["serve", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_a_store_has_one_command_at_a_time(tmp_path: Path) -> None:
    async def story() -> None:
        wanted = Wanted(store=str(tmp_path / "site.db"))
        async with serving_clouds(wanted) as clouds, aiohttp.ClientSession() as http:
            with pytest.raises(LocalError, match=r"another command serves .*site\.db"):
                async with serving_clouds(wanted):
                    pass
            check("dding", await first_call(http, clouds[0].curl))
        async with serving_clouds(wanted):
            pass

    asyncio.run(story())
    with pytest.raises(LocalError, match="cannot be kept in .*none.*: No such file"):
        asyncio.run(serving_clouds(Wanted(store=str(tmp_path / "none" / "x.db"))).__aenter__())
