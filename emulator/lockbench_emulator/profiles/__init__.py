"""Profiles: TOML files that settle what documents leave open.

`locks/default.toml` has every key with its value, `keys.toml` its meaning and source; one that `extends`
another names what it changes. An unknown key, a missing one or a wrong type is a LocalError that names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from lockbench_protocol import LocalError
from lockbench_protocol.lock.features import Feature

from lockbench_emulator import toml

FOLDER = Path(__file__).parent / "locks"
MEANINGS = Path(__file__).parent / "keys.toml"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a profile: "session.login", what it settles, the document that it comes from, its limits."""

    name: str
    means: str
    source: str
    least: float = 0
    most: float = 1e9
    hex: bool = False  # a text of hex digits: the limits are those of its bytes

    def check(self, value: object) -> None:
        """LocalError for a number, or hex digits, beyond the limits."""
        if self.hex and isinstance(value, str):
            whole = re.fullmatch("([0-9a-fA-F]{2})*", value) is not None
            fits, what = whole and self.least <= len(value) // 2 <= self.most, " bytes in hex digits"
        else:
            fits, what = not isinstance(value, int | float) or self.least <= value <= self.most, ""
        if not fits:
            raise LocalError(f"{self.name} is {value!r}, not {self.least:g} to {self.most:g}{what}")


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    hardware: str
    manufacture_date: str
    manufacturer: str
    board: str
    protocol_version: Literal[1, 3]
    scene: int
    group: int
    org: int
    vendor: str
    keypad: str
    features: tuple[str, ...]
    name_case: Literal["lower", "upper"]

    def __post_init__(self) -> None:
        for name in self.features:
            if name.upper() not in Feature.__members__:
                raise LocalError(f"model {self.name}: features has {name!r}, which is no feature")


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    login: Literal["strict", "open"]
    accept_textbook_crc: bool
    reply_textbook_crc: bool
    bad_crc: Literal["refuse", "silent"]
    check_version: bool
    version_code: int
    init_body: str
    random_mismatch: int
    larger_flag_position: Literal["keep", "store"]
    forget_on_drop: bool
    idle_seconds: float
    push_quiet: float
    wrong_sum: int
    one_shot: bool
    agreeable: bool
    not_logged_in: int
    not_admin: int
    unreadable: Literal["empty", "silent"]
    info_tail: str


@dataclass(frozen=True, slots=True)
class PasscodePolicy:
    capacity: int
    shortest: int
    longest: int
    admin_clash: int
    reversed_window: int
    count_uses: int
    page: Literal["fit", "one"]
    lockout: Literal["ga374", "dding3", "none"]
    generated_digits: int


@dataclass(frozen=True, slots=True)
class CredentialPolicy:
    capacity: int
    finger_scans: int
    template_packet: int


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    drift_ppm: float
    lost_with_power: bool
    periods_need_it: bool


@dataclass(frozen=True, slots=True)
class LogPolicy:
    capacity: int
    page: Literal["fit", "one"]


@dataclass(frozen=True, slots=True)
class SettingPolicy:
    auto_lock: int
    auto_lock_min: int
    auto_lock_max: int
    passages: int


@dataclass(frozen=True, slots=True)
class AdvertisingPolicy:
    service: bool
    interval: float
    awake_seconds: float
    battery: int
    battery_service: Literal["fixed", "live"]
    dfu_mark: str


@dataclass(frozen=True, slots=True)
class DfuPolicy:
    window_seconds: float
    dialect: str
    gate: bool
    busy_code: int
    battery_limit: int


@dataclass(frozen=True, slots=True)
class QuirkPolicy:
    status_byte: Literal["live", "locked", "unlocked"]
    records_flag: Literal["live", "stuck"]
    battery_spike: bool
    hand_lag: float
    set_time_fails: bool
    pairing_hiccups: bool


@dataclass(frozen=True, slots=True)
class LockProfile:
    """One kind of lock. The meaning of each key stands in `keys.toml`."""

    name: str
    model: Model
    session: SessionPolicy
    passcodes: PasscodePolicy
    credentials: CredentialPolicy
    clock: ClockPolicy
    log: LogPolicy
    settings: SettingPolicy
    advertising: AdvertisingPolicy
    dfu: DfuPolicy
    quirks: QuirkPolicy

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset(Feature[name.upper()] for name in self.model.features)


def names() -> list[str]:
    """The profiles that ship, sorted."""
    return toml.names("locks")


@lru_cache
def keys() -> tuple[Key, ...]:
    """Every key of a lock profile, in the order of the tables."""
    tables = toml.read(MEANINGS, MEANINGS.name)
    return tuple(Key(f"{table}.{key}", **row) for table, rows in tables.items() for key, row in rows.items())


def value_of(profile: LockProfile, key: Key) -> Any:
    table, _, name = key.name.partition(".")
    return getattr(getattr(profile, table), name)


@lru_cache
def load_profile(name: str) -> LockProfile:
    """A profile that ships, by name, or a TOML file of the user's by its path."""
    path = _path(name)
    profile = toml.build(_tables(path), f"profile {name}", LockProfile, name=path.stem)
    for key in keys():
        try:
            key.check(value_of(profile, key))
        except LocalError as error:
            raise LocalError(f"profile {name}: {error}") from None
    return profile


def _path(name: str) -> Path:
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not name or not path.is_file():
        raise LocalError(
            f"no profile {name!r}; there are {', '.join(names())}, or give the path of a TOML file"
        )
    return path


def _tables(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The tables of a profile over those of the one that it extends. `above`: those that extend it."""
    own = toml.read(path, str(path))
    base = own.pop("extends", "")
    if not isinstance(base, str) or path in above:
        raise LocalError(f"{path}: extends is {base!r}, not another profile")
    merged: dict[str, Any] = _tables(_path(base), (*above, path)) if base else {}
    for table, rows in own.items():
        if not isinstance(rows, dict):
            raise LocalError(f"{path}: {table} is no table")
        merged[table] = {**merged.get(table, {}), **rows}
    return merged
