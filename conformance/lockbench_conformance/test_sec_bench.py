"""SEC: what the bench itself must not give away, fetch, open or choke on."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from urllib.parse import urlsplit

from hypothesis import strategies as st
from lockbench_harness.cases import Expectation, case, expect
from lockbench_harness.cli.serve import command as serve
from lockbench_harness.cli.serve import is_open_to_others
from lockbench_harness.client.operations import LockRefused, add_passcode, auto_lock
from lockbench_harness.client.receiver import Receiver, Reply, receiving
from lockbench_harness.credentials import Credentials
from lockbench_harness.door import wire as door
from lockbench_harness.plan import Plan
from lockbench_harness.report import Report
from lockbench_harness.report.html import render
from lockbench_harness.report.row import Detail, Row
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.dding import DdingRefused
from lockbench_harness.trace import Mask, Trace
from lockbench_harness.verdicts import Verdict
from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.cloud.aiot.pushes import read_push
from lockbench_protocol.cloud.ttlock import open_package
from lockbench_protocol.lock.advertising import structures
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.frame import Reassembler
from lockbench_protocol.lock.lockdata import LockData, blob_key, open_pwd_info
from lockbench_protocol.lock.obfuscation import encode_field

from lockbench_conformance.dding import furnished, settled
from lockbench_conformance.words import OF_THE_BENCH

hostile = st.sampled_from(
    (
        "<script>alert(1)</script>",
        "'; DROP TABLE locks; --",
        "{{7*7}}",
        "\x1b]0;x\x07",
        "\u202egnp.exe",
        "%n%s",
    )
)


@case(
    "SEC/13",
    no_mutant=OF_THE_BENCH,
    clause="policy: text from outside is text",
    needs=("lock",),
    examples=6,
    text=hostile,
)
async def test_hostile_text_stays_text(bench: LockBench, text: str) -> None:
    """Text with markup, quotes or control characters is shown as text in trace and report."""
    bench.trace.event("finding", text=text)
    line = bench.trace.lines[-1]
    expect([char for char in line if char < " "], [], "control characters in the trace")
    page = page_that_tells(text)
    for harmful in ("<script>alert", "\x1b", "\u202e"):
        expect(harmful in page, False, f"does the page hold {harmful!r} as it came")


def page_that_tells(text: str) -> str:
    """A report in which this text came from a target."""
    plan = Plan(lock="emulated")
    row = Row(
        id="SEC/13",
        clause=text,
        level="MUST",
        verdict=Verdict.FAIL,
        requirement=text,
        seconds=0.0,
        seed=1,
        examples=1,
        reproduce=plan.reproduce("SEC/13"),
        links={},
        detail=Detail(text, text, text),
        inputs={"text": text},
    )
    return render(Report(plan, plan.target(), (row,)))


@case(
    "SEC/15",
    no_mutant=OF_THE_BENCH,
    clause="design: secrets are masked once",
    needs=("passcodes",),
    links=("bare", "air"),
    examples=2,
)
async def test_secrets_stay_secret(bench: LockBench) -> None:
    """With a mask, keys and codes are in no trace, no error and no repr, whatever was done with them."""
    keys, own = bench.keys, bench.credentials
    code = "13562461"
    mask = Mask()
    secrets: tuple[bytes | str | int, ...] = (own.aes_key, own.admin_ps, own.unlock_key, own.lock_data, code)
    for secret in secrets:
        mask.add(secret)
    trace = Trace(mask)
    written: list[str] = [repr(keys), repr(own)]
    async with bench.session() as client:
        client.pushes = lambda push: trace.event("push", text=repr(push))
        for operation in (add_passcode(keys, code), add_passcode(keys, code), auto_lock(keys, 60000)):
            try:
                await client.run(operation)
            except LockRefused as error:
                written.append(str(error))
        trace.event(
            "keys", aes=keys.aes_key, admin=keys.admin_ps, unlock=keys.unlock_key, text=f"the code {code}"
        )
        trace.event(
            "tx",
            value=COMMANDS[0x41].build_request({"admin_ps": keys.admin_ps, "lock_flag_pos": 0, "uid": 0}),
        )
    text = trace.text() + "".join(written)
    for name, secret in (("AES key", own.aes_key.hex()), ("admin_ps", str(own.admin_ps)), ("code", code)):
        expect(secret in text, False, f"is the {name} shown")


strangers = st.sampled_from(
    (
        "http://10.0.0.1/",
        "http://192.168.1.1/admin",
        "http://169.254.169.254/latest/meta-data/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://example.com/",
        "http://localhost.example.com/",
        "http://localhost@example.com/",
        "http://127.0.0.1:80@example.com/",
        "http://example.com/#localhost",
        "file:///etc/passwd",
        "ftp://localhost/",
        "gopher://127.0.0.1/",
        "//localhost/",
        "localhost",
        "http://",
    )
)


@case(
    "SEC/14",
    clause="policy: callbacks go to this machine only",
    needs=("dding", "clock"),
    links=("bare",),
    examples=6,
    url=strangers,
)
async def test_callbacks_stay_at_home(bench: LockBench, url: str) -> None:
    """A callback address beyond this machine is refused and changes nothing; no redirect is followed."""
    dding = await furnished(bench)
    try:
        dding.hands.control("set_callback_url", tenant="t", url=url)
    except DdingRefused:
        pass
    else:
        raise Expectation("the control's answer", f"a refusal of {url}", "success")
    dding.receiver.replies.append(Reply(status=307, location="http://localhost/callback"))
    dding.hands.control("force_lock", uuid="l")
    await settled()
    expect(dding.receiver.events(), ["brokenAlarm"], "what the address that was set before is posted at once")


hosts = st.sampled_from(("", "0.0.0.0", "192.168.0.7", "[::]", "example.com", "127.0.0.1.example.com"))  # noqa: S104 - what must be told from loopback


@case(
    "SEC/16",
    no_mutant=OF_THE_BENCH,
    clause="policy: servers are for this machine",
    needs=("lock",),
    links=("bare",),
    host=hosts,
)
async def test_servers_are_at_home(bench: LockBench, host: str) -> None:
    """What the bench serves is bound to loopback; an address beyond it is given by hand, and warned of."""
    for spec in ("tcp-server:127.0.0.1:1", "tcp-server:[::1]:1", "ws-server:localhost:1", "unix-server:/x"):
        expect(is_open_to_others(spec), False, f"is {spec} open to others")
    for scheme in ("tcp-server", "ws-server"):
        expect(is_open_to_others(f"{scheme}:{host}:1"), True, f"is {scheme} at {host!r} open to others")
    (bind,) = (option.default for option in serve.params if option.name == "bind")
    async with receiving(Receiver()) as address:
        served = (str(bind), str(urlsplit(address).hostname))
    bench.trace.event("finding", served=served)
    expect(served, ("127.0.0.1", "127.0.0.1"), "where clouds and the receiver of callbacks listen by default")


def sealed(text: str) -> str:
    """A lockData whose inside is this text."""
    mac = bytes.fromhex("C21122334455")
    return b64encode(cipher(blob_key(mac.hex(":").upper())).encrypt(text.encode()) + mac).decode()


STAMP = 1709214310000
READERS: dict[str, Callable[[str], object]] = {
    "lockData": lambda text: LockData.decode(sealed(text)),
    "a blob": LockData.decode,
    "pwdInfo": lambda text: open_pwd_info(
        b64encode(cipher(f"{STAMP:0<16}".encode()).encrypt(text.encode())).decode(), STAMP
    ),
    "a package": lambda text: open_package(encode_field(text, 1)),
    "a push": lambda text: read_push(text.encode()),
    "credentials": Credentials.from_json,
    "the door": lambda text: door.parse(text.encode()),
}
bombs = st.builds(
    lambda opening, depth, closing: opening * depth + closing,
    st.sampled_from(("[", '{"a":', '[{"a":', '"', "9", "\\", "-", "\x00")),
    st.integers(1, 20_000),
    st.sampled_from(("", "]", "}", "1")),
)


@case(
    "SEC/17",
    no_mutant=OF_THE_BENCH,
    clause="policy: parsers have limits",
    needs=("dding",),
    links=("bare",),
    examples=6,
    bomb=bombs,
)
async def test_no_text_chokes_a_parser(bench: LockBench, bomb: str) -> None:
    """Text that is deep, long or broken is refused with a sentence, in bounded time and memory."""
    for name, reader in READERS.items():
        try:
            reader(bomb)
        except (LocalError, RemoteError, door.Malformed) as error:
            expect(len(str(error)) < 1000, True, f"is the sentence about {name} short")
        else:
            raise Expectation(f"what reading {name} comes to", "a refusal", "success")
    raw = bomb.encode()
    stream = Reassembler()
    found = [frame for at in range(0, len(raw), 20) for frame in stream.feed(b"\x7f\x5a" + raw[at : at + 18])]
    expect(found, [], "frames in it")
    expect(sum(2 + len(value) for _, value in structures(raw[:255])) <= 255, True, "do structures fit")
    dding = await bench.dding()
    answer = await dding.send("POST", "/openapi/v1/add_home", raw)
    expect(answer.status < 500, True, f"is {answer.status} no fault of the server")
    expect(answer.json().get("ErrNo") not in (None, 0), True, "is it refused with an ErrNo")
