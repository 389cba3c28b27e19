"""What stands on a site from the start, as a YAML file: locks, tenants, homes, devices, accounts.

A file is planted whole or not at all. Whatever is wrong with it is a LocalError that names the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.core import Refused as AiotRefused
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding, Refused
from lockbench_emulator.cloud.dding.seed import HomeSeed, Seed, plant
from lockbench_emulator.cloud.ttlock import Refused as TtlockRefused
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.site import Site
from lockbench_protocol import LocalError
from lockbench_protocol.cloud.dding.endpoints import Role
from pydantic import ValidationError

if TYPE_CHECKING:
    from yaml import Node

LARGEST = 1 << 20
"""The largest file that is read, bytes."""
Loc = tuple[int | str, ...]


class LockSeed(Seed):
    uuid: str
    profile: str = ""
    seed: int | None = None


class ClientSeed(Seed):
    client_id: str
    secret: str
    role: Role = Role.ADMIN
    name: str = ""


class TenantSeed(Seed):
    tenant: str
    callback_url: str = ""
    clients: tuple[ClientSeed, ...]
    homes: tuple[HomeSeed, ...] = ()


class UserSeed(Seed):
    username: str
    password: str


class AppSeed(Seed):
    client_id: str
    secret: str
    users: tuple[UserSeed, ...] = ()


class ThingSeed(Seed):
    did: str
    open_id: str
    model: str
    version: str
    name: str = ""
    gateway: str = ""  # one that comes before it


class AiotSeed(Seed):
    appid: str
    appkey: str
    push_url: str = ""
    devices: tuple[ThingSeed, ...] = ()


class SiteSeed(Seed):
    locks: tuple[LockSeed, ...] = ()
    dding: tuple[TenantSeed, ...] = ()
    ttlock: tuple[AppSeed, ...] = ()
    aiot: tuple[AiotSeed, ...] = ()


@dataclass(frozen=True, slots=True)
class Garden:
    """Where seeds are planted."""

    site: Site
    dding: tuple[Dding, DdingBench]
    ttlock: TtlockBench
    aiot: AiotBench


@dataclass(frozen=True, slots=True)
class SeedFile:
    name: str
    seed: SiteSeed
    node: Node

    def plant(self, garden: Garden) -> None:
        with garden.site.store.transaction():
            for index, lock in enumerate(self.seed.locks):
                with self._at("locks", index):
                    garden.site.install(lock.uuid, profile=lock.profile, seed=lock.seed)
            for index, tenant in enumerate(self.seed.dding):
                with self._at("dding", index):
                    _plant_tenant(*garden.dding, tenant)
            for index, app in enumerate(self.seed.ttlock):
                with self._at("ttlock", index):
                    garden.ttlock.add_client(app.client_id, app.secret)
                    for user in app.users:
                        garden.ttlock.add_user(app.client_id, user.username, user.password)
            for index, aiot in enumerate(self.seed.aiot):
                with self._at("aiot", index):
                    garden.aiot.add_app(aiot.appid, aiot.appkey, aiot.push_url)
                    for thing in aiot.devices:
                        garden.aiot.bind(appid=aiot.appid, **thing.model_dump())

    @contextmanager
    def _at(self, *loc: int | str) -> Iterator[None]:
        try:
            yield
        except (LocalError, Refused, TtlockRefused, AiotRefused) as error:
            raise LocalError(f"{self.name}, line {_line(self.node, loc)}: {error}") from None


def _plant_tenant(cloud: Dding, bench: DdingBench, seed: TenantSeed) -> None:
    for client in seed.clients:
        bench.add_client(client.client_id, client.secret, seed.tenant, client.role, client.name)
    if seed.callback_url:
        bench.set_callback_url(seed.tenant, seed.callback_url)
    plant(cloud, bench, seed.tenant, list(seed.homes))


def load_seed(path: Path) -> SeedFile:
    """Read and check a file."""
    try:
        import yaml
    except ImportError:
        raise LocalError(f"{path} is YAML, and PyYAML is not installed") from None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(text) > LARGEST:
        raise LocalError(f"{path} has more than {LARGEST} characters")
    try:
        node: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        data: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark is not None else ""
        raise LocalError(f"{path}{at}: {getattr(error, 'problem', None) or error}") from None
    if node is None:
        raise LocalError(f"{path} is empty")
    twice = _twice(node)
    if twice is not None:
        raise LocalError(f"{path}, line {twice.start_mark.line + 1}: {twice.value} comes twice")
    try:
        seed = SiteSeed.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise LocalError(f"{path}, line {_line(node, first['loc'])}: {where}: {first['msg']}") from None
    return SeedFile(str(path), seed, node)


def _line(node: Node, loc: Loc) -> int:
    """Of the deepest node on the way to `loc`."""
    for step in loc:
        found = _inner(node, step)
        if found is None:
            break
        node = found
    return int(node.start_mark.line) + 1


def _inner(node: Node, step: int | str) -> Node | None:
    if isinstance(step, int):
        return node.value[step] if node.id == "sequence" and step < len(node.value) else None
    pairs = node.value if node.id == "mapping" else []
    return next((value for key, value in pairs if key.value == step), None)


def _twice(node: Node) -> Node | None:
    """The first key that its mapping has already."""
    waiting, known = [node], set[int]()
    while waiting:
        here = waiting.pop()
        if id(here) in known:  # a node that holds itself
            continue
        known.add(id(here))
        if here.id == "mapping":
            seen: set[str] = set()
            for key, value in here.value:
                if str(key.value) in seen:
                    found: Node = key
                    return found
                seen.add(str(key.value))
                waiting.append(value)
        elif here.id == "sequence":
            waiting += here.value
    return None
