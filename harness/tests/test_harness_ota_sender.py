"""The OTA sender: what it writes is the vectors, what it reports never falls, what it hears ends it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.boot.board import load_board
from lockbench_emulator.boot.dialect import load_dialect
from lockbench_emulator.boot.factory import install, read_image
from lockbench_emulator.boot.flash import Flash
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.boot.startup import power_up
from lockbench_emulator.gatt import Notify
from lockbench_harness.client.ota import TTLOCK, OtaSender
from lockbench_protocol import LocalError
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import declared_size, make_image

BOARD, DIALECT = load_board("b87"), load_dialect("tt")
VECTORS = json.loads(
    (Path(__file__).parents[2] / "protocol/tests/vectors/telink-ota.json").read_text(encoding="utf-8")
)
TINY = bytes.fromhex(VECTORS["tiny_image"]["hex"])


def send(sender: OtaSender, server: OtaServer) -> None:
    """Both ends of a link that loses nothing."""
    for step in sender.steps():
        for effect in server.write(step.value, 0):
            if isinstance(effect, Notify):
                sender.notified(effect.value)


@given(st.integers(84, 6000), st.integers())
def test_what_is_sent_is_what_boots(size: int, seed: int) -> None:
    flash, image = Flash(BOARD.flash_size), make_image(size, "6.4.34", seed)
    install(flash, BOARD, make_image(200, "6.4.33", 0))
    sender, server = OtaSender(image), OtaServer(flash, BOARD, DIALECT, 0)
    send(sender, server)
    assert sender.ended is not None
    assert sender.ended.ok
    sender.disconnected()
    server.disconnected(0)
    server.advance(10)
    assert sender.ended.ok
    assert power_up(flash, BOARD, DIALECT) == 0x40000
    assert read_image(flash, BOARD, 0x40000) == image[: declared_size(image)]


@given(st.binary(min_size=1, max_size=5000))
def test_progress_is_whole_percents_that_rise_from_0_to_100(data: bytes) -> None:
    sender = OtaSender(data)
    reported = [step.progress for step in sender.steps() if step.progress is not None]
    assert reported[0] == 0
    assert reported[-1] == 100
    assert all(earlier < later for earlier, later in itertools.pairwise(reported))
    steps = list(OtaSender(data).steps())
    for sent, step in enumerate(steps[2:-1], start=1):
        if step.progress is not None:
            assert step.progress == 100 * sent // sender.total


@given(st.binary(min_size=1, max_size=2000))
def test_any_file_can_be_sent_and_a_lock_that_gets_it_still_boots(data: bytes) -> None:
    flash, old = Flash(BOARD.flash_size), make_image(200, "6.4.33", 0)
    install(flash, BOARD, old)
    sender, server = OtaSender(data), OtaServer(flash, BOARD, DIALECT, 0)
    send(sender, server)
    server.disconnected(0)
    server.advance(60)
    assert sender.ended is not None
    assert not sender.ended.ok
    assert power_up(flash, BOARD, DIALECT) == 0


@given(st.binary(max_size=8), st.integers(0, 8))
def test_any_notification_ends_the_transfer(value: bytes, after: int) -> None:
    sender = OtaSender(TINY)
    writes = []
    for number, step in enumerate(sender.steps()):
        writes.append(step.value)
        if number == after:
            sender.notified(value)
    assert len(writes) == after + 1
    assert sender.ended is not None
    assert sender.ended.ok == (value == b"\x03\xff\x00" or value[:3] == b"\x03\xff\x00")


def test_the_tiny_image_is_sent_as_in_the_vectors() -> None:
    tiny = VECTORS["tiny_image"]
    written = [step.value.hex() for step in OtaSender(TINY).steps()]
    assert written == ["00ff", "01ff", *tiny["transfers"]["16"], tiny["ends"]["16 TTLock"][1]]


@pytest.mark.parametrize(("number", "result"), [(n, r) for n, r in TTLOCK.dialect.results.items() if n])
def test_a_result_other_than_success_is_a_failure_with_a_name(number: int, result: Result) -> None:
    sender = OtaSender(TINY)
    sender.notified(bytes([0x03, 0xFF, number]))
    assert sender.ended is not None
    assert (sender.ended.ok, sender.ended.result) == (False, result)
    assert str(result) in sender.ended.why


@pytest.mark.parametrize("value", ["", "03", "03ff", "06ff0000", "7f5a00", "03ff07"])
def test_a_notification_that_is_no_result_is_a_failure(value: str) -> None:
    sender = OtaSender(TINY)
    sender.notified(bytes.fromhex(value))
    assert sender.ended is not None
    assert (sender.ended.ok, sender.ended.result) == (False, None)


def test_a_lost_link_before_the_result_is_a_failure_and_after_it_is_nothing() -> None:
    sender = OtaSender(TINY)
    sender.disconnected()
    assert sender.ended is not None
    assert sender.ended.why == "the link was lost before the result"
    assert list(sender.steps()) == []
    done = OtaSender(TINY)
    done.notified(b"\x03\xff\x00")
    done.disconnected()
    assert done.ended is not None
    assert done.ended.ok


def test_only_the_declared_bytes_are_sent_unless_the_size_field_cannot_be_right() -> None:
    image = make_image(196, "6.4.34", 1)
    assert OtaSender(image + bytes(1340)).total == 13
    unknown = image[:0x18] + b"\xff" * 4 + image[0x1C:]
    assert OtaSender(unknown).total == 13
    assert OtaSender(unknown + bytes(1340)).total == 96


@pytest.mark.parametrize("data", [b"", bytes(0xFF00 * 16 + 1)])
def test_a_file_that_cannot_be_sent_is_refused(data: bytes) -> None:
    with pytest.raises(LocalError):
        OtaSender(data)
