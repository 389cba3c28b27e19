"""The clients of the field: each preset sends what was seen, and ends with each dialect as the table says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from lockbench_harness.client.ota import OtaSender, load_preset
from lockbench_harness.client.presets import Expected, expected, preset_names
from lockbench_harness.faults.image import Append
from lockbench_harness.faults.plan import Made, Plan, Scenario
from lockbench_harness.sweep import Outcome, Verdict, simulate
from lockbench_harness.sweep.plans import scenario_for
from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import make_image

VECTORS = json.loads(
    (Path(__file__).parents[2] / "protocol/tests/vectors/telink-ota.json").read_text(encoding="utf-8")
)
TINY = bytes.fromhex(VECTORS["tiny_image"]["hex"])
SERVERS = ["g1", "g1m", "g2", "g2 strict", "tt"]
EXACT = scenario_for(Made(8196, "6.4.34", 2))


def scenario(row: Expected) -> Scenario:
    strict = row.server == "g2 strict"
    return replace(
        EXACT,
        client_name=row.client,
        dialect_name=row.server.split()[0],
        keys=(("end_index", "first six bytes"),) if strict else (),
    )


def outcome(row: Expected, file: str) -> Outcome:
    faults = (Append(bytes(1340)),) if file == "longer" else ()
    return simulate(Plan(scenario(row), faults), confirm=True)


@pytest.mark.parametrize("row", expected(), ids=lambda row: f"{row.client} {row.file} {row.server}")
def test_a_client_ends_with_a_dialect_as_the_table_says(row: Expected) -> None:
    for file in ("exact", "longer") if row.file == "any" else (row.file,):
        found = outcome(row, file)
        verdict = found.result.name.lower() if found.result else ""
        boots = "new" if found.verdict in (Verdict.NEW, Verdict.FAILURE_NEW) else "old"
        believes = "success" if found.believed else "failure"
        assert (verdict, believes, boots) == (row.verdict, row.believes, row.boots)
        assert not found.broken


def test_the_table_has_every_client_with_every_dialect_and_both_files() -> None:
    wanted = {
        (client, server, file)
        for client in preset_names()
        for server in SERVERS
        for file in ("exact", "longer")
    }
    told = [
        (row.client, row.server, file)
        for row in expected()
        for file in (("exact", "longer") if row.file == "any" else (row.file,))
    ]
    assert sorted(told) == sorted(wanted)


def test_success_seen_but_old_is_counted_by_client() -> None:
    seen = dict.fromkeys(preset_names(), 0)
    for row in expected():
        seen[row.client] += row.believes == "success" and row.boots == "old"
    assert seen == {
        "ttlock": 0,
        "telink-android": 3,
        "telink-ios": 0,
        "telink-ios-extended": 0,
        "telink-firmware": 0,
        "pvvx": 3,
        "atc1441": 3,
        "fwupd": 4,
    }


def test_fwupd_pads_its_commands_and_sends_the_index_that_was_captured() -> None:
    """telink-ota 10.7: an image of 8196 bytes."""
    written = [
        step.value.hex() for step in OtaSender(make_image(8196, "1.0", 0), load_preset("fwupd")).steps()
    ]
    assert written[0] == "00ffffffffffffffffffffffffffffffffff4054"
    assert written[1] == "01ffffffffffffffffffffffffffffffffff11a8"
    assert written[-1] == "02ff1f00e0ffffffffffffffffffffffffff09fb"
    assert len(written) == 513 + 3


def test_the_extended_clients_announce_their_pdu_length() -> None:
    ios = [step.value.hex() for step in OtaSender(TINY, load_preset("telink-ios-extended")).script()]
    assert ios[2] == "03fff000"
    firmware = [step.value.hex() for step in OtaSender(TINY, load_preset("telink-firmware")).script()]
    assert firmware[0] == "03fff000" + "00" * 16


def test_the_tiny_image_travels_in_long_pdus_as_in_the_vectors() -> None:
    preset = replace(load_preset("telink-firmware"), pdu_length=64)
    written = [step.value.hex() for step in OtaSender(TINY, preset).script()]
    assert written[1:] == [*VECTORS["tiny_image"]["transfers"]["64"], VECTORS["tiny_image"]["ends"]["64"][1]]
    assert preset.mtu == 71


def test_a_barrier_comes_after_every_eighth_data_pdu() -> None:
    for name, every in (("pvvx", 8), ("telink-ios", 8), ("ttlock", 0)):
        steps = list(OtaSender(make_image(1028, "1.0", 0), load_preset(name)).script())
        barriers = [number for number, step in enumerate(steps) if step.then == "read"]
        assert barriers == (list(range(9, 66, 8)) if every else [])


def test_the_sample_client_sends_a_row_too_many_where_the_size_leaves_none() -> None:
    """telink-ota 3.2, invisible for images that the vendor's tool made."""
    android, image = load_preset("telink-android"), make_image(1028, "1.0", 0)
    assert OtaSender(image, android).total == 65
    assert OtaSender(image[:1024], android).total == 65
    assert OtaSender(image[:1024]).total == 64
    assert OtaSender(image[:1008], android).total == 64


def test_a_refused_version_ends_the_transfer() -> None:
    sender = OtaSender(make_image(1028, "1.0", 0), load_preset("telink-ios-extended"))
    written = []
    for step in sender.steps():
        written.append(step.value)
        if step.then == "answer":
            sender.notified(bytes.fromhex("05ff016400"))
    assert len(written) == 2
    assert sender.ended is not None
    assert not sender.ended.ok


def test_a_cancelled_transfer_stops_and_failed() -> None:
    sender = OtaSender(TINY)
    for number, _ in enumerate(sender.steps()):
        if number == 4:
            sender.cancel()
    assert number == 4
    assert sender.ended is not None
    assert (sender.ended.ok, sender.ended.why) == (False, "the transfer was cancelled")


def test_an_unknown_client_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LocalError, match="known: ttlock, telink-android"):
        load_preset("nrfutil")
