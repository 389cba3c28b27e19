"""Our own tests draw the same examples in every run: a test that passed cannot fail by chance."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ours",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # the machines are shared
)
settings.load_profile("ours")

ENVIRONMENTS = Path(__file__).parent / ".venv-clients"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Of several workers one makes the environment, the others wait for it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def environment() -> Callable[[str], Path]:
    """`environment("bleak==3.*")` is the interpreter of a virtual environment that has this requirement.

    Made once, kept beside the code.
    """

    def make(requirement: str) -> Path:
        key = f"py{sys.version_info[0]}.{sys.version_info[1]}-{requirement}".replace("*", "x")
        folder = ENVIRONMENTS / key
        ENVIRONMENTS.mkdir(exist_ok=True)
        (ENVIRONMENTS / ".gitignore").write_text("*\n")
        with locked(ENVIRONMENTS / f"{key}.lock"):
            if not (folder / "complete").exists():
                shutil.rmtree(folder, ignore_errors=True)
                subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603 - our own words
                pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
                subprocess.run([*pip, "install", "-q", requirement], check=True)  # noqa: S603 - our own words
                (folder / "complete").touch()
        return folder / "bin" / "python"

    return make
