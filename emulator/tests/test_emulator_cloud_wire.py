"""The TTLock cloud over HTTP, on a Unix socket and on loopback: parse, order of checks, envelope."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.faults import PACKAGES, Fault, Faults
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Ttlock, md5
from lockbench_emulator.cloud.ttlock.server import serving_ttlock
from lockbench_protocol.cloud.ttlock import ENDPOINTS, ERRORS, Endpoint

NOW = 1_709_214_310.0
TOKEN = {"clientId": "app", "clientSecret": "s", "username": "ann", "password": md5("secret")}
FORM = "application/x-www-form-urlencoded"


class Server:
    """A cloud being served, and a client that writes the bytes of a request itself."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.loop = asyncio.new_event_loop()
        self.store = Store()
        self.faults = Faults()
        self.cloud = Ttlock(self.store, lambda: NOW, random.Random(1))  # noqa: S311 - test data
        self.cloud.add_client("app", "s")
        self.cloud.add_user("app", "ann", "secret")
        self.observed: list[tuple[str, str, int, int | None]] = []
        self._context = serving_ttlock(
            self.cloud, self.faults, socket=path, observe=lambda *seen: self.observed.append(seen)
        )
        self.loop.run_until_complete(self._context.__aenter__())

    def close(self) -> None:
        self.loop.run_until_complete(self._context.__aexit__(None, None, None))
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()
        with self.store:
            pass

    def send(self, head: str, body: bytes = b"", **headers: str) -> SimpleNamespace:
        """One request, one answer: status, headers (lower case), body."""
        fields = {"Host": "ttlock.test", "Connection": "close", "Content-Length": str(len(body)), **headers}
        lines = [
            f"{head} HTTP/1.1",
            *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
        ]

        async def exchange() -> bytes:
            reader, writer = await asyncio.open_unix_connection(self.path)
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            answer = await reader.read()
            writer.close()
            return answer

        head_bytes, _, answer = self.loop.run_until_complete(exchange()).partition(b"\r\n\r\n")
        status, *rest = head_bytes.decode().split("\r\n")
        pairs = dict(line.lower().split(": ", 1) for line in rest)
        return SimpleNamespace(status=int(status.split()[1]), headers=pairs, body=answer)

    def post(
        self, path: str, parameters: Mapping[str, object], query: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        head = f"POST {path}" + (f"?{urlencode(query)}" if query else "")
        answer = self.send(head, urlencode(parameters).encode(), Content_Type=FORM)
        assert answer.status == 200
        body = json.loads(answer.body)
        assert isinstance(body, dict)
        return body

    def journal(self) -> list[dict[str, object]]:
        return [dict(row) for row in self.store.all("SELECT * FROM journal ORDER BY number")]


@pytest.fixture
def server() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        server = Server(str(Path(folder) / "cloud"))
        yield server
        server.close()


BYTES = st.binary(max_size=300) | st.builds(
    lambda pairs: urlencode(pairs).encode(),
    st.dictionaries(st.sampled_from([*TOKEN, "date", "lockId"]), st.text()),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.sampled_from(ENDPOINTS),
    query=st.binary(max_size=30),
    body=BYTES,
    kind=st.sampled_from(
        [FORM, f"{FORM}; charset=utf-16", "application/json", "multipart/form-data", "x", ""]
    ),
    encoding=st.sampled_from(["identity", "gzip", "deflate", "br", "nonsense"]),
)
def test_any_request_gets_a_documented_code_in_http_200(
    server: Server, row: Endpoint, query: bytes, body: bytes, kind: str, encoding: str
) -> None:
    answer = server.send(
        f"POST {row.path}?{quote(query, safe='=&%')}", body, Content_Type=kind, Content_Encoding=encoding
    )
    assert answer.status == 200
    assert json.loads(answer.body)["errcode"] in row.codes
    assert server.store.all("SELECT * FROM tokens") == []


def test_query_and_form_are_one_and_the_form_wins(server: Server) -> None:
    assert "access_token" in server.post("/oauth2/token", {}, query=TOKEN)
    split = {name: TOKEN[name] for name in ("clientId", "clientSecret")}
    assert "access_token" in server.post("/oauth2/token", TOKEN, query=split | {"username": "wrong"})
    assert server.post("/oauth2/token", {"password": md5("x")}, query=TOKEN)["errcode"] == 10007


def test_a_refusal_is_json_in_http_200_with_a_chinese_description(server: Server) -> None:
    answer = server.send(
        "POST /oauth2/token", urlencode(TOKEN | {"password": "plain"}).encode(), Content_Type=FORM
    )
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    errmsg, description = ERRORS[30005]
    assert json.loads(answer.body) == {"errcode": 30005, "errmsg": errmsg, "description": description}
    assert description.encode() in answer.body


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, -3),
        ({"date": "x", "clientId": "nobody"}, -3),
        ({"date": int(NOW * 1000) - 300_001, "clientId": "nobody"}, 80000),
        ({"date": int(NOW * 1000) + 300_001, "clientId": "nobody", "accessToken": "x", "lockId": 1}, 80000),
        ({"date": int(NOW * 1000) - 300_000, "clientId": "nobody", "accessToken": "x", "lockId": 1}, 10000),
        ({"date": int(NOW * 1000), "clientId": "app", "accessToken": "x", "lockId": 1}, 10003),
    ],
)
def test_the_checks_come_in_their_order(server: Server, parameters: dict[str, object], code: int) -> None:
    assert server.post("/v3/lock/detail", parameters)["errcode"] == code


