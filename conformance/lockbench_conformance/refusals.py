"""Wrong requests, each with the code that answers it (ttlock-ble 4): what no other case provokes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lockbench_harness.client.configuration import set_erase_code, set_wifi
from lockbench_harness.client.enrolment import CARD, FINGERPRINT, clear_cyclic, delete
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import Operation, login_admin
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.commands.cards import CyclicUser
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.status import Status

Ask = Callable[[LockClient, LockBench], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Provocation:
    status: Status
    feature: Feature | None  # that the lock must have
    ask: Ask


def run(operation: Callable[[LockBench], Operation[object]]) -> Ask:
    return lambda client, bench: client.run(operation(bench))


async def secrets_cut_short(client: LockClient, bench: LockBench) -> None:
    await client.run(login_admin(bench.keys))
    await client.ask(0x31, bytes(60))


UNKNOWN_CARD, UNKNOWN_FINGER = b"\x07\x5b\xcd\x15", b"\x00\x00\x07\x5b\xcd\x15"
PROVOCATIONS: tuple[Provocation, ...] = (
    Provocation(Status.PAYLOAD_LENGTH, None, lambda client, _bench: client.ask(0x41, b"\x01")),
    Provocation(Status.INIT_PASSWORDS_FAILED, Feature.PASSCODE, secrets_cut_short),
    Provocation(
        Status.ADMIN_EQUALS_ERASE,
        Feature.PASSCODE_DELETE,
        run(lambda bench: set_erase_code(bench.keys, bench.credentials.admin_passcode)),
    ),
    Provocation(Status.CARD_UNKNOWN, Feature.CARD, run(lambda bench: delete(bench.keys, CARD, UNKNOWN_CARD))),
    Provocation(
        Status.FINGERPRINT_UNKNOWN,
        Feature.FINGERPRINT,
        run(lambda bench: delete(bench.keys, FINGERPRINT, UNKNOWN_FINGER)),
    ),
    Provocation(
        Status.RECORD_UNKNOWN,
        Feature.CYCLIC_CARD,
        run(lambda bench: clear_cyclic(bench.keys, CyclicUser.CARD, UNKNOWN_CARD)),
    ),
    Provocation(Status.WRONG_SSID, Feature.WIFI, run(lambda bench: set_wifi(bench.keys, "", "secret"))),
)
