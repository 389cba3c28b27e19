"""`lockbench image make` and `inspect`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.cli import cli


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["image", *map(str, arguments)])


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    file = tmp_path / "fw.bin"
    made = run("make", "--size", "131072", "--version", "6.4.34", "--seed", "1", "-o", file)
    assert made.exit_code == 0
    return file


@given(st.binary(max_size=300))
def test_any_file_is_inspected_or_refused_with_one_sentence(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "any.bin"
        file.write_bytes(data)
        result = run("inspect", file)
    assert result.exit_code in (0, 1, 2)
    assert result.stderr.count("\n") == (result.exit_code == 2)


def test_make_writes_a_file_of_that_length_and_says_what_is_in_it(firmware: Path, tmp_path: Path) -> None:
    assert firmware.stat().st_size == 131072
    assert [file.name for file in tmp_path.iterdir()] == ["fw.bin"]
    result = run("make", "--size", "131072", "--version", "6.4.34", "--seed", "1", "-o", firmware, "--json")
    facts = json.loads(result.stdout)
    assert (facts["size"], facts["declared_size"], facts["version"]) == (131072, 131060, "6.4.34")
    assert facts["sha256"] == "d66dfa0072ee19f534e145fc9ad133b892844d4b20eb6ca2e9905008f81977a9"


def test_inspect_says_what_a_sound_image_is(firmware: Path) -> None:
    result = run("inspect", firmware)
    assert result.exit_code == 0
    assert "6.4.34" in result.stdout
    assert "131060" in result.stdout
    assert "\x1b" not in result.stdout


def test_inspect_gives_json_with_facts_and_findings(firmware: Path) -> None:
    firmware.write_bytes(firmware.read_bytes()[:-20])
    result = run("inspect", firmware, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["sound"] is False
    assert {"name": "declared size", "value": 131060, "offset": 0x18} in found["facts"]
    assert [(finding["severity"], finding["offset"]) for finding in found["findings"]] == [("error", 0x18)]


def test_inspect_names_a_mark_byte_where_the_rom_of_the_board_looks(tmp_path: Path) -> None:
    file = tmp_path / "big.bin"
    run("make", "--size", str(200 * 1024), "--version", "6.4.34", "-o", file)
    data = bytearray(file.read_bytes())
    data[0x20008] = 0x4B
    file.write_bytes(data)
    result = run("inspect", file, "--board", "b87")
    assert result.exit_code == 1
    assert "0x20008" in result.stdout
    assert "mark byte" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("inspect", "text.txt"), "no Telink image"),
        (("inspect", "none.bin"), "none.bin cannot be read: No such file or directory"),
        (("inspect", "."), "cannot be read"),
        (("inspect", "text.txt", "--board", "b99"), "no profile 'b99' among the boards; known: "),
        (("make", "--size", "3", "--version", "1.0", "-o", "x"), "an image of 3 bytes cannot be made"),
        (("make", "--size", "300", "--version", "one", "-o", "x"), "'one' is no firmware version"),
        (("make", "--size", "300", "--version", "1.0", "-o", "no/x"), "no/x cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("This file is longer than a header, and no firmware.\n")
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["text.txt"]


def test_a_zigbee_container_is_refused_with_a_clear_word(tmp_path: Path) -> None:
    file = tmp_path / "ota.zigbee"
    file.write_bytes(bytes.fromhex("1ef1ee0b") + bytes(500))
    result = run("inspect", file)
    assert result.exit_code == 2
    assert "Zigbee" in result.stderr


def test_inspect_loads_no_rich_when_piped(firmware: Path) -> None:
    program = (
        "import sys; from lockbench_harness.cli import cli\n"
        f"try: cli(['image', 'inspect', {str(firmware)!r}])\n"
        "except SystemExit: pass\n"
        "print(sorted({'rich', 'bumble', 'aiohttp', 'pydantic', 'jinja2'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own python
    assert done.stdout.splitlines()[-1] == "[]"


def test_make_makes_images_for_other_boards_and_with_the_other_check(tmp_path: Path) -> None:
    file = tmp_path / "b91.bin"
    made = ("make", "--size", "3000", "--version", "1.0", "-o", file)
    assert run(*made, "--board", "b91", "--algorithm", "1").exit_code == 0
    assert run("inspect", file, "--board", "b91").exit_code == 0
    wrong = run("inspect", file)
    assert wrong.exit_code == 1
    assert "made for RISC-V" in wrong.stdout


def test_sign_crc_gives_an_image_its_check_value(firmware: Path, tmp_path: Path) -> None:
    bare, signed = tmp_path / "bare.bin", tmp_path / "signed.bin"
    data = firmware.read_bytes()
    bare.write_bytes(data[:6] + b"\0\0" + data[8:100_000])
    assert run("inspect", bare).exit_code == 1
    assert run("sign-crc", bare, "-o", signed).exit_code == 0
    assert run("inspect", signed).exit_code == 0
    assert len(signed.read_bytes()) == 100_004


def test_mutate_changes_what_it_is_told_to_and_inspect_sees_it(firmware: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.bin"
    result = run("mutate", firmware, "--put", "0x08=ff", "--flip", "0x40.3", "-o", file, "--json")
    assert json.loads(result.stdout)["size"] == 131072
    before, after = firmware.read_bytes(), file.read_bytes()
    assert [at for at in range(len(before)) if before[at] != after[at]] == [0x08, 0x40]
    assert before[0x40] ^ after[0x40] == 8
    assert run("inspect", file).exit_code == 1


def test_mutate_can_sign_what_it_changed(firmware: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.bin"
    assert run("mutate", firmware, "--put", "0x100=aabb", "--sign", "-o", file).exit_code == 0
    assert run("inspect", file).exit_code == 0
    assert run("mutate", file, "--bad-crc", "-o", file).exit_code == 0
    assert "the check value is" in run("inspect", file).stdout
    run("mutate", file, "--shorten", "100", "--append", "00ff", "-o", file)
    assert file.read_bytes()[98:] == file.read_bytes()[98:100] + b"\x00\xff"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("--put", "9999999=00"), "do not fit a file of"),
        (("--put", "ten=00"), "'ten' is no number"),
        (("--put", "0x10=zz"), "'zz' is no hex text"),
        (("--flip", "0x10.8"), "'8' is no number below 8"),
        (("--append", "0"), "'0' is no hex text"),
    ],
)
def test_a_change_that_cannot_be_made_is_one_sentence_and_exit_2(
    change: tuple[str, str], sentence: str, firmware: Path, tmp_path: Path
) -> None:
    result = run("mutate", firmware, *change, "-o", tmp_path / "never.bin")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "never.bin").exists()
