"""A client's conversations with an emulated lock in memory: no loop, no link, and time as a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Effect, Happened, Notify
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.profiles import load_profile
from lockbench_harness.client.operations import Exchange, Keys, LockRefused, Operation
from lockbench_harness.client.wire import Wire
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.envelope import Refusal, Reply


class Owner:
    """The owner's app beside the lock, connected."""

    def __init__(self, profile: str = "full", *, seed: int = 1, **policies: dict[str, Any]) -> None:
        found = load_profile(profile)
        for table, values in policies.items():
            found = replace(found, **{table: replace(getattr(found, table), **values)})
        self.device = LockDevice(found, seed=seed)
        admin = self.device.memory.admin
        assert admin is not None
        self.keys = Keys(self.device.memory.key, admin.admin_ps, admin.unlock_key)
        self.wire = Wire(self.keys.aes_key)
        self.now = 0.0
        self.pushes: list[tuple[float, Reply | Refusal]] = []
        self.effects: list[Effect] = []
        self.device.connected(self.now)

    def run(self, operation: Operation[Any]) -> Any:
        try:
            exchange = next(operation)
            while True:
                try:
                    reply = self._exchange(exchange)
                except RemoteError as error:
                    exchange = operation.throw(error)
                else:
                    exchange = operation.send(reply)
        except StopIteration as finished:
            return finished.value

    def code_of(self, operation: Operation[Any]) -> int | None:
        """The status with which the lock refuses, None when it does not."""
        try:
            self.run(operation)
        except LockRefused as error:
            return error.code
        return None

    def _exchange(self, exchange: Exchange) -> Any:
        command = COMMANDS[exchange.opcode]
        found: list[Reply | Refusal | RemoteError] = []
        for chunk in self.wire.request(exchange.opcode, command.build_request(exchange.values)):
            found += self._hear(self.device.write("fff2", chunk, self.now))
        (answer,) = found
        if isinstance(answer, RemoteError):
            raise answer
        if isinstance(answer, Refusal):
            raise LockRefused(exchange.opcode, answer.code, answer.op)
        return command.parse_reply(answer.body)

    def _hear(self, effects: list[Effect]) -> list[Reply | Refusal | RemoteError]:
        self.effects += effects
        notified = [effect.value for effect in effects if isinstance(effect, Notify)]
        return [answer for value in notified for answer in self.wire.feed(value)]

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.device.deadline()) is not None and due <= end:
            self.now = due
            for push in self._hear(self.device.advance(self.now)):
                assert isinstance(push, Reply | Refusal)
                self.pushes.append((self.now, push))
        self.now = end

    def do(self, hand: Callable[..., list[Effect]], *args: Any, **options: Any) -> bool:
        """One of `lockbench_emulator.lock.hands`; did the bolt open?"""

        def act(lock: Lock, now: float) -> list[Effect]:
            return hand(lock, *args, now=now, **options)

        effects = self.device.by_hand(act, self.now)
        self._hear(effects)
        return Happened("bolt", {"unlocked": True}) in effects


@pytest.fixture(scope="session")
def owner() -> type[Owner]:
    """`owner(profile, table={key: value})` is an app at a fresh lock."""
    return Owner
