"""A file that is written whole or not at all: beside its place first, then moved there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["replace"]


def replace(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Raises OSError; the file is then as it was. `mode` is that of the new file, less the umask."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with suppress(FileNotFoundError):
            beside.unlink()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
