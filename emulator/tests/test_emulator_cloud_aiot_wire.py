"""The AIOT cloud over HTTP: parse, order of checks, envelope, bench controls, courier."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.aiot.agent import MemoryDevices
from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.aiot.policy import Policy
from lockbench_emulator.cloud.aiot.server import serving_aiot
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.store import Store
from lockbench_protocol.cloud.aiot.models import ENDPOINTS, PREFIXES, Endpoint
from lockbench_protocol.telink.image import make_image

ROWS = {row.name: row for row in ENDPOINTS}
QUERY = ROWS["query"].path


class Server:
    """A cloud being served, a receiver of its pushes, and a client that writes its requests itself."""

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        self.path = str(folder / "cloud")
        self.loop = asyncio.new_event_loop()
        self.store = Store()
        self.time = 1_709_214_310.0
        self.faults = Faults()
        self.over = asyncio.Event()  # a result was pushed
        devices = MemoryDevices()
        self.cloud = Aiot(self.store, lambda: self.time, random.Random(1), devices, policy)  # noqa: S311 - test data
        self.bench = AiotBench(self.cloud, devices)
        self.received: list[tuple[dict[str, str], dict[str, object]]] = []
        self.observed: list[tuple[str, str, int, int | None]] = []
        self.loop.run_until_complete(self._start(str(folder / "receiver")))
        for app, user in (("app", "u"), ("other", "o")):
            self.bench.add_app(app, f"key of {app}", "http://127.0.0.1/push")
            self.bench.bind(app, user, f"{user}'s", "model", "1.0")
        self.token = self.bench.grant("app", "u")
        self.stranger = self.bench.grant("other", "o")
        self.bench.publish("model", b"image", "2.0", "改进 🔒")

    async def _start(self, receiver: str) -> None:
        app = web.Application()
        app.router.add_post("/push", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.UnixSite(self._runner, receiver).start()
        self._context = serving_aiot(
            self.cloud,
            self.faults,
            self.bench,
            socket=self.path,
            push_socket=receiver,
            observe=lambda *seen: self.observed.append(seen),
        )
        await self._context.__aenter__()

    async def _receive(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.received.append((dict(request.headers), body))
        if body["msgType"] == "ota_upgrade_result":
            self.over.set()
        return web.json_response({"code": 0})

    async def _stop(self) -> None:
        await self._context.__aexit__(None, None, None)
        await self._runner.cleanup()

    def close(self) -> None:
        self.loop.run_until_complete(self._stop())
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()
        with self.store:
            pass

    def send(self, head: str, body: bytes = b"", **headers: str) -> SimpleNamespace:
        """One request with the user's headers, `Access_Token` standing for Access-Token; "" takes one out."""
        own = {"Appid": "app", "Appkey": "key of app", "Access_Token": self.token}
        fields = {"Host": "x", "Connection": "close", "Content-Length": str(len(body)), **own, **headers}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]

        async def exchange() -> bytes:
            reader, writer = await asyncio.open_unix_connection(self.path)
            text = "\r\n".join([f"{head} HTTP/1.1", *lines, "", ""])
            writer.write(text.encode(errors="surrogateescape") + body)
            answer = await reader.read()
            writer.close()
            return answer

        head_bytes, _, answer = self.loop.run_until_complete(exchange()).partition(b"\r\n\r\n")
        status, *rest = head_bytes.decode().split("\r\n")
        pairs = dict(line.lower().split(": ", 1) for line in rest)
        return SimpleNamespace(status=int(status.split()[1]), headers=pairs, body=answer)

    def post(self, path: str, fields: object, **headers: str) -> dict[str, object]:
        answer = self.send(f"POST {path}", json.dumps(fields).encode(), **headers)
        assert answer.status == 200
        body = json.loads(answer.body)
        assert isinstance(body, dict)
        return body

    def code(self, path: str, fields: object, **headers: str) -> object:
        return self.post(path, fields, **headers)["code"]


@pytest.fixture
def server() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        server = Server(Path(folder))
        yield server
        server.close()


