"""Every status that a model of ours can give is given in a run of a case; which one, stands here.

The lock is watched while the case runs. A status that is not in the table is given by no model, and says why.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest
from lockbench_emulator.device import LockDevice
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.parts import Parts
from lockbench_emulator.profiles import load_profile
from lockbench_harness import hunt
from lockbench_harness.judge import run_case
from lockbench_harness.plan import Plan
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.emulated import EmulatedTarget
from lockbench_harness.trace import Trace
from lockbench_harness.verdicts import Verdict
from lockbench_protocol.lock.status import Status

# status -> the case that provokes it and the profile of the lock
PROVOKED: dict[Status, tuple[str, str]] = {
    Status.CRC: ("COD/4", "strict"),
    Status.NOT_ADMIN: ("SES/7", "strict"),
    Status.WRONG_ADMIN_PASSWORD: ("SES/8", "strict"),
    Status.IN_SETTING_MODE: ("SES/14", "strict"),
    Status.NO_ADMIN: ("SES/14", "strict"),
    Status.NOT_IN_SETTING_MODE: ("SES/13", "strict"),
    Status.INVALID_DYNAMIC_CODE: ("SES/4", "strict"),
    Status.OUT_OF_BATTERY: ("PFL/14", "strict"),
    Status.INIT_PASSWORDS_FAILED: ("COD/17", "strict"),
    Status.FLAG_POSITION_LOW: ("SES/9", "strict"),
    Status.KEY_EXPIRED: ("SES/10", "strict"),
    Status.PASSCODE_LENGTH: ("PWD/2", "strict"),
    Status.ADMIN_EQUALS_ERASE: ("COD/17", "full"),
    Status.KEY_NOT_YET: ("SES/10", "strict"),
    Status.NOT_LOGGED_IN: ("SES/6", "strict"),
    Status.FAILED: ("COD/2", "strict"),
    Status.PASSCODE_EXISTS: ("PWD/6", "strict"),
    Status.PASSCODE_UNKNOWN: ("PWD/17", "strict"),
    Status.OUT_OF_MEMORY: ("PWD/8", "strict"),
    Status.PAYLOAD_LENGTH: ("COD/17", "strict"),
    Status.CARD_UNKNOWN: ("COD/17", "full"),
    Status.FINGERPRINT_UNKNOWN: ("COD/17", "full"),
    Status.INVALID_COMMAND: ("COD/22", "strict"),
    Status.FROZEN: ("SES/10", "full"),
    Status.INVALID_VENDOR: ("SES/15", "strict"),
    Status.DOUBLE_LOCKED: ("SES/11", "strict"),
    Status.RECORD_UNKNOWN: ("COD/17", "full"),
    Status.INVALID_PARAMETER: ("CLK/9", "strict"),
    Status.OBSTRUCTED: ("SES/11", "parking"),
    Status.PROCESSING: ("DFU/20", "strict"),
    Status.WRONG_SSID: ("COD/17", "full"),
}
NEVER: dict[Status, str] = {
    Status.WRONG_WIFI_PASSWORD: "no network is near an emulated lock, so no password is ever tried",
}


class WatchedTarget(EmulatedTarget):
    """It keeps the codes of all refusals that its locks send."""

    def __init__(self, profile: str) -> None:
        super().__init__(profile)
        self.sent = sent = set[int]()

        class Watched(Lock):
            def _refuse(self, opcode: int, status: int, op: int | None, key: bytes, now: float) -> None:
                sent.add(int(status))
                super()._refuse(opcode, status, op, key, now)

        self._parts = Parts(lock=Watched)

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[LockBench]:
        device = LockDevice(load_profile(self.profile), seed=seed, parts=self._parts)
        return self.hang(device, seed=seed, link=link, trace=trace)


@pytest.mark.parametrize("where", sorted(set(PROVOKED.values())))
def test_a_case_provokes_what_the_table_says(where: tuple[str, str]) -> None:
    id_, profile = where
    target = WatchedTarget(profile)
    row = run_case(hunt.cases()[id_], target, Plan("emulated", profile=profile))
    assert row.verdict in {Verdict.PASS, Verdict.WARN}, row.detail
    missing = {status for status, place in PROVOKED.items() if place == where} - target.sent
    assert missing == set()


def test_every_status_is_provoked_or_says_why_it_cannot_be() -> None:
    missing = set(Status) - PROVOKED.keys() - NEVER.keys()
    print("statuses that nothing provokes:", sorted(missing))  # noqa: T201 - the proof is the print
    assert missing == set()
    assert not PROVOKED.keys() & NEVER.keys()
