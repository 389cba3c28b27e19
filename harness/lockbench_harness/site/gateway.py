"""A gateway's visit to a lock: one conversation of the reference client, at one instant, without a loop.

To the lock it is a central like any other: it finds it advertising, connects, writes, listens, hangs up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Disconnect, Effect, Notify, Reboot
from lockbench_emulator.site import Site
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.envelope import Refusal, Reply

from lockbench_harness.client.lock_client import NOTIFY, WRITE, NoAnswer
from lockbench_harness.client.operations import Exchange, Keys, LockRefused, Operation
from lockbench_harness.client.wire import V3, Wire

T = TypeVar("T")
Loss = Literal["command lost", "answer lost"]


class Unreachable(RemoteError):
    """The gateway does not find the lock, and the lock has not heard of it."""


def visit(site: Site, uuid: str, operation: Callable[[Keys], Operation[T]], loss: Loss | None = None) -> T:
    """Do `operation` with a lock of the site, with its owner's keys.

    Raises Unreachable, LockRefused, or NoAnswer: the lock may have done it all the same. `loss` is what the
    air between the two swallows: all of it, or the last answer.
    """
    results: list[T] = []
    failures: list[RemoteError] = []

    def hand(now: float) -> list[Effect]:
        device = site.device(uuid)
        if loss == "command lost" or device.advertisement() is None or device.memory.admin is None:
            failures.append(Unreachable(f"the lock {uuid} is not found"))
            return []
        admin = device.memory.admin
        keys = Keys(device.memory.key, admin.admin_ps, admin.unlock_key, device.memory.flag_position)
        call = _Call(device, keys.aes_key, now)
        try:
            results.append(call.run(operation(keys)))
        except RemoteError as error:
            failures.append(error)
        finally:
            call.hang_up()
        return call.rest

    site.act(uuid, hand)
    if loss == "answer lost" and (not failures or isinstance(failures[0], LockRefused)):
        raise NoAnswer(f"the answer of the lock {uuid} was lost")
    if failures:
        raise failures[0]
    return results[0]


class _Call:
    """A connection that lasts an instant."""

    def __init__(self, device: LockDevice, key: bytes, now: float) -> None:
        self.rest: list[Effect] = []  # what was not for the central
        self._device = device
        self._now = now
        self._wire = Wire(key, V3)
        self._heard: list[Reply | Refusal | RemoteError] = []
        self._linked = True
        self._take(device.connected(now))

    def run(self, operation: Operation[T]) -> T:
        try:
            exchange = next(operation)
            while True:
                try:
                    reply = self._ask(exchange)
                except RemoteError as error:
                    exchange = operation.throw(error)
                else:
                    exchange = operation.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result

    def write(self, characteristic: str, value: bytes) -> None:
        """Nothing reaches a lock that is gone."""
        if self._linked:
            self._take(self._device.write(characteristic, value, self._now))

    def hang_up(self) -> None:
        if self._device.online:
            self._take(self._device.disconnected(self._now))

    def _ask(self, exchange: Exchange) -> Any:
        command = COMMANDS[exchange.opcode]
        self._heard.clear()
        for chunk in self._wire.request(exchange.opcode, command.build_request(exchange.values)):
            self.write(WRITE, chunk)
        for heard in self._heard:
            if isinstance(heard, RemoteError):
                raise heard
            if heard.echo == exchange.opcode:
                if isinstance(heard, Refusal):
                    raise LockRefused(exchange.opcode, heard.code, heard.op)
                return command.parse_reply(heard.body)
        raise NoAnswer(f"no answer to 0x{exchange.opcode:02x}")

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Notify):
                if effect.characteristic == NOTIFY:
                    self._heard += self._wire.feed(effect.value)
                continue
            if isinstance(effect, Disconnect | Reboot):
                self._linked = False
            if not isinstance(effect, Disconnect):
                self.rest.append(effect)
