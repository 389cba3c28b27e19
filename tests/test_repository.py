"""The repository as a stranger meets it: pins, floors, and the wheel in an empty environment."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINNED = sorted((ROOT / "requirements").glob("*.txt"))
LINE = re.compile(
    r"""[a-z0-9-]+==[^\s;]+(\s;\s[^\\]+)?\s\\   # a pin, perhaps with a marker
      |\s{4}--hash=sha256:[0-9a-f]{64}(\s\\)?   # one of its hashes
    """,
    re.VERBOSE,
)


def run(*command: object, cwd: Path = ROOT) -> str:
    done = subprocess.run(  # noqa: S603 - our own programs
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_requirements_are_pins_and_hashes_and_nothing_else(path: Path) -> None:
    wrong = [line for line in path.read_text().splitlines() if not LINE.fullmatch(line)]
    assert wrong == []


def test_the_pins_are_made_from_the_dependencies_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [line for line in (ROOT / "requirements/run.in").read_text().splitlines() if line[:1] != "#"]
    assert listed == project["dependencies"]
    pins = {line.split("==")[0] for line in (ROOT / "requirements/run.txt").read_text().splitlines()}
    assert {re.split(r"[<>=]", name)[0] for name in listed} <= pins


def test_the_floors_hold() -> None:
    assert "0 broken" in run(Path(sys.executable).with_name("lint-imports"), "--no-cache")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel and its pinned dependencies; the folder of its programs."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    programs = folder / "venv/bin"
    # to compile all modules of the dependencies would take longer than all else here
    pip = (sys.executable, "-m", "pip", "--python", programs / "python", "install", "-q", "--no-compile")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements/run.txt")
    run(*pip, "--no-deps", wheel)
    return programs


def test_the_wheel_judges_a_lock_away_from_the_clone(installed: Path, tmp_path: Path) -> None:
    printed = run(installed / "lockbench", "conform", "PWD/6", "--seed", "7", "--out", "here", cwd=tmp_path)
    assert "PWD/6" in printed
    assert {path.name for path in (tmp_path / "here").iterdir()} >= {
        "report.html",
        "report.json",
        "junit.xml",
        "trace.ndjson",
    }


def test_the_wheel_gives_its_fixtures_to_a_foreign_test(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_door.py").write_text(
        "def test_the_code_opens(emulated_lock, lock_client):\n"
        "    lock_client.add_passcode('123456')\n"
        "    assert emulated_lock.enter_code('123456')\n"
    )
    assert "1 passed" in run(installed / "python", "-m", "pytest", "-q", cwd=tmp_path)


def test_the_wheel_is_typed_and_brings_its_data(installed: Path) -> None:
    (wheel,) = installed.parents[1].glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packages = ("lockbench_protocol", "lockbench_emulator", "lockbench_harness", "lockbench_conformance")
    assert {f"{name}/py.typed" for name in packages} <= set(names)
    assert {
        "lockbench_harness/door/shim/sitecustomize.py",
        "lockbench_emulator/profiles/locks/default.toml",
    } <= set(names)
    assert not [name for name in names if "/tests/" in name]
