"""The folder that a run leaves behind, and what lies in it under which name.

A run writes into a scratch folder inside; only a finished run takes the place of the one before.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lockbench_protocol import LocalError

HTML, JSON, JUNIT, TRACE = "report.html", "report.json", "junit.xml", "trace.ndjson"
MATRIX_HTML, MATRIX_JSON = "matrix.html", "matrix.json"
FAILURES = "failures"
SCRATCH = ".running"


def prepare(out: Path) -> Path:
    """Make the folder and, in it, an empty scratch folder, which is returned. Raises LocalError."""
    try:
        shutil.rmtree(out / SCRATCH, ignore_errors=True)
        (out / SCRATCH / FAILURES).mkdir(parents=True)
    except OSError as error:
        raise LocalError(f"cannot write the report to {out}: {error.strerror}") from error
    return out / SCRATCH


@contextmanager
def prepared(out: Path) -> Iterator[Path]:
    """As `prepare`; meanwhile no other run can write to the folder. LocalError when one does."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise LocalError(f"cannot write the report to {out}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield prepare(out)
    except BlockingIOError as error:
        raise LocalError(f"another run writes to {out}: give this one a folder by --out") from error
    finally:
        os.close(handle)


def save_trace(out: Path, case_id: str, text: str) -> None:
    write(out / SCRATCH / _file(case_id, "ndjson"), text)


def save_failure(out: Path, case_id: str, text: str) -> str:
    """Returns the place that the file will have below the folder."""
    name = f"{FAILURES}/{_file(case_id, 'json')}"
    write(out / SCRATCH / name, text)
    return name


def finish(out: Path, case_ids: Sequence[str]) -> None:
    """Join the traces in the order given, and put the failures in the place of those of an earlier run."""
    with (out / TRACE).open("wb") as whole:
        for case_id in case_ids:
            part = out / SCRATCH / _file(case_id, "ndjson")
            if part.exists():
                whole.write(part.read_bytes())
    for stale in (out / FAILURES).glob("[A-Z][A-Z][A-Z]-*.json"):
        stale.unlink()
    for failure in (out / SCRATCH / FAILURES).iterdir():
        (out / FAILURES).mkdir(exist_ok=True)
        failure.replace(out / FAILURES / failure.name)
    discard(out)


def discard(out: Path) -> None:
    """Remove the scratch folder."""
    shutil.rmtree(out / SCRATCH, ignore_errors=True)


def write(path: Path, text: str) -> None:
    """UTF-8; a lone surrogate becomes its escape, which is also what JSON calls it."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _file(case_id: str, suffix: str) -> str:
    return f"{case_id.replace('/', '-')}.{suffix}"
