"""What goes wrong in a cloud: which call meets a fault, and what is left of its answer; the controls."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.cloud.dding.agent import MemoryLocks
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.policy import PROFILES
from lockbench_emulator.cloud.dding.server import serving_dding
from lockbench_emulator.cloud.faults import ALL, NONE, Fault, Faults
from lockbench_emulator.cloud.store import Store

PATH = "/openapi/v1/access_token"
GOOD = b'{"client_id": "ann", "client_secret": "s"}'


@given(
    st.lists(
        st.builds(
            Fault,
            st.sampled_from(["/a", "/b", ALL]),
            times=st.none() | st.integers(1, 3),
            nth=st.integers(1, 4),
            probability=st.sampled_from([0.0, 0.5, 1.0]),
        ),
        max_size=4,
    ),
    st.lists(st.sampled_from(["/a", "/b", "/c"]), max_size=30),
)
def test_a_call_meets_a_fault_of_its_path_and_no_fault_more_often_than_it_says(
    faults: list[Fault], calls: list[str]
) -> None:
    waiting = Faults(random.Random(1))  # noqa: S311 - test data
    for index, fault in enumerate(faults):
        waiting.add(replace(fault, status=index))
    met = [(path, waiting.take(path)) for path in calls]
    assert all(fault is NONE or fault.path in (path, ALL) for path, fault in met)
    for index, fault in enumerate(faults):
        hits = [number for number, (_, one) in enumerate(met) if one.status == index]
        assert len(hits) <= (len(calls) if fault.times is None else fault.times)
        assert fault.probability > 0 or not hits
        if hits:
            earlier = [path for path in calls[: hits[0]] if fault.path in (path, ALL)]
            assert len(earlier) >= fault.nth - 1


def test_the_nth_call_meets_it() -> None:
    faults = Faults()
    faults.add(Fault("/a", errcode=1, nth=3, times=1))
    assert [faults.take("/a").errcode for _ in range(5)] == [None, None, 1, None, None]


class Line:
    """A served dding cloud, and bytes to and from it."""

    def __init__(self, address: str, faults: Faults, store: Store) -> None:
        self.host, self.port = address.removeprefix("http://").split(":")
        self.faults = faults
        self.store = store

    async def post(self, path: str, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, int(self.port))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        try:
            return await reader.read()
        finally:
            writer.close()

    async def control(self, name: str, **fields: object) -> dict[str, object]:
        answer = await self.post(f"/_bench/dding/{name}", json.dumps(fields).encode())
        found = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert isinstance(found, dict)
        return found


@asynccontextmanager
async def served() -> AsyncIterator[Line]:
    with Store() as store:
        locks = MemoryLocks(store, lambda: 1e9)
        cloud = Dding(store, lambda: 1e9, random.Random(1), locks, PROFILES["v1.6"])  # noqa: S311 - test data
        bench, faults = DdingBench(cloud, locks), Faults()
        bench.add_client("ann", "s", "t")
        async with serving_dding(cloud, faults, bench) as address:
            yield Line(address, faults, store)


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def test_an_answer_suffers_as_the_fault_says_and_the_call_was_carried_out() -> None:
    async def story() -> None:
        async with served() as line:
            whole = body_of(await line.post(PATH, GOOD))
            for fault, left in (
                (Fault(PATH, cut=9, times=1), 9),
                (Fault(PATH, bad_json=True, times=1), len(whole) - 1),
                (Fault(PATH, drip=1e-5, times=1), len(whole)),
                (Fault(PATH, seconds=0.001, times=1), len(whole)),
            ):
                line.faults.add(fault)
                assert len(body_of(await line.post(PATH, GOOD))) == left
            line.faults.add(Fault(PATH, reset=True, times=1))
            with pytest.raises(ConnectionResetError):
                await line.post(PATH, GOOD)
            assert len(line.store.all("SELECT * FROM dding_tokens")) == 6
            line.faults.add(Fault(ALL, status=503))
            assert b" 503 " in await line.post(PATH, GOOD)
            assert len(line.store.all("SELECT * FROM dding_tokens")) == 6

    asyncio.run(story())


def test_faults_and_the_journal_are_reached_over_http() -> None:
    async def story() -> None:
        async with served() as line:
            assert (await line.control("fail", path=PATH, errcode=14003, nth=2, times=1))["ErrNo"] == 0
            for bad in ({"path": PATH, "errcode": 1}, {"path": PATH, "tims": 1}, {}, {"path": 7}):
                answer = await line.control("fail", **bad)
                assert (answer["ErrNo"], bool(answer["ErrMsg"])) == (14001, True)
            for _ in range(3):
                await line.post(PATH, GOOD)
            wanted = {"path": PATH, "method": "POST", "parameters": {"client_id": "ann"}}
            for more, met, holds in (
                ({}, 3, True),
                ({"errcode": 14003}, 1, True),
                ({"errcode": 14003, "times": 2}, 1, False),
                ({"errcode": 0, "times": 2}, 2, True),
                ({"parameters": {"client_id": "eve"}}, 0, False),
                ({"status": 404}, 0, False),
            ):
                found = await line.control("verify", **(wanted | more))
                assert found["result"] == {"met": met, "holds": holds}
            await line.control("forget")
            assert (await line.control("journal"))["result"] == []

    asyncio.run(story())


def test_the_controls_name_themselves() -> None:
    async def story() -> None:
        async with served() as line:
            reader, writer = await asyncio.open_connection(line.host, int(line.port))
            writer.write(b"GET /_bench/dding/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            table = json.loads(body_of(await reader.read()))["result"]
            writer.close()
            assert {"seed", "fail", "mend", "verify", "advance", "bind_device", "set_role"} <= set(table)
            assert "tenant" in table["bind_device"]

    asyncio.run(story())
