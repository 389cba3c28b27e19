"""`lockbench dfu run`, `demo` and the whole way of an upgrade, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lockbench_harness.cli import cli
from lockbench_harness.upgrade import PROVOCATIONS
from lockbench_protocol.telink.image import make_image


def typed(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "fw.bin"
    path.write_bytes(make_image(4096, "6.4.34", 1))
    return path


def test_an_upgrade_goes_all_the_way_and_its_progress_never_falls(image: Path) -> None:
    done = typed("dfu", "run", image, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output)
    assert (facts["old_version"], facts["version"], facts["cloud_version"]) == ("6.4.33", "6.4.34", "6.4.34")
    assert facts["result"]["type"] == 4
    assert facts["usable"]
    types = [step["type"] for step in facts["steps"]]
    progress = [step["progress"] for step in facts["steps"]]
    assert types == sorted(types)
    assert set(types) == {1, 2, 3}
    assert progress == sorted(progress)
    assert all(type(percent) is int for percent in progress)
    assert progress[-1] == 100


@pytest.mark.parametrize("code", sorted(PROVOCATIONS))
def test_each_failure_has_a_real_cause_and_leaves_a_usable_lock(image: Path, code: str) -> None:
    done = typed("dfu", "run", image, "--provoke", code, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output)
    assert facts["result"]["errorCode"] == int(code)
    assert facts["result"].get("type") == PROVOCATIONS[code].type
    assert facts["usable"]


def test_an_image_that_is_not_newer_is_11015(tmp_path: Path) -> None:
    (tmp_path / "old.bin").write_bytes(make_image(1024, "6.4.33", 1))
    done = typed("dfu", "run", tmp_path / "old.bin", "--json")
    assert done.exit_code == 1
    assert json.loads(done.output)["result"]["errorCode"] == 11015


def test_a_file_that_is_no_image_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "no.bin").write_bytes(b"hello" * 100)
    done = typed("dfu", "run", tmp_path / "no.bin")
    assert done.exit_code == 2
    assert "no.bin" in done.output
    assert len(done.output.splitlines()) == 1
    assert typed("dfu", "run", tmp_path / "absent.bin").exit_code == 2


def test_the_demo_tells_its_story_and_names_what_to_try() -> None:
    done = typed("demo", "--json")
    assert done.exit_code == 0, done.output
    chapters = {row["chapter"]: row for row in json.loads(done.output)["chapters"]}
    assert list(chapters) == ["pair", "open", "passcode", "cut", "upgrade", "memory"]
    assert "errorCode 11016, and the lock is back with 6.4.33" in chapters["cut"]["happened"]
    assert "type 4, the lock runs 6.4.34" in chapters["upgrade"]["happened"]
    assert all(row["try"].startswith("lockbench ") for row in chapters.values())