BODIES = st.binary(max_size=200) | st.dictionaries(
    st.sampled_from(["did", "openId", "x"]), st.none() | st.text(max_size=70) | st.integers() | st.just("u's")
).map(lambda row: json.dumps(row).encode())


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.sampled_from(ENDPOINTS),
    prefix=st.sampled_from(PREFIXES),
    query=st.binary(max_size=30),
    body=BODIES,
    method=st.sampled_from(["POST", "GET", "PUT", "DELETE"]),
    encoding=st.sampled_from(["identity", "gzip", "br", "nonsense"]),
    token=st.sampled_from(["known", "unknown", ""]),
)
def test_any_request_gets_a_documented_code_in_http_200(
    server: Server,
    row: Endpoint,
    prefix: str,
    query: bytes,
    body: bytes,
    method: str,
    encoding: str,
    token: str,
) -> None:
    head = f"{method} {prefix}{row.path}?{quote(query, safe='=&%')}"
    known = server.token if token == "known" else token  # noqa: S105 - a word
    answer = server.send(head, body, Content_Encoding=encoding, Access_Token=known)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    code = json.loads(answer.body)["code"]
    assert code in (0, 304, *row.codes)
    assert (code == 304) == (method not in row.methods)


def test_the_checks_come_in_their_order(server: Server) -> None:
    wrong = {"Appid": "", "Appkey": "no", "Access_Token": ""}
    assert server.code("/open/ota/nothing", {}, **wrong) == 306
    assert server.code("/v2.0/open/nothing", {}) == 306
    assert json.loads(server.send(f"PUT {QUERY}", b"", **wrong).body)["code"] == 304
    assert server.code(QUERY, [], **wrong) == 305
    assert server.code(QUERY, [], Appkey="no", Access_Token="") == 2002
    assert server.code(QUERY, [], Access_Token="") == 109
    assert server.code(QUERY, [], Access_Token="no") == 2004  # noqa: S106 - test data
    assert server.code(QUERY, []) == 302
    assert server.code(ROWS["query_selected"].path, {"did": ["l"]}) == 302
    assert server.code(ROWS["query_selected"].path, {"did": "nobody's"}) == 604
    assert server.send("POST /elsewhere").status == 404


@pytest.mark.parametrize("prefix", PREFIXES)
def test_queries_are_answered_to_get_as_well_and_upgrades_are_not(server: Server, prefix: str) -> None:
    answer = server.send(f"GET {prefix}{ROWS['query_selected'].path}?did={quote(chr(39).join('us'))}&did=x")
    rows = json.loads(answer.body)["result"]
    assert [row["did"] for row in rows] == ["u's"]
    assert json.loads(server.send(f"GET {prefix}{ROWS['upgrade'].path}").body)["code"] == 304


@pytest.mark.parametrize(
    ("policy", "fields", "code"),
    [
        (Policy(), {"did": 1}, 302),
        (Policy(), {"did": "x" * 65}, 302),
        (Policy(field_codes=True), {"did": 1}, 303),
        (Policy(field_codes=True), {"did": "x" * 65}, 758),
        (Policy(field_codes=True), {}, 302),
    ],
)
def test_a_bad_field_is_302_or_its_own_code(policy: Policy, fields: object, code: int) -> None:
    with TemporaryDirectory() as folder:
        server = Server(Path(folder), policy)
        assert server.code(ROWS["query_selected"].path, fields) == code
        server.close()


def test_an_expired_token_is_2005_or_108(server: Server) -> None:
    server.time += 8 * 86_400
    assert server.code(QUERY, {}) == 2005
    server.cloud.core.policy = Policy(expired_token=108)
    assert server.code(QUERY, {}) == 108


@pytest.mark.parametrize("name", sorted(ROWS))
def test_what_is_anothers_is_as_what_does_not_exist(server: Server, name: str) -> None:
    """Another application's devices, and its token, are nobody's."""
    path = ROWS[name].path
    tokens = [server.post(path, {}, Access_Token=token) for token in (server.stranger, "unknown")]
    assert tokens[0] == tokens[1] == {"code": 2004, "message": "access token wrong"}
    if name.endswith("_selected"):
        known, unknown = (server.post(path, {"did": did}) for did in ("o's", "nobody's"))
        assert known == unknown == {"code": 604, "message": "illegal device id"}


