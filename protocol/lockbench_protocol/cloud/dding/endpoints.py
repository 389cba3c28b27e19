"""The 28 endpoints of the dding SaaS, a row each, and what strict and lenient mean (dding V1.6 4-8).

Strict takes only what the document prints at that place, misprints included; lenient takes every spelling
that is printed anywhere or that real clients send, and says which one it met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q

PREFIX = "/openapi/v1/"
TOKEN = "access_token"  # noqa: S105 - the name of a parameter
TOKENS = ("access_token", "accesst_token", "acccess_token")


class Role(Enum):
    ADMIN = "enterprise administrator"
    STEWARD = "steward"
    MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name under which a field is met. `permission.begin` is a key inside an object."""

    name: str
    field: str
    printed: bool = True  # the document prints it at this endpoint


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str  # of its handler
    section: str
    methods: tuple[str, ...]
    request: type[q.Request]
    reply: type[a.Reply]
    codes: tuple[int, ...]  # refusals it may give under V1.6
    roles: frozenset[Role]  # empty: no token
    writes: bool
    spellings: tuple[Spelling, ...] = ()
    printed_path: str = ""  # where the document prints another path than PREFIX + name
    must: tuple[str, ...] = ()  # required as printed, optional in practice: strict wants them

    @property
    def path(self) -> str:
        return PREFIX + self.name

    def paths(self, *, strict: bool) -> tuple[str, ...]:
        if not self.printed_path:
            return (self.path,)
        return (self.printed_path,) if strict else (self.path, self.printed_path)

    def names(self, *, strict: bool) -> dict[str, str]:
        """{name on the wire: field} of the fields with more than one name."""
        if strict:
            return {row.name: row.field for row in self.spellings if row.printed}
        own = {row.field: row.field for row in self.spellings}
        tokens = dict.fromkeys(TOKENS, TOKEN) if self.roles else {}
        return own | tokens | {row.name: row.field for row in self.spellings}


_T = (Spelling("access_token", TOKEN),)
_TT = (Spelling("accesst_token", TOKEN),)
_TC = (Spelling("acccess_token", TOKEN),)
_BEGIN, _END = "permission_begin", "permission_end"
_ADD_WINDOW = (
    Spelling("permisson_begin", _BEGIN),
    Spelling("permission_end", _END),
    Spelling("permission.begin", _BEGIN, printed=False),
    Spelling("permission.end", _END, printed=False),
)
_UPDATE_WINDOW = (
    Spelling("permission.begin", _BEGIN),
    Spelling("permission.end", _END),
    Spelling("permisson_begin", _BEGIN, printed=False),
)

_ADMIN = frozenset({Role.ADMIN})
_READERS = frozenset({Role.ADMIN, Role.STEWARD})
_BOOKERS = frozenset({Role.MERCHANT, Role.STEWARD})

_READ, _WRITE = False, True
_GET, _POST, _BOTH = ("GET",), ("POST",), ("GET", "POST")

_ANY = (101, 102, 14001, 14003, 15000, 15007, 15014)
_HOME = (*_ANY, 15006)
_ROOM = (*_HOME, 15012)
_PASSWORD = (*_ROOM, 15013)

# fmt: off
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("access_token", "4.1", _POST, q.TokenRequest, a.TokenReply,
             (14001, 14003, 15000, 15006, 15007, 15014), frozenset(), _WRITE),
    Endpoint("add_home", "5.1", _POST, q.AddHomeRequest, a.AddHomeReply, (*_ANY, 11000), _ADMIN, _WRITE, _T),
    Endpoint("update_home", "5.2", _POST, q.UpdateHomeRequest, a.Reply, _HOME, _ADMIN, _WRITE, _T),
    Endpoint("del_home", "5.3", _POST, q.HomeRequest, a.ServiceReply, _HOME, _ADMIN, _WRITE, _T),
    Endpoint("find_home_state", "5.4", _BOTH, q.HomeRequest, a.HomeStateReply, _HOME, _ADMIN, _READ, _TT),
    Endpoint("find_home_states", "5.5", _POST, q.HomesRequest, a.HomeStatesReply, _ANY, _ADMIN, _READ, _TT),
    Endpoint("find_home_device", "5.6", _BOTH, q.HomeRequest, a.HomeDeviceReply, _HOME, _ADMIN, _READ, _TT),
    Endpoint("find_home_devices", "5.7", _POST, q.HomesRequest, a.HomeDevicesReply, _ANY, _ADMIN, _READ,
             (*_TT, Spelling("home_id", "home_id"), Spelling("home_ids", "home_id", printed=False))),
    Endpoint("add_room", "5.8", _POST, q.AddRoomRequest, a.RoomReply, (*_ROOM, 11000), _ADMIN, _WRITE,
             (*_T, Spelling("room_description", "room_description"),
              Spelling("rooom_description", "room_description", printed=False))),
    Endpoint("update_room", "5.9", _POST, q.UpdateRoomRequest, a.Reply, _ROOM, _ADMIN, _WRITE, _T,
             must=("room_name", "room_description")),
    Endpoint("del_room", "5.10", _POST, q.RoomRequest, a.Reply, _ROOM, _ADMIN, _WRITE, _T),
    Endpoint("get_center_info", "6.1", _GET, q.CentreRequest, a.CentreReply, _HOME, _ADMIN, _READ, _TC),
    Endpoint("get_lock_info", "6.2", _GET, q.LockRequest, a.LockReply, _ROOM, _ADMIN, _READ, _TC),
    Endpoint("fetch_passwords", "6.3", _GET, q.LockRequest, a.PasswordsReply, _ROOM, _ADMIN, _READ, _TT),
    Endpoint("get_default_password_plaintext", "6.4", _GET, q.LockRequest, a.PlaintextReply, _ROOM, _ADMIN,
             _WRITE, _TT),
    Endpoint("get_dynamic_password_plaintext", "6.5", _GET, q.LockRequest, a.DynamicReply, _ROOM, _ADMIN,
             _WRITE, _TT),
    Endpoint("add_password", "6.6", _POST, q.AddPasswordRequest, a.AddPasswordReply, (*_PASSWORD, 11000),
             _ADMIN, _WRITE, (*_TT, *_ADD_WINDOW)),
    Endpoint("update_password", "6.7", _POST, q.UpdatePasswordRequest, a.ServiceReply, _PASSWORD, _ADMIN,
             _WRITE, (*_TT, *_UPDATE_WINDOW), must=("description",)),
    Endpoint("delete_password", "6.8", _POST, q.PasswordRequest, a.ServiceReply, _PASSWORD, _ADMIN, _WRITE,
             _TT),
    Endpoint("frozen_password", "6.9", _POST, q.PasswordRequest, a.ServiceReply, _PASSWORD, _ADMIN, _WRITE,
             _TT),
    Endpoint("unfrozen_password", "6.10", _POST, q.PasswordRequest, a.ServiceReply, _PASSWORD, _ADMIN, _WRITE,
             _TT),
    Endpoint("get_lock_events", "6.11", _GET, q.EventsRequest, a.EventsReply, _ROOM, _READERS, _READ, _T),
    Endpoint("count_lock_events", "6.12", _GET, q.Period, a.CountReply, _ROOM, _ADMIN, _READ, _T,
             PREFIX + "count_lock_envents"),
    Endpoint("search_device_op_log", "7.3", _GET, q.OperationsRequest, a.OperationsReply, _ROOM, _ADMIN,
             _READ, _T),
    Endpoint("count_device_op_log", "7.4", _GET, q.CountOperationsRequest, a.CountReply, _ROOM, _ADMIN,
             _READ, _T),
    Endpoint("order_add", "8.1", _POST, q.OrderRequest, a.Reply, (*_HOME, 11000), _BOOKERS, _WRITE, _TT,
             "/v1/order_add"),
    Endpoint("order_update", "8.2", _POST, q.UpdateOrderRequest, a.Reply, _HOME, _BOOKERS, _WRITE, _TT,
             "/v1/order_update"),
    Endpoint("find_orders", "8.3", _POST, q.HomesRequest, a.OrdersReply, _ANY, _ADMIN, _READ, _TT,
             "/v1/find_orders"),
)
# fmt: on

