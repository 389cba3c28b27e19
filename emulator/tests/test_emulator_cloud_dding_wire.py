"""The dding SaaS over HTTP: parse, order of checks, envelope, bench controls, courier."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.dding.agent import MemoryLocks
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.policy import PROFILES, Policy
from lockbench_emulator.cloud.dding.server import serving_dding
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.store import Store
from lockbench_protocol.cloud.dding.codes import text_of
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, PREFIX, Endpoint

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ROWS = {row.name: row for row in ENDPOINTS}


class Server:
    """A cloud being served on a Unix socket, a receiver of its callbacks on another, and a raw client."""

    def __init__(self, folder: Path, policy: Policy = PROFILES["v1.6"]) -> None:
        self.path = str(folder / "cloud")
        self.loop = asyncio.new_event_loop()
        self.store = Store()
        self.time = 1_709_214_310.0
        self.faults = Faults()
        locks = MemoryLocks(self.store, self.now)
        self.cloud = Dding(self.store, self.now, random.Random(1), locks, policy)  # noqa: S311 - test data
        self.bench = DdingBench(self.cloud, locks)
        self.bench.add_client("ann", "s", "t")
        self.received: list[dict[str, object]] = []
        self.replies: list[web.Response] = []
        self.run(self._start(str(folder / "receiver")))

    def now(self) -> float:
        return self.time

    def run(self, work: object) -> object:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]  # a coroutine of this class

    async def _start(self, receiver: str) -> None:
        app = web.Application()
        app.router.add_post("/cb", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.UnixSite(self._runner, receiver).start()
        self._context = serving_dding(
            self.cloud, self.faults, self.bench, socket=self.path, callback_socket=receiver
        )
        await self._context.__aenter__()

    async def _receive(self, request: web.Request) -> web.Response:
        self.received.append(json.loads(await request.read()))
        return self.replies.pop(0) if self.replies else web.json_response({"ErrNo": 0, "ErrMsg": ""})

    async def _stop(self) -> None:
        await self._context.__aexit__(None, None, None)
        await self._runner.cleanup()

    def close(self) -> None:
        self.run(self._stop())
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()
        with self.store:
            pass

    def send(self, head: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """One request, one answer: HTTP status and body."""
        fields = {"Host": "x", "Connection": "close", "Content-Length": str(len(body)), **headers}
        lines = [f"{head} HTTP/1.1", *(f"{name.replace('_', '-')}: {text}" for name, text in fields.items())]

        async def exchange() -> bytes:
            reader, writer = await asyncio.open_unix_connection(self.path)
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            answer = await reader.read()
            writer.close()
            return answer

        top, _, answer = self.loop.run_until_complete(exchange()).partition(b"\r\n\r\n")
        return int(top.split()[1]), answer

    def post(self, path: str, fields: object, content_type: str = JSON) -> dict[str, object]:
        data = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        status, body = self.send(f"POST {path}", data, Content_Type=content_type)
        assert status == 200
        found = json.loads(body)
        assert isinstance(found, dict)
        return found

    def call(self, name: str, **fields: object) -> dict[str, object]:
        return self.post(PREFIX + name, fields)

    def code(self, head: str, body: bytes = b"", **headers: str) -> object:
        status, answer = self.send(head, body, **headers)
        assert status == 200
        return json.loads(answer)["ErrNo"]

    def token(self) -> str:
        return str(self.call("access_token", client_id="ann", client_secret="s")["access_token"])  # noqa: S106 - test data

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the courier work until the condition holds."""

        async def turns() -> None:
            while not condition():  # noqa: ASYNC110 - the condition is about rows, which signal nothing
                await asyncio.sleep(0)

        self.run(asyncio.wait_for(turns(), 20))


@pytest.fixture
def server() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        server = Server(Path(folder))
        yield server
        server.close()


def fill(server: Server) -> str:
    """A token; home h with gateway g and outer lock o."""
    token = server.token()
    server.call("add_home", access_token=token, home_id="h")
    server.bench.bind_device("t", "g", "gateway", "h")
    server.bench.bind_device("t", "o", "home_lock", "h")
    return token


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.sampled_from(ENDPOINTS), data=st.data())
def test_any_body_gets_a_documented_code_in_http_200(
    server: Server, row: Endpoint, data: st.DataObject
) -> None:
    method = data.draw(st.sampled_from(["GET", "POST", "PUT", "HEAD"]))
    body = data.draw(
        st.binary(max_size=40)
        | st.text(max_size=20).map(str.encode)
        | st.dictionaries(
            st.sampled_from(["access_token", "home_id", "client_id"]), st.text() | st.integers()
        ).map(lambda fields: json.dumps(fields).encode())
    )
    query = quote(data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=10)))
    kind = data.draw(st.sampled_from([JSON, FORM, "text/plain", "application/json; charset=utf-16"]))
    status, answer = server.send(f"{method} {row.path}?{query}", body, Content_Type=kind)
    assert status == 200
    if method != "HEAD":
        assert json.loads(answer)["ErrNo"] in {0, *row.codes}
    if method not in row.methods and method != "HEAD":
        assert json.loads(answer)["ErrNo"] == 15007
    assert not server.store.all("SELECT * FROM dding_homes")