def test_a_body_that_is_too_large_too_deep_or_no_text_is_a_bad_field(server: Server) -> None:
    for body in (b'{"x":"' + b"a" * 300_000 + b'"}', b"[" * 50_000, b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}'):
        assert json.loads(server.send(f"POST {QUERY}", body).body)["code"] == 302
    assert json.loads(server.send(f"POST {QUERY}").body)["code"] == 0


def test_an_upgrade_is_pushed_with_the_applications_headers(server: Server) -> None:
    async def told() -> None:
        server.time += 30
        server.cloud.outbox.news()
        async with asyncio.timeout(30):
            await server.over.wait()

    assert server.code(ROWS["upgrade"].path, {}) == 0
    server.loop.run_until_complete(told())
    kinds = [body["msgType"] for _, body in server.received]
    assert kinds == ["ota_upgrade_progress"] * 11 + ["ota_upgrade_result"]
    headers = server.received[0][0]
    assert (headers["Appid"], headers["Appkey"]) == ("app", "key of app")
    assert server.bench.history("u's")[0]["upgradeResult"] == "1"


def test_the_journal_holds_no_secret(server: Server) -> None:
    server.code(QUERY, {"openId": "u"}, Openid="u")
    server.code(ROWS["upgrade"].path, {})
    server.faults.add(Fault(QUERY, status=503, times=1))
    assert server.send(f"POST {QUERY}").status == 503
    rows = server.store.all("SELECT * FROM journal WHERE method = 'POST' ORDER BY number")
    assert [(row["method"], row["path"], row["status"], row["errcode"]) for row in rows] == server.observed
    text = str([tuple(row) for row in rows])
    assert "key of app" not in text
    assert server.token not in text
    assert json.loads(rows[0]["parameters"])["Openid"] == "u"
    letters = str(server.bench.pushes("app"))
    assert "key of app" not in letters


def test_faults_are_met_before_the_cloud_does_anything(server: Server) -> None:
    path = ROWS["upgrade"].path
    server.faults.add(Fault(path, errcode=429, times=1))
    assert server.code(path, {}) == 429
    assert server.bench.state("u's") == "idle"
    server.faults.add(Fault(path, without=("requestId",), times=1))
    assert set(server.post(path, {})) == {"code", "message", "result"}


def test_the_bench_is_served_beside_the_cloud(server: Server) -> None:
    def control(name: str, **fields: object) -> dict[str, object]:
        return server.post(f"/_bench/aiot/{name}", fields)

    image = base64.b64encode(make_image(2_000_000 // 16 * 16 + 4, "3.1.4", 1)).decode()
    assert control("publish", model="model", image=image)["result"] == "3.1.4"
    found: Any = server.post(QUERY, {})["result"]
    assert found[0]["upgradeFirmware"]["fileSize"] == str(2_000_000 // 16 * 16 + 4)
    assert control("history", did="nobody's")["code"] == 604
    assert control("publish", model="model")["code"] == 302
    assert "image" in str(control("publish", model="model")["message"])
    assert control("set_line", did="u's", online=False)["code"] == 0
    assert server.code(ROWS["upgrade_selected"].path, {"did": "u's"}) == 602
    notices = control("notices", appid="app")["result"]
    assert isinstance(notices, list)
    assert [row["firmwareVersion"] for row in notices] == ["2.0", "3.1.4"]


def test_a_header_that_is_no_text_counts_as_absent(server: Server) -> None:
    assert server.code(QUERY, {}, Appid="\udcff") == 305
    assert server.code(QUERY, {}, Appkey="\udcff") == 305
    assert server.code(QUERY, {}, Access_Token="\udcff") == 109  # noqa: S106 - no secret
    assert server.code(QUERY, {}, Openid="\udcff") == 0


def test_a_number_that_no_row_can_hold_is_refused_in_words(server: Server) -> None:
    answer = server.post("/_bench/aiot/redeliver", {"number": 10**30})
    assert answer["code"] == 302
    assert "too large" in str(answer["message"])
