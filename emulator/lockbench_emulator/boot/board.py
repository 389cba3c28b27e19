"""A board: the chip's flash map, what its boot ROM looks at, where an image runs (telink-ota 7.2, 7.3, 7.7).

Boards are TOML profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lockbench_emulator import toml

__all__ = ["Board", "board_names", "load_board"]


@dataclass(frozen=True, slots=True)
class Board:
    name: str
    chip: str
    flash_size: int  # bytes
    banks: tuple[int, ...]  # two addresses: the image runs from one and is replaced in the other
    limit: int  # bytes of a bank that an image may fill
    mark_offset: int  # where the boot mark stands in an image
    rom_candidates: tuple[int, ...]  # addresses where the ROM looks for a mark, in its order
    data_region: int  # from here to the end the flash holds lock data
    copy_loop_end: int  # 0: banks take turns. Else a staged image is copied over bank 0; see telink-ota 7.7

    @property
    def overwrites(self) -> bool:
        """A new image is staged in the second bank and copied over the first."""
        return self.copy_loop_end > 0

    def other(self, bank: int) -> int:
        """The bank that an upgrade writes while `bank` runs."""
        return self.banks[1] if bank == self.banks[0] else self.banks[0]


def board_names() -> list[str]:
    return toml.names("boards")


@lru_cache
def load_board(name: str = "b87") -> Board:
    """The board of that name; LocalError names the known ones."""
    return toml.load("boards", name, Board)
