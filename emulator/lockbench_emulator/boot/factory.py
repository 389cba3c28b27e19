"""Images in banks: put one there as the factory does, read one back, ask for its version."""

from __future__ import annotations

from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import (
    MARK,
    MARK_BYTE,
    VERSION_END,
    declared_size,
    version_of,
)

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.flash import Flash

__all__ = ["install", "read_image", "running_version"]


def install(flash: Flash, board: Board, image: bytes, bank: int = 0) -> None:
    """Load `image` into `bank` with its mark set, and blank the rest of the bank."""
    _known(board, bank)
    if image[board.mark_offset : board.mark_offset + len(MARK)] != MARK:
        raise LocalError(
            f"no Telink mark at {board.mark_offset:#x}: board {board.name} would not start this file"
        )
    size = declared_size(image)
    if not 0 < size <= len(image):
        raise LocalError(f"the image declares {size} bytes, the file has {len(image)}")
    if size > board.limit:
        raise LocalError(
            f"an image of {size} bytes does not fit the {board.limit} bytes of board {board.name}"
        )
    flash.load(bank, image[:size].ljust(board.limit, b"\xff"))


def read_image(flash: Flash, board: Board, bank: int) -> bytes:
    """The declared bytes of the image in `bank`, with its mark byte as 4B; empty when it declares none."""
    size = declared_size(flash.read(bank, 0x1C))
    if size > board.limit:
        return b""
    cells = bytearray(flash.read(bank, size))
    if board.mark_offset < size:
        cells[board.mark_offset] = MARK_BYTE
    return bytes(cells)


def running_version(flash: Flash, board: Board, bank: int) -> str:
    """The version of the image in `bank`, as `image.version_of` reads it."""
    _known(board, bank)
    return version_of(flash.read(bank, VERSION_END))


def _known(board: Board, bank: int) -> None:
    if bank not in board.banks:
        raise LocalError(f"board {board.name} has no bank at {bank:#x}")
