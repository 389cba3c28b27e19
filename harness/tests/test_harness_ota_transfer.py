"""The driver of an OTA sender does what each step asks for: pause, write, read, wait, leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from lockbench_harness import clock
from lockbench_harness.client.ota import ANSWER_SECONDS, Ended, OtaSender, load_preset
from lockbench_harness.client.presets import preset_names
from lockbench_harness.client.transfer import transfer
from lockbench_harness.links import Connection, LinkLost
from lockbench_protocol.telink.image import make_image
from lockbench_protocol.telink.ota import command

IMAGE = make_image(1028, "6.4.34", 1)
END = b"\x02\xff"


class Peer:
    """A link that remembers what was done to it, and when; it answers END with `result`."""

    mtu = 247

    def __init__(self, result: bytes | None, *, answers_version: bool = True) -> None:
        self.lost = False
        self.done: list[tuple[float, str, bytes]] = []
        self._result = result
        self._answers_version = answers_version
        self._heard: Callable[[bytes], None] = lambda _value: None
        self._lost: Callable[[int], None] = lambda _reason: None

    def _did(self, what: str, value: bytes = b"") -> None:
        if self.lost:
            raise LinkLost
        self.done.append((asyncio.get_running_loop().time(), what, value))

    def on_lost(self, callback: Callable[[int], None]) -> None:
        self._lost = callback

    def characteristics(self) -> dict[str, tuple[str, int]]:
        return {}

    async def subscribe(self, _characteristic: str, callback: Callable[[bytes], None]) -> None:
        self._did("subscribe")
        self._heard = callback

    async def write(self, _characteristic: str, value: bytes, *, response: bool = False) -> None:
        assert not response
        self._did("write", value)
        loop = asyncio.get_running_loop()
        if value[:2] == END and self._result is not None:
            loop.call_later(0.5, self._heard, self._result)
        if value[:2] == b"\x04\xff" and self._answers_version:
            loop.call_later(0.25, self._heard, command("FW_VERSION_RSP", version=1, accept=1))

    async def read(self, _characteristic: str) -> bytes:
        self._did("read")
        return b"\x00"

    async def drain(self) -> None:
        if self.lost:
            raise LinkLost

    async def disconnect(self) -> None:
        self.done.append((asyncio.get_running_loop().time(), "leave", b""))
        self.lost = True
        self._lost(0)


def sent(name: str, peer: Peer, interval: float | None = None) -> Ended:
    preset = load_preset(name)
    if interval is not None:
        preset = replace(preset, interval=interval)
    return clock.run(transfer(cast("Connection", peer), OtaSender(IMAGE, preset), lambda _percent: None))


def answer_of(name: str) -> bytes | None:
    preset = load_preset(name)
    wire = preset.dialect
    return None if wire.result_head is None else wire.result_head + b"\x00" + wire.result_tail


@pytest.mark.parametrize("name", preset_names())
def test_every_client_writes_its_script_with_its_pauses_and_reads(name: str) -> None:
    peer = Peer(answer_of(name))
    ended = sent(name, peer)
    steps = list(OtaSender(IMAGE, load_preset(name)).script())
    writes = [(at, value) for at, what, value in peer.done if what == "write"]
    assert [value for _, value in writes] == [step.value for step in steps]
    for (before, _), (after, _), step in zip(writes, writes[1:], steps[1:], strict=False):
        assert after - before >= step.pause - 1e-9
    assert sum(what == "read" for _, what, _ in peer.done) == sum(step.then == "read" for step in steps)
    preset = load_preset(name)
    assert (peer.done[0][1] == "subscribe") == preset.listens
    assert peer.lost == preset.leaves
    assert ended.ok == (preset.success != "drop")


def test_an_interval_paces_the_data_pdus() -> None:
    peer = Peer(answer_of("ttlock"))
    assert sent("ttlock", peer, interval=0.1).ok
    data = [at for at, what, value in peer.done if what == "write" and value[1] != 0xFF]
    assert data[-1] - data[0] == pytest.approx(0.1 * (len(data) - 1))


def test_without_its_answer_the_client_goes_no_further_than_the_version_request() -> None:
    peer = Peer(None, answers_version=False)
    ended = sent("telink-ios-extended", peer)
    assert not ended.ok
    assert ended.why == "the lock did not answer FW_VERSION_REQ"
    assert len([what for _, what, _ in peer.done if what == "write"]) == 2
    assert ANSWER_SECONDS == 5.0


def test_a_client_that_hears_nothing_after_end_gives_up_after_its_patience() -> None:
    peer = Peer(None)
    ended = sent("ttlock", peer)
    assert not ended.ok
    assert ended.why == "nothing came within 35 s after END"


def test_a_word_on_the_progress_is_not_the_end() -> None:
    class Talkative(Peer):
        async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None:
            await super().write(characteristic, value, response=response)
            if value[:2] == END:
                self._heard(command("SCHEDULE_PDU_NUM", pdus=65))

    assert sent("telink-firmware", Talkative(answer_of("telink-firmware"))).ok
