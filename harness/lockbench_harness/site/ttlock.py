"""The gateways of the TTLock cloud: what it asks for is done in the locks of a site, while it waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lockbench_emulator.cloud.ttlock.agent import Command, Outcome
from lockbench_emulator.site import Site
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.status import Status

from lockbench_harness.client.operations import (
    Keys,
    LockRefused,
    Operation,
    add_passcode,
    delete_passcode,
    lock,
    modify_passcode,
    status,
    unlock,
)
from lockbench_harness.site.codes import Code
from lockbench_harness.site.gateway import visit

NO_ANSWER = -3003
REFUSALS: Mapping[str, Mapping[int, int]] = {  # verb: status of the lock -> errcode; any other is NO_ANSWER
    "unlock": {Status.FROZEN: -2025},
    "lock": {Status.FROZEN: -2025},
    "add": {Status.PASSCODE_EXISTS: -3007, Status.OUT_OF_MEMORY: -3009},
    "change": {Status.PASSCODE_EXISTS: -3007, Status.PASSCODE_UNKNOWN: -2009},
    "delete": {Status.PASSCODE_UNKNOWN: 0},  # it is gone already
}


class SiteGateways:
    """See `Gateways` of the TTLock cloud. A lock of the site goes by its address."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def carry_out(self, command: Command) -> Outcome:
        try:
            value = visit(self._site, command.mac, lambda keys: self._do(command, keys))
        except LockRefused as refusal:
            return Outcome(REFUSALS.get(command.verb, {}).get(refusal.code, NO_ANSWER))
        except RemoteError:
            return Outcome(NO_ANSWER)
        return Outcome(value=value)

    def _do(self, command: Command, keys: Keys) -> Operation[int]:
        moves: dict[str, Callable[..., Operation[object]]] = {"unlock": unlock, "lock": lock}
        if command.verb in moves:
            yield from moves[command.verb](keys, int(self._site.now()))
            return 0
        if command.verb in ("state", "battery"):
            found = yield from status()
            return int(found.unlocked) if command.verb == "state" else found.battery
        yield from self._manage(command, keys)
        return 0

    def _manage(self, command: Command, keys: Keys) -> Operation[int]:
        permanent = not command.end
        start, end = (None, None) if permanent else (command.start // 1000, -(-command.end // 1000))
        window = Code(0, command.code, start, end).window
        if command.verb == "add":
            return add_passcode(keys, command.code, window)
        if command.verb == "change":
            return modify_passcode(keys, command.code, command.new_code, window)
        return delete_passcode(keys, command.code)