OPERATIONS: dict[str, tuple[str, str]] = {  # op_id: (meaning, the call that writes it), 7.2
    "20002": ("issue a password", "add_password"),
    "20003": ("delete a password", "delete_password"),
    "20004": ("change a password", "update_password"),
    "20006": ("freeze a password", "frozen_password"),
    "20007": ("activate a password", "unfrozen_password"),
}
LATER_OPERATIONS: dict[str, tuple[str, str]] = {
    "20008": ("view a dynamic password", "get_dynamic_password_plaintext"),
    "20009": ("reset the administrator password", "add_password"),
    "200010": ("view the administrator password", "get_default_password_plaintext"),
}


@dataclass(frozen=True, slots=True)
class Canonical:
    """A request under the names of its model."""

    fields: dict[str, object]
    token: object  # None: there was none
    met: tuple[str, ...]  # spellings other than the field's own name


def canonical(row: Endpoint, given: Mapping[str, object], *, strict: bool, later: bool = False) -> Canonical:
    """Undo the spellings of a request. Lenient: null, and empty text for a number, count as absent.

    Fields of later versions are unknown keys unless `later`.
    """
    reading = _reading(row, strict, later)
    fields: dict[str, object] = {}
    met: list[str] = []
    for name, value in _flat(given, reading) if reading.inner else given.items():
        field = reading.fields.get(name)
        if field is None or (not strict and (value is None or (value == "" and field in _NUMBERS))):
            continue
        if name != field:
            met.append(name)
            fields.setdefault(field, value)
        else:
            fields[field] = value
    return Canonical(fields, fields.pop(TOKEN, None), tuple(met))


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the keys of a request are read."""

    fields: dict[str, str]  # {key: field}; other keys are unknown
    inner: dict[str, tuple[str, ...]]  # {key of an object: its own keys}


@cache
def _reading(row: Endpoint, strict: bool, later: bool) -> _Reading:  # noqa: FBT001 - keys of the cache
    names = row.names(strict=strict)
    known = {
        name
        for name, field in row.request.model_fields.items()
        if later or not (isinstance(field.json_schema_extra, dict) and "since" in field.json_schema_extra)
    } | {TOKEN}
    plain = {name: name for name in known - set(names.values())}
    inner: dict[str, tuple[str, ...]] = {}
    for name in names:
        outer, dot, key = name.partition(".")
        if dot:
            inner[outer] = (*inner.get(outer, ()), key)
    return _Reading({key: field for key, field in (plain | names).items() if field in known}, inner)


def _flat(given: Mapping[str, object], reading: _Reading) -> list[tuple[str, object]]:
    """The pairs of a request, an object with named keys opened."""
    pairs: list[tuple[str, object]] = []
    for name, value in given.items():
        keys = reading.inner.get(name, ())
        if keys and isinstance(value, Mapping):
            pairs += [(f"{name}.{key}", value[key]) for key in keys if key in value]
        elif keys and value is not None:
            pairs += [(f"{name}.{keys[0]}", "no object")]
        elif "." not in name:
            pairs.append((name, value))
    return pairs


_NUMBERS = frozenset(
    name
    for row in ENDPOINTS
    for name, part in row.request.model_json_schema()["properties"].items()
    if "integer" in str(part) or "enum" in part or "enum" in str(part.get("anyOf"))
)
