"""The folder that a run leaves behind, and what lies in it under which name."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from lockbench_protocol import LocalError

HTML, JSON, JUNIT, TRACE = "report.html", "report.json", "junit.xml", "trace.ndjson"
_FAILURES, _PARTS = "failures", ".trace"


def prepare(out: Path) -> None:
    """Make the folder, and remove what an earlier run left. Raises LocalError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (HTML, JSON, JUNIT, TRACE):
            (out / name).unlink(missing_ok=True)
        for stale in (out / _FAILURES).glob("[A-Z][A-Z][A-Z]-*.json"):
            stale.unlink()
        shutil.rmtree(out / _PARTS, ignore_errors=True)
        (out / _PARTS).mkdir()
    except OSError as error:
        raise LocalError(f"cannot write the report to {out}: {error.strerror}") from error


def save_trace(out: Path, case_id: str, text: str) -> None:
    (out / _PARTS).mkdir(parents=True, exist_ok=True)
    write(out / _PARTS / _file(case_id, "ndjson"), text)


def save_failure(out: Path, case_id: str, text: str) -> str:
    """Returns the file's place below the folder."""
    (out / _FAILURES).mkdir(parents=True, exist_ok=True)
    name = f"{_FAILURES}/{_file(case_id, 'json')}"
    write(out / name, text)
    return name


def join_traces(out: Path, case_ids: Sequence[str]) -> None:
    """Put the traces of the cases into one file, in the order given."""
    with (out / TRACE).open("wb") as whole:
        for case_id in case_ids:
            part = out / _PARTS / _file(case_id, "ndjson")
            if part.exists():
                whole.write(part.read_bytes())
    shutil.rmtree(out / _PARTS, ignore_errors=True)


def write(path: Path, text: str) -> None:
    """UTF-8; a lone surrogate becomes its escape, which is also what JSON calls it."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _file(case_id: str, suffix: str) -> str:
    return f"{case_id.replace('/', '-')}.{suffix}"
