"""The event stream, and the secrets that never reach it."""

import asyncio
import json
from base64 import b64encode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lockbench_harness import clock
from lockbench_harness.trace import Mask, Trace
from lockbench_harness.trace.mask import HIDDEN

secrets = st.binary(min_size=4, max_size=20)


@given(secrets, st.text(), st.text())
def test_a_secret_of_bytes_is_hidden_in_every_form_of_it(secret: bytes, before: str, after: str) -> None:
    mask = Mask()
    mask.add(secret)
    forms = [
        secret.hex(),
        secret.hex().upper(),
        secret.hex(":"),
        repr(secret)[2:-1],
        b64encode(secret).decode(),
    ]
    for form in forms:
        told = mask.text(f"{before}{form}{after}")
        assert HIDDEN in told
        assert secret.hex() not in told.lower()


@given(st.integers(1000, 2**32 - 1))
def test_a_secret_number_is_hidden_as_a_value_as_digits_and_as_bytes(secret: int) -> None:
    mask = Mask()
    mask.add(secret)
    assert mask.value({"ps": secret, "text": f"it is {secret}", "raw": secret.to_bytes(4, "big").hex()}) == {
        "ps": HIDDEN,
        "text": f"it is {HIDDEN}",
        "raw": HIDDEN,
    }


@given(secrets)
def test_a_masked_line_is_still_json(secret: bytes) -> None:
    mask = Mask()
    mask.add(secret)
    mask.add(123456)
    trace = Trace(mask)
    trace.event("tx", value=secret, number=123456, nested={"list": [secret.hex(), 1, True, None]})
    line = json.loads(trace.lines[0])
    assert line == {
        "t": 0.0,
        "kind": "tx",
        "value": HIDDEN,
        "number": HIDDEN,
        "nested": {"list": [HIDDEN, 1, True, None]},
    }


@given(st.text(min_size=4))
def test_a_secret_text_is_hidden(secret: str) -> None:
    assume(secret not in HIDDEN)
    mask = Mask()
    mask.add(secret)
    assert mask.text(f"key {secret}!") == f"key {HIDDEN}!"


@pytest.mark.parametrize("secret", ["", "123", b"\x00\x01\x02", 999])
def test_what_is_too_short_is_no_secret(secret: str | bytes | int) -> None:
    mask = Mask()
    mask.add(secret)
    assert not mask
    assert mask.text("1230001029991") == "1230001029991"


def test_a_secret_that_contains_another_goes_as_a_whole() -> None:
    mask = Mask()
    mask.add("1234")
    mask.add("12345678")
    assert mask.text("12345678") == HIDDEN


def test_events_carry_the_time_of_the_loop_since_it_began() -> None:
    trace = Trace()

    async def story() -> None:
        trace.event("link", up=True)
        await asyncio.sleep(1 / 3)
        trace.event("tx", value=b"\x7f\x5a", text="é")

    trace.event("case", id="PWD/6")
    clock.run(story())
    assert trace.text() == (
        '{"t":0.0,"kind":"case","id":"PWD/6"}\n'
        '{"t":0.0,"kind":"link","up":true}\n'
        '{"t":0.333333,"kind":"tx","value":"7f5a","text":"é"}\n'
    )