def test_an_unknown_path_is_404_and_a_wrong_verb_a_wrong_parameter(server: Server) -> None:
    assert server.send("POST /v3/lock/nothing").status == 404
    assert server.send(f"GET {PACKAGES}1.bin").status == 404
    answer = server.send("GET /oauth2/token?" + urlencode(TOKEN))
    assert (answer.status, json.loads(answer.body)["errcode"]) == (200, -3)


def test_every_answer_carries_the_clouds_own_date(server: Server) -> None:
    for head in ("POST /oauth2/token", "GET /nothing", "GET /packages/1.bin"):
        answer = server.send(head)
        assert answer.headers["date"] == "thu, 29 feb 2024 13:45:10 gmt"
        assert answer.headers["server"] == "lockbench"


@pytest.mark.parametrize("size", [70_000, 1_000_000])
def test_a_form_that_is_too_large_is_a_wrong_parameter(server: Server, size: int) -> None:
    assert server.post("/oauth2/token", TOKEN | {"username": "a" * size})["errcode"] == -3
    assert "access_token" in server.post("/oauth2/token", TOKEN)


def test_the_journal_names_each_request_and_no_secret(server: Server) -> None:
    server.post("/oauth2/token", TOKEN)
    server.post("/oauth2/token", TOKEN | {"password": "plain"})
    server.faults.add(Fault("/oauth2/token", status=503, times=1))
    server.send("POST /oauth2/token")
    rows = server.journal()
    seen = [(row["method"], row["path"], row["status"], row["errcode"]) for row in rows]
    assert server.observed == seen
    assert [(row["path"], row["status"], row["errcode"]) for row in rows] == [
        ("/oauth2/token", 200, 0),
        ("/oauth2/token", 200, 30005),
        ("/oauth2/token", 503, None),
    ]
    assert json.loads(str(rows[0]["parameters"])) == {
        "clientId": "app",
        "clientSecret": "***",
        "username": "ann",
        "password": "***",
    }


@pytest.mark.parametrize(
    "name", ["add_passcode", "change_passcode", "passcodes", "upload_records", "upload_passcodes"]
)
def test_the_journal_holds_no_passcode(server: Server, name: str) -> None:
    row = next(row for row in ENDPOINTS if row.name == name)
    names = ("keyboardPwd", "newKeyboardPwd", "searchStr")
    texts = {"records": '[{"keyboardPwd": "13579"}]', "keyboardPwdList": '[{"keyboardPwd": "13579"}]'}
    server.post(row.path, dict.fromkeys(names, "13579") | texts | {"clientId": "app"})
    (line,) = server.journal()
    assert "13579" not in str(line)
    assert '"clientId": "app"' in str(line)


@pytest.mark.parametrize("path", ["/v3/keyboardPwd/list", "/v3/lock/addKeyboardPassword", "/v3", "/v3/lock/"])
def test_paths_that_only_look_right_are_404(server: Server, path: str) -> None:
    assert server.send(f"POST {path}").status == 404


def test_a_cut_answer_ends_early_and_the_next_is_whole(server: Server) -> None:
    server.cloud.add_firmware("m", "h", "2", bytes(1000))
    number = server.store.all("SELECT firmware_id FROM firmware")[0]["firmware_id"]
    server.faults.add(Fault(PACKAGES, cut=100, times=1))
    cut, whole = (server.send(f"GET {PACKAGES}{number}.bin") for _ in range(2))
    assert cut.headers["content-length"] == whole.headers["content-length"] == "1008"
    assert cut.body == whole.body[:100]
    assert len(whole.body) == 1008


def test_on_loopback_the_address_names_the_port() -> None:
    async def story() -> None:
        with Store() as store:
            cloud = Ttlock(store, lambda: NOW, random.Random(1))  # noqa: S311 - test data
            async with serving_ttlock(cloud, Faults()) as address:
                host, port = address.removeprefix("http://").split(":")
                assert (host, cloud.base_url) == ("127.0.0.1", address)
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert (await reader.readline()).split()[1] == b"404"
                await reader.read()
                writer.close()

    asyncio.run(story())
