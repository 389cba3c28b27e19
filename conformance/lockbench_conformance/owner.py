"""A lock changes hands: it is reset and paired anew. Only where each example has a lock of its own."""

from __future__ import annotations

from datetime import datetime

from lockbench_harness.cases import expect
from lockbench_harness.client.operations import Keys, LockRefused, Operation, Paired, pair, reset
from lockbench_harness.client.wire import Undecryptable
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.cipher import DEFAULT_KEY
from lockbench_protocol.lock.status import Status

TODAY = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - a lock's time has no zone
ADMIN_PS, UNLOCK_KEY, ADMIN_PASSCODE = 12345678, 87654321, "2580258"


def pair_again(admin_ps: int = ADMIN_PS, unlock_key: int = UNLOCK_KEY) -> Operation[Paired]:
    """Pair as the vendor's client does."""
    return pair(admin_ps, unlock_key, ADMIN_PASSCODE, TODAY)


def cut_short(operation: Operation[object], exchanges: int) -> Operation[bool]:
    """The operation without what follows its first exchanges. Returns whether it came to its end."""
    try:
        exchange = next(operation)
        for _ in range(exchanges):
            try:
                reply = yield exchange
            except RemoteError as error:
                exchange = operation.throw(error)
            else:
                exchange = operation.send(reply)
    except StopIteration:
        return True
    operation.close()
    return False


async def forget(bench: LockBench, keys: Keys | None = None) -> None:
    """Reset by app."""
    own = keys or bench.keys
    async with bench.session(bench.client(own.aes_key)) as client:
        await client.run(reset(own))


async def adopt(bench: LockBench, admin_ps: int = ADMIN_PS, unlock_key: int = UNLOCK_KEY) -> Keys:
    """Pair a lock that is in setting mode. The bench's own keys are worth nothing any more."""
    async with bench.session(bench.client(DEFAULT_KEY)) as client:
        return (await client.run(pair_again(admin_ps, unlock_key))).keys


async def pairing_refused(bench: LockBench, keys: Keys | None = None) -> None:
    """A paired lock refuses to be paired with 7, under its key; under the default key it reads nothing."""
    for key in ((keys or bench.keys).aes_key, DEFAULT_KEY):
        async with bench.session(bench.client(key)) as client:
            seen: object = "success"
            try:
                await client.run(pair_again())
            except LockRefused as error:
                seen = error.code
            except Undecryptable:
                seen = Status.NOT_IN_SETTING_MODE if key == DEFAULT_KEY else "an answer that does not decrypt"
            expect(seen, Status.NOT_IN_SETTING_MODE, "the answer to pairing a paired lock")
