"""The door over its real Unix socket, in virtual time, with a link that lives in this file."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_harness import clock
from lockbench_harness.door.endpoint import listening_tcp, listening_unix, private_directory
from lockbench_harness.door.server import Door
from lockbench_harness.links import AttError, Connection, LinkLost, Missing, NotFound, Sighting

LOCK = "C2:11:22:33:44:55"
ABSENT = "C2:00:00:00:00:00"
SIGHTING = Sighting(LOCK, "S202T_554433", bytes.fromhex("0503") + bytes(13), ("1910",), -50, b"", b"")
CHARACTERISTICS = {"2a24": ("180a", 0x02), "fff2": ("1910", 0x0C), "fff4": ("1910", 0x10)}

Message = dict[str, object]


class ToyConnection:
    """Echoes what is written to fff2 on fff4. A write of `ff` is refused; a write of `00` never ends."""

    def __init__(self, mtu: int) -> None:
        self.mtu = mtu
        self.lost = False
        self.written: list[bytes] = []
        self._on_lost: Callable[[int], None] = lambda _: None
        self._notify: Callable[[bytes], None] = lambda _: None
        self._gone = asyncio.Event()
        self._reason = 0

    def on_lost(self, callback: Callable[[int], None]) -> None:
        self._on_lost = callback

    def lose(self, reason: int) -> None:
        self.lost, self._reason = True, reason
        self._gone.set()
        self._on_lost(reason)

    def characteristics(self) -> dict[str, tuple[str, int]]:
        return CHARACTERISTICS

    async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None:  # noqa: ARG002 - the interface's
        if characteristic not in CHARACTERISTICS:
            raise Missing(f"no characteristic {characteristic}")
        if value == b"\xff":
            raise AttError(0x03)
        if value == b"\x00":
            await self._gone.wait()
            raise LinkLost(self._reason)
        await asyncio.sleep(1.0 / value[0])  # a later write would be faster
        self.written.append(value)
        self._notify(value)

    async def read(self, characteristic: str) -> bytes:  # noqa: ARG002 - the interface's
        return b"S202T"

    async def subscribe(self, characteristic: str, callback: Callable[[bytes], None]) -> None:  # noqa: ARG002 - the interface's
        self._notify = callback

    async def unsubscribe(self, characteristic: str) -> None:  # noqa: ARG002 - the interface's
        self._notify = lambda _: None

    async def drain(self) -> None: ...

    async def disconnect(self) -> None:
        self.lose(0x16)


class ToyLink:
    def __init__(self, air: "Air") -> None:
        self._air = air

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        if until is not None:
            until(SIGHTING)
        await asyncio.sleep(seconds)
        return [SIGHTING]

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> Connection:  # noqa: ASYNC109 - virtual time
        if address == LOCK:
            await asyncio.sleep(0.02)
            connection = ToyConnection(mtu)
            self._air.connections.append(connection)
            return connection
        self._air.searching += 1
        try:
            await asyncio.sleep(timeout)
        finally:
            self._air.searching -= 1
        raise NotFound(f"{address} does not advertise")


class Air:
    """What the toy links did."""

    def __init__(self) -> None:
        self.connections: list[ToyConnection] = []
        self.searching = 0
        self.centrals = 0

    @contextmanager
    def central(self) -> Iterator[ToyLink]:
        self.centrals += 1
        try:
            yield ToyLink(self)
        finally:
            self.centrals -= 1

    @asynccontextmanager
    async def link(self) -> AsyncIterator[ToyLink]:
        with self.central() as link:
            yield link


class Client:
    """Speaks lines; keeps events apart from answers."""

    everyone: ClassVar[list["Client"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.events: list[Message] = []
        self.answers: list[Message] = []
        self.everyone.append(self)

    @classmethod
    async def all_leave(cls) -> None:
        while cls.everyone:
            writer = cls.everyone.pop().writer
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    @classmethod
    async def open(cls, endpoint: str, *, greet: bool = True) -> "Client":
        kind, _, rest = endpoint.partition(":")
        if kind == "unix":
            client = cls(*await asyncio.open_unix_connection(rest))
        else:
            host, port, _ = rest.split(":")
            client = cls(*await asyncio.open_connection(host, int(port)))
        if greet:
            assert await client.ask(op="hello", id=0, version=1) == {"id": 0, "ok": {"version": 1}}
        return client

    def send(self, **message: object) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")

    async def next(self) -> Message | None:
        line = await self.reader.readline()
        if not line:
            return None
        message: Message = json.loads(line)
        (self.events if "event" in message else self.answers).append(message)
        return message

    async def answer(self) -> Message | None:
        while (message := await self.next()) is not None:
            if "event" not in message:
                return message
        return None

    async def ask(self, **message: object) -> Message | None:
        self.send(**message)
        return await self.answer()

    async def connect(self, number: int = 1, address: str = LOCK, **more: object) -> Message | None:
        return await self.ask(id=1, op="connect", connection=number, address=address, **more)

    async def event(self) -> Message:
        while (message := await self.next()) is not None:
            if "event" in message:
                return message
        raise EOFError


Story = Callable[[str, Air, Door], Awaitable[None]]


def at_the_door(story: Story) -> Air:
    """Run `story(endpoint, air, door)` in virtual time; nothing may be left on the air afterwards."""
    air = Air()

    async def run() -> None:
        door = Door(air.link)
        with private_directory() as directory:
            async with listening_unix(door, directory) as endpoint:
                try:
                    await story(endpoint, air, door)
                finally:
                    await Client.all_leave()

    clock.run(run())
    assert air.centrals == 0
    assert air.searching == 0
    assert all(connection.lost for connection in air.connections)
    return air


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=1).map(lambda line: line.replace(b"\n", b"")), max_size=20))
def test_garbage_is_answered_line_by_line_and_the_next_request_is_served(lines: list[bytes]) -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        for line in lines:
            client.writer.write(line + b"\n")
            answer = await client.answer()
            assert answer is not None
            assert answer["error"] == "bad_request"
        assert await client.connect() == {"id": 1, "ok": {"mtu": 23}}

    at_the_door(story)


def test_a_line_too_long_is_refused_and_the_next_one_served() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        client.writer.write(b'"' + b"x" * 200_000 + b'"\n')
        assert await client.answer() == {
            "id": None,
            "error": "bad_request",
            "message": "the line is longer than 65536 bytes",
        }
        assert await client.connect() == {"id": 1, "ok": {"mtu": 23}}

    at_the_door(story)


def test_a_client_scans_connects_discovers_reads_writes_hears_and_leaves() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        assert not door.opened
        assert await client.ask(id=1, op="scan", on=True) == {"id": 1, "ok": {}}
        assert door.opened
        first, again = await client.event(), await client.event()
        assert (
            first
            == again
            == {
                "event": "advertisement",
                "address": LOCK,
                "name": "S202T_554433",
                "manufacturer": "0503" + "00" * 13,
                "services": ["1910"],
                "rssi": -50,
                "data": "",
                "scan_response": "",
            }
        )
        assert await client.ask(id=2, op="scan", on=False) == {"id": 2, "ok": {}}
        assert await client.connect(7, mtu=247) == {"id": 1, "ok": {"mtu": 247}}
        found = await client.ask(id="d", op="discover", connection=7)
        assert found == {"id": "d", "ok": {"services": [
            {"uuid": "180a", "handle": 1, "characteristics": [
                {"uuid": "2a24", "handle": 2, "properties": ["read"]},
            ]},
            {"uuid": "1910", "handle": 4, "characteristics": [
                {"uuid": "fff2", "handle": 5, "properties": ["write-without-response", "write"]},
                {"uuid": "fff4", "handle": 7, "properties": ["notify"]},
            ]},
        ]}}  # fmt: skip
        read = await client.ask(id=3, op="read", connection=7, characteristic="2a24")
        assert read == {"id": 3, "ok": {"value": b"S202T".hex()}}
        await client.ask(id=4, op="notify", connection=7, characteristic="fff4", on=True)
        client.events.clear()
        for number in (1, 2, 200):
            client.send(id=number, op="write", connection=7, characteristic="fff2", value=f"{number:02x}")
        assert [await client.answer() for _ in range(3)] == [{"id": n, "ok": {}} for n in (1, 2, 200)]
        heard = {"event": "notification", "connection": 7, "characteristic": "fff4"}
        assert client.events == [{**heard, "value": value} for value in ("01", "02", "c8")]
        await client.ask(id=5, op="notify", connection=7, characteristic="fff4", on=False)
        client.events.clear()
        await client.ask(id=6, op="write", connection=7, characteristic="fff2", value="03")
        assert client.events == []
        assert await client.ask(id=8, op="disconnect", connection=7) == {"id": 8, "ok": {}}
        assert client.events == [{"event": "disconnected", "connection": 7, "reason": 0x16}]

    air = at_the_door(story)
    assert air.connections[0].written == [b"\x01", b"\x02", b"\xc8", b"\x03"]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"op": "read", "connection": 9, "characteristic": "2a24"}, {"error": "no_connection"}),
        ({"op": "connect", "connection": 1, "address": LOCK}, {"error": "bad_request"}),
        ({"op": "hello", "version": 1}, {"error": "bad_request"}),
        (
            {"op": "connect", "connection": 2, "address": ABSENT, "timeout": 300},
            {"error": "not_found"},
        ),
        (
            {"op": "write", "connection": 1, "characteristic": "fff2", "value": "ff"},
            {"error": "att", "code": 3},
        ),
        ({"op": "write", "connection": 1, "characteristic": "fff9", "value": "01"}, {"error": "missing"}),
        (
            {"op": "write", "connection": 1, "characteristic": "fff2", "value": "11" * 21},
            {"error": "too_long"},
        ),
    ],
)
def test_a_request_that_cannot_be_is_answered_with_a_word_and_a_sentence(
    request_: Message, answer: Message
) -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        await client.connect(1)
        got = await client.ask(id=5, **request_)
        assert got is not None
        assert got.pop("id") == 5
        assert got.pop("message")
        assert got == answer

    at_the_door(story)


def test_a_lost_link_fails_what_waits_and_what_comes_later_with_its_reason() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        await client.connect(1)
        client.send(id=2, op="write", connection=1, characteristic="fff2", value="00")
        client.send(id=3, op="write", connection=1, characteristic="fff2", value="01")
        await asyncio.sleep(1)
        air.connections[0].lose(0x08)
        for number in (2, 3):
            answer = await client.answer()
            assert answer is not None
            assert (answer["id"], answer["error"], answer["reason"]) == (number, "link_lost", 8)
        assert client.events == [{"event": "disconnected", "connection": 1, "reason": 8}]
        assert await client.connect(1) == {"id": 1, "ok": {"mtu": 23}}

    at_the_door(story)


def test_a_scan_can_be_switched_off_and_on_at_once() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        for number, on in enumerate((True, False, True, True, False, True)):
            client.send(id=number, op="scan", on=on)
        answers = [await client.answer() for _ in range(6)]
        assert sorted(int(str(answer["id"])) for answer in answers if answer) == list(range(6))
        client.events.clear()
        await client.event()
        assert await client.ask(id=7, op="scan", on=False) == {"id": 7, "ok": {}}

    at_the_door(story)


def test_disconnect_overtakes_a_request_that_hangs() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        await client.connect(1)
        client.send(id=2, op="write", connection=1, characteristic="fff2", value="00")
        client.send(id=3, op="disconnect", connection=1)
        answers = [await client.answer(), await client.answer()]
        assert {answer["id"]: answer.get("error") for answer in answers if answer} == {
            2: "link_lost",
            3: None,
        }

    at_the_door(story)


def test_disconnect_ends_an_attempt_to_connect() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        client.send(id=1, op="connect", connection=1, address=ABSENT, timeout=600)
        client.send(id=2, op="discover", connection=1)
        await asyncio.sleep(1)
        assert air.searching == 1
        client.send(id=3, op="disconnect", connection=1)
        answers = [await client.answer() for _ in range(3)]
        assert {answer["id"]: answer.get("error") for answer in answers if answer} == {
            1: "link_lost",
            2: "link_lost",
            3: None,
        }
        assert client.events == []
        assert await client.connect(1) == {"id": 1, "ok": {"mtu": 23}}

    at_the_door(story)


@pytest.mark.parametrize("wait", [0.0, 0.005, 0.02, 0.03])
def test_no_link_is_left_whenever_disconnect_comes(wait: float) -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        client.send(id=1, op="connect", connection=1, address=LOCK)
        await asyncio.sleep(wait)
        client.send(id=2, op="disconnect", connection=1)
        answers = [await client.answer(), await client.answer()]
        assert {answer["id"] for answer in answers if answer} == {1, 2}
        assert all(connection.lost for connection in air.connections)

    at_the_door(story)


def test_a_client_that_dies_releases_its_links_and_no_other() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        mortal, other = await Client.open(endpoint), await Client.open(endpoint)
        await other.connect(1)
        await mortal.connect(1)
        await mortal.ask(id=2, op="scan", on=True)
        mortal.send(id=3, op="connect", connection=2, address=ABSENT)
        mortal.send(id=4, op="write", connection=1, characteristic="fff2", value="00")
        await asyncio.sleep(1)
        assert (air.centrals, air.searching) == (2, 1)
        mortal.writer.transport.abort()
        await asyncio.sleep(3)
        assert (air.centrals, air.searching) == (1, 0)
        assert [connection.lost for connection in air.connections] == [False, True]
        read = await other.ask(id=5, op="read", connection=1, characteristic="2a24")
        assert read == {"id": 5, "ok": {"value": b"S202T".hex()}}

    at_the_door(story)


def test_closing_the_door_answers_all_that_wait_and_hangs_up() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        await client.connect(1)
        client.send(id=2, op="write", connection=1, characteristic="fff2", value="00")
        client.send(id=3, op="connect", connection=2, address=ABSENT)
        await asyncio.sleep(1)
        await door.close()
        while await client.next() is not None:
            pass
        errors = {answer["id"]: answer.get("error") for answer in client.answers}
        assert errors == {0: None, 1: None, 2: "closed", 3: "closed"}

    at_the_door(story)


def test_a_client_that_reads_nothing_is_shut_out_and_the_door_stands() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        deaf = await Client.open(endpoint)
        await deaf.connect(1)
        await deaf.ask(id=2, op="notify", connection=1, characteristic="fff4", on=True)
        for _ in range(120_000):
            air.connections[0]._notify(b"7" * 20)
        await asyncio.sleep(1)
        assert air.centrals == 0
        client = await Client.open(endpoint)
        assert await client.connect(1) == {"id": 1, "ok": {"mtu": 23}}

    at_the_door(story)


def test_too_many_requests_at_once_are_refused_one_by_one() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        await client.connect(1)
        for number in range(1030):
            client.send(id=number, op="write", connection=1, characteristic="fff2", value="00")
        answers = [await client.answer() for _ in range(6)]
        assert {answer["error"] for answer in answers if answer} == {"busy"}
        assert [answer["id"] for answer in answers if answer] == list(range(1024, 1030))

    at_the_door(story)


def test_a_fault_of_the_bench_is_told_to_the_client_and_to_the_bench() -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint)
        await client.connect(1)
        answer = await client.ask(id=2, op="write", connection=1, characteristic="fff2", value="")
        assert answer is not None
        assert answer["error"] == "broken"
        assert "IndexError" in str(answer["message"])

    with pytest.raises(clock.Strays, match="IndexError"):
        at_the_door(story)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"id":0,"op":"hello","version":2}', "version"),
        (b'{"id":0,"op":"scan","on":true}', "bad_request"),
        (b"GET / HTTP/1.1", "bad_request"),
    ],
)
def test_a_first_line_that_is_no_fitting_hello_is_answered_and_shut_out(line: bytes, error: str) -> None:
    async def story(endpoint: str, air: Air, door: Door) -> None:
        client = await Client.open(endpoint, greet=False)
        client.writer.write(line + b"\n")
        answer = await client.next()
        assert answer is not None
        assert answer["error"] == error
        assert await client.next() is None
        assert air.centrals == 0

    at_the_door(story)


def test_the_socket_is_in_a_directory_of_its_owner_and_gone_afterwards() -> None:
    seen: list[Path] = []

    async def story(endpoint: str, air: Air, door: Door) -> None:
        path = Path(endpoint.removeprefix("unix:"))
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        seen.append(path)

    at_the_door(story)
    assert not seen[0].parent.exists()


def test_a_long_temporary_directory_still_gives_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    async def story(endpoint: str, air: Air, door: Door) -> None:
        await Client.open(endpoint)

    at_the_door(story)
    assert list(deep.iterdir()) == []


def test_over_tcp_only_the_token_opens_the_door() -> None:
    async def run() -> None:
        air = Air()
        async with listening_tcp(Door(air.link)) as endpoint:
            assert endpoint.startswith("tcp:127.0.0.1:")
            token = endpoint.rpartition(":")[2]
            for wrong in ("", "0" * 32, "ä"):
                client = await Client.open(endpoint, greet=False)
                answer = await client.ask(id=0, op="hello", version=1, token=wrong)
                assert answer is not None
                assert answer["error"] == "token"
                assert await client.next() is None
            client = await Client.open(endpoint, greet=False)
            assert await client.ask(id=0, op="hello", version=1, token=token) == {
                "id": 0,
                "ok": {"version": 1},
            }
            await Client.all_leave()

    clock.run_real(run())
