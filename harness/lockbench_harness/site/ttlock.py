"""The gateways of the TTLock cloud: they move the bolt of a lock on the site, ask it, and keep its passcodes.

The caller of the cloud waits for the answer, so nothing is queued. A write that got no answer is -3003; when
the call is repeated, the gateway knows its own digits in the lock.
"""

from __future__ import annotations

from collections.abc import Mapping

from lockbench_emulator.cloud.ttlock.agent import Command, Outcome
from lockbench_emulator.site import Site
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.status import Status

from lockbench_harness.client.operations import LockRefused, lock, status, unlock
from lockbench_harness.site.codes import Code, Codes, Taken
from lockbench_harness.site.gateway import Loss, visit

NO_ANSWER, EXISTS = -3003, -3007
OWNER = "ttlock"
NUMBER = 1  # of every code: the cloud itself knows which are its own
REFUSALS: Mapping[str, Mapping[int, int]] = {  # verb: status of the lock -> errcode; any other is NO_ANSWER
    "unlock": {Status.FROZEN: -2025},
    "lock": {Status.FROZEN: -2025},
    "add": {Status.PASSCODE_EXISTS: EXISTS, Status.OUT_OF_MEMORY: -3009},
    "change": {Status.PASSCODE_EXISTS: EXISTS},
}


class SiteGateways:
    """See `Gateways` of the TTLock cloud. `trouble` says what the air to a lock swallows, by its MAC."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._codes = Codes(site, OWNER)
        self.trouble: dict[str, Loss] = {}

    def carry_out(self, command: Command) -> Outcome:
        uuid = self._site.find(command.mac)
        if uuid is None:
            return Outcome(NO_ANSWER)
        try:
            return Outcome(value=self._do(uuid, command))
        except Taken:
            return Outcome(EXISTS)
        except LockRefused as refusal:
            return Outcome(REFUSALS.get(command.verb, {}).get(refusal.code, NO_ANSWER))
        except RemoteError:
            return Outcome(NO_ANSWER)

    def _do(self, uuid: str, command: Command) -> int:
        loss, now = self.trouble.get(command.mac), int(self._site.now())
        match command.verb:
            case "unlock":
                visit(self._site, uuid, lambda keys: unlock(keys, now), loss)
            case "lock":
                visit(self._site, uuid, lambda keys: lock(keys, now), loss)
            case "state":
                return int(visit(self._site, uuid, lambda _keys: status(), loss).unlocked)
            case "battery":
                return visit(self._site, uuid, lambda _keys: status(), loss).battery
            case "add":
                self._codes.write(uuid, _code(command, command.code), "", loss)
            case "change":
                self._codes.write(uuid, _code(command, command.new_code or command.code), command.code, loss)
            case "delete":
                self._codes.take_out(uuid, command.code, loss)
        return 0


def _code(command: Command, digits: str) -> Code:
    if not command.end:
        return Code(NUMBER, digits, None, None)
    return Code(NUMBER, digits, command.start // 1000, -(-command.end // 1000))