def test_checks_come_in_the_documented_order(server: Server) -> None:
    token = fill(server)
    path = f"POST {PREFIX}update_home"
    assert server.code(f"GET {PREFIX}update_home?x=", b"") == 15007
    assert server.code(path, b"{") == 14001
    assert server.code(path, b'{"access_token": "x"}') == 101
    assert server.code(path, json.dumps({"access_token": token}).encode()) == 14001
    assert server.code(path, json.dumps({"access_token": token, "home_id": "?"}).encode()) == 15006
    assert server.code(f"POST {PREFIX}no_such") == 15007
    assert server.code("GET /v1/find_orders") == 15007
    assert server.send("GET /elsewhere")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b'{"access_token": 1, "access_token": 2}',
        b'{"a": NaN}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": "\xff"}',
        b'{"a": "' + b"x" * (1 << 20) + b'"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "array", "number", "twice", "nan", "deep", "bytes", "huge", "utf16", "digits"],
)
def test_a_body_that_is_no_json_object_is_14001(server: Server, body: bytes) -> None:
    assert server.code(f"POST {PREFIX}find_orders", body, Content_Type=JSON) == 14001
    head = f"POST {PREFIX}find_orders"
    assert server.code(head, b"x", Content_Type=JSON, Content_Encoding="gzip") == 14001


@pytest.mark.parametrize("depth", [60, 70, 600, 940, 5000])
def test_a_body_of_any_depth_is_answered(server: Server, depth: int) -> None:
    body = b'{"home_id": ' + b"[" * depth + b"]" * depth + b"}"
    assert server.code(f"POST {PREFIX}find_orders", body, Content_Type=JSON) == (101 if depth < 64 else 14001)


def test_a_form_a_query_and_json_say_the_same(server: Server) -> None:
    token = fill(server)
    state = {"sp_state": 1, "install_state": 4}
    query = f"accesst_token={token}&home_id=h&home_id=other"
    assert server.call("find_home_state", access_token=token, home_id="h")["result"] == state
    assert server.post(f"{PREFIX}find_home_state", query.encode(), FORM)["result"] == state
    status, body = server.send(f"GET {PREFIX}find_home_state?{query}")
    assert (status, json.loads(body)) == (200, {"ErrNo": 0, "ErrMsg": "ok", "result": state})
    many = f"access_token={token}&home_id={quote(json.dumps(['h']))}"
    assert server.post(f"{PREFIX}find_home_states", many.encode(), FORM)["result"] == {"h": state}


def test_orders_and_counts_are_served_on_both_paths(server: Server) -> None:
    token = fill(server)
    for path in ("/v1/find_orders", f"{PREFIX}find_orders"):
        assert server.post(path, {"access_token": token, "home_id": ["h"]})["result"] == {}
    for name in ("count_lock_events", "count_lock_envents"):
        assert server.code(f"GET {PREFIX}{name}?access_token={token}&uuid=o") == 0
    remarks = {row["remark"] for row in server.bench.remarks("t")}
    assert {"spells /v1/find_orders", f"spells {PREFIX}count_lock_envents"} <= remarks


def test_strict_serves_only_what_is_printed() -> None:
    with TemporaryDirectory() as folder:
        server = Server(Path(folder), replace(PROFILES["v1.6"], strict=True, http_status=True))
        assert server.send(f"GET {PREFIX}access_token")[0] == 405
        assert server.send(f"POST {PREFIX}find_orders")[0] == 404
        assert server.code("POST /v1/find_orders", b"{}", Content_Type=JSON) == 101
        assert server.code("POST /v1/find_orders", b"a=b", Content_Type=FORM) == 14001
        server.close()


def test_the_journal_hides_secrets(server: Server) -> None:
    token = fill(server)
    fields = {"access_token": token, "uuid": "o", "phonenumber": "1", "is_default": 1, "password": "987654"}
    assert server.call("add_password", **fields)["ErrNo"] == 0
    text = json.dumps([tuple(row) for row in server.store.all("SELECT * FROM journal")])
    assert "add_password" in text
    assert "987654" not in text
    assert token not in text
    assert '"s"' not in text.replace("\\", "")


def test_faults_are_what_no_honest_cloud_answers(server: Server) -> None:
    path = f"{PREFIX}access_token"
    good = {"client_id": "ann", "client_secret": "s"}
    for code in (14003, 15000):
        server.faults.add(Fault(path, errcode=code, times=1))
        assert server.post(path, good) == {"ErrNo": code, "ErrMsg": text_of(code)}
    server.faults.add(Fault(path, status=502, times=1))
    assert server.send(f"POST {path}")[0] == 502
    server.faults.add(Fault(path, without=("expires_time",), times=1))
    assert set(server.post(path, good)) == {"ErrNo", "ErrMsg", "access_token"}
    server.faults.add(Fault(path, cut=5, times=1))
    assert len(server.send(f"POST {path}", json.dumps(good).encode())[1]) == 5


def test_a_store_that_fails_is_a_database_failure(server: Server) -> None:
    token = fill(server)
    server.store.run(
        "CREATE TRIGGER full BEFORE INSERT ON dding_homes BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    assert server.call("add_home", access_token=token, home_id="n")["ErrNo"] == 14003
    assert server.call("find_home_state", access_token=token, home_id="n")["ErrNo"] == 15006
    assert server.call("find_home_state", access_token=token, home_id="h")["ErrNo"] == 0


def test_the_benchs_hands_are_reached_over_http(server: Server) -> None:
    control = "/_bench/dding/"
    add = {"client_id": "sam", "secret": "s", "tenant": "t", "role": "steward"}
    assert server.post(control + "add_client", add)["ErrNo"] == 0
    fill(server)
    twice = {"tenant": "t", "uuid": "o", "type": "home_lock", "home_id": "h"}
    assert server.post(control + "bind_device", twice)["ErrNo"] == 15010
    assert server.post(control + "press", {"uuid": "o", "code": "1"})["result"] is False
    assert server.post(control + "messages", {"tenant": "t"})["result"] == []
    for body in ({"uuid": "o"}, {"uuid": "o", "level": "x"}, {"uuid": "o", "level": 5, "more": 1}):
        assert server.post(control + "report_battery", body)["ErrNo"] == 14001
    assert server.send("POST /_bench/dding/run", b"{}")[0] == 404


def test_a_tenant_is_seeded_and_faults_are_switched_over_http(server: Server) -> None:
    control, token = "/_bench/dding/", server.token()
    home = {
        "home_id": "h",
        "rooms": [{"room_id": "r"}],
        "devices": [
            {"uuid": "g", "type": "gateway"},
            {"uuid": "l", "type": "room_lock", "room_id": "r", "admin_code": "987654"},
        ],
    }
    assert server.post(control + "seed", {"tenant": "t", "homes": [home | {"more": 1}]})["ErrNo"] == 14001
    assert server.post(control + "seed", {"tenant": "t", "homes": [home]})["ErrNo"] == 0
    assert server.post(control + "seed", {"tenant": "t", "homes": [home]})["ErrNo"] == 11000
    server.time += 1
    server.cloud.core.news()
    server.until(lambda: server.cloud.next_due() is None)
    query = f"access_token={token}&room_id=r"
    assert server.code(f"GET {PREFIX}get_default_password_plaintext?{query}") == 0
    path = f"{PREFIX}get_lock_info"
    assert server.post(control + "fail", {"path": path, "errcode": 14003, "times": 1})["ErrNo"] == 0
    assert server.post(control + "fail", {"path": path, "errcode": 1})["ErrNo"] == 14001
    assert [server.code(f"GET {path}?{query}") for _ in range(2)] == [14003, 0]
    server.post(control + "fail", {"path": path, "status": 500})
    server.post(control + "mend", {})
    assert server.code(f"GET {path}?{query}") == 0
    rows = server.post(control + "journal", {"last": 2})["result"]
    assert isinstance(rows, list)
    assert [(row["path"], row["errcode"]) for row in rows] == [(path, 0)] * 2


def test_a_callback_is_posted_until_it_is_taken(server: Server) -> None:
    fill(server)
    server.bench.set_callback_url("t", "http://localhost/cb")
    server.replies = [web.Response(status=500), web.json_response({"ErrNo": 1})]
    server.post("/_bench/dding/force_lock", {"uuid": "o"})
    server.post("/_bench/dding/press", {"uuid": "o", "code": "1"})
    for number, pause in enumerate((0, 1, 5), 1):
        server.time += pause
        server.cloud.core.news()
        server.until(lambda number=number: len(server.store.all("SELECT * FROM letter_tries")) == number)  # type: ignore[misc]  # a bound default
    assert [body["event"] for body in server.received] == ["brokenAlarm"] * 3
    assert server.received[0] == server.received[2]
    (row,) = server.bench.callbacks("t")
    assert row["state"] == "delivered"
    assert [one["outcome"] for one in row["tries"]] == ["HTTP 500", "ErrNo 1", "taken"]  # type: ignore[attr-defined]  # a list


def test_commands_are_carried_out_by_the_served_cloud(server: Server) -> None:
    token = fill(server)
    fields = {"access_token": token, "uuid": "o", "phonenumber": "1", "is_default": 1, "password": "987654"}
    server.call("add_password", **fields)
    server.time += 1
    server.cloud.core.news()
    server.until(lambda: server.cloud.next_due() is None)
    assert server.post("/_bench/dding/press", {"uuid": "o", "code": "987654"})["result"] is True
