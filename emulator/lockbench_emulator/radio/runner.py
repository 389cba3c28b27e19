"""Runs one device on an event loop: its clock, its rules, and its effects in order.

Rules: knows asyncio and the device, never the radio under it; every call into the device is guarded, and a
failure there is kept in `failures` and given to the loop's exception handler, so that it is never silent;
effects leave in the order in which the device gave them, after the answer to what caused them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lockbench_emulator.gatt import (
    Advertise,
    Advertisement,
    AttCode,
    AttRefusal,
    Device,
    Disconnect,
    Effect,
    Happened,
    Notify,
    Properties,
    Reboot,
)

_READ, _WRITE, _WRITE_WITHOUT_RESPONSE = (  # plain numbers: flags cost more than all the rest of a write
    int(bit) for bit in (Properties.READ, Properties.WRITE, Properties.WRITE_WITHOUT_RESPONSE)
)
ATT_HEADER = 3  # opcode and handle of a write or notification (Bluetooth Core, Vol 3 Part F 3.4.5, 3.4.7)
STUCK = 1000  # calls of `advance` at one instant


class Stuck(Exception):
    """The device asks again and again for a time that has passed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One GATT event or effect, as the bench may trace it."""

    at: float  # seconds of the loop's clock
    event: str  # connected, disconnected, subscribe, unsubscribe, write, read, refused, effect, failure
    characteristic: str = ""
    value: bytes = b""
    effect: Effect | None = None
    code: int = 0  # of refused: ATT error; of disconnected: HCI reason
    error: BaseException | None = None  # of failure


Observer = Callable[[Seen], None]


class Air(Protocol):
    """What a runner asks of the radio."""

    @property
    def mtu(self) -> int: ...  # ATT_MTU of the live link

    def notify(self, characteristic: str, value: bytes) -> None: ...

    def disconnect(self, reason: int) -> None: ...  # answered by `Runner.disconnected`

    def advertise(self, advertisement: Advertisement | None) -> None: ...

    def reboot(self) -> None: ...  # drop the link without a word; answered by `Runner.booted`


class Runner:
    """One device, run on the current loop. The radio calls the methods; the air gets the effects."""

    def __init__(self, device: Device, air: Air, observe: Observer | None = None) -> None:
        self.device = device
        self.failures: list[BaseException] = []
        self.linked = False  # a central is connected and may be served
        self._air = air
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._properties: dict[str, int] = {}
        self._subscribed: dict[str, None] = {}
        self._effects: deque[Effect] = deque()
        self._held = False  # until the air has done a disconnect or a reboot
        self._pumping = False
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._stuck = 0

    def start(self) -> None:
        self._learn_services()
        self._rearm()
        self._air.advertise(self.device.advertisement())

    def stop(self) -> None:
        self.linked = False
        self._held = True
        self._effects.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def connected(self) -> None:
        self.linked = True
        self._subscribed.clear()
        self._see("connected")
        self._run(self.device.connected)
        self.pump()

    def disconnected(self, reason: int) -> None:
        self.linked = False
        self._subscribed.clear()
        self._see("disconnected", code=reason)
        self._run(self.device.disconnected)
        self._held = False
        self.pump()
        if not self._held:
            self._air.advertise(self.device.advertisement())

    def booted(self) -> None:
        """The air is up again after `Air.reboot`."""
        self._learn_services()
        self._held = False
        self._rearm()
        self._air.advertise(self.device.advertisement())
        self.pump()

    def subscribe(self, characteristic: str, on: bool) -> None:  # noqa: FBT001 - the CCCD bit itself
        """The central wrote the 2902 descriptor. Raises AttRefusal. Call `pump` after the answer has left."""
        if on:
            self._subscribed[characteristic] = None
        else:
            self._subscribed.pop(characteristic, None)
        self._see("subscribe" if on else "unsubscribe", characteristic)
        self._serve(characteristic, lambda now: self.device.subscribe(characteristic, on, now))

    def write(self, characteristic: str, value: bytes, *, response: bool) -> None:
        """The central wrote. Raises AttRefusal. Call `pump` after the answer has left."""
        self._see("write", characteristic, value)
        needed = _WRITE if response else _WRITE_WITHOUT_RESPONSE
        if not self._properties[characteristic] & needed:
            raise self._refuse(characteristic, AttRefusal(AttCode.WRITE_NOT_PERMITTED))
        self._serve(characteristic, lambda now: self.device.write(characteristic, value, now))

    def read(self, characteristic: str) -> bytes:
        """The central reads. Raises AttRefusal."""
        if not self._properties[characteristic] & _READ:
            raise self._refuse(characteristic, AttRefusal(AttCode.READ_NOT_PERMITTED))
        try:
            value = self.device.read(characteristic, self._loop.time())
        except AttRefusal as refusal:
            raise self._refuse(characteristic, refusal) from None
        except Exception as error:
            self.fail(error)
            raise self._refuse(characteristic, AttRefusal(AttCode.UNLIKELY)) from error
        self._see("read", characteristic, value)
        self._rearm()
        return value

    def act(self, hand: Callable[[float], Sequence[Effect]]) -> Sequence[Effect]:
        """Something done at the device itself: its effects go where all go, and back to the hand."""
        effects = list(hand(self._loop.time()))
        self._effects.extend(effects)
        self._rearm()
        self.pump()
        return effects

    def ignore(self, characteristic: str, value: bytes, code: AttCode) -> None:
        """The radio dropped this write before the device saw it."""
        self._see("write", characteristic, value)
        self._refuse(characteristic, AttRefusal(code))

    def pump(self) -> None:
        """Let the waiting effects out, in order, until the air must first finish one."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._effects and not self._held:
                effect = self._effects.popleft()
                if self._observe is not None:
                    self._observe(Seen(self._loop.time(), "effect", effect=effect))
                try:
                    self._apply(effect)
                except Exception as error:  # noqa: BLE001 - whatever it is, it must be heard of
                    self.fail(error)
        finally:
            self._pumping = False

    def fail(self, error: BaseException) -> None:
        """Keep and announce a failure of the device or of the radio under it."""
        self.failures.append(error)
        if self._observe is not None:
            self._observe(Seen(self._loop.time(), "failure", error=error))
        self._loop.call_exception_handler({"message": f"device {self.device.address}", "exception": error})

    def _apply(self, effect: Effect) -> None:
        match effect:
            case Notify(characteristic, value):
                if not self.linked or characteristic not in self._subscribed:
                    return
                if len(value) > self._air.mtu - ATT_HEADER:
                    raise ValueError(
                        f"a notification of {len(value)} bytes does not fit an MTU of {self._air.mtu}"
                    )
                self._air.notify(characteristic, value)
            case Disconnect(reason):
                if self.linked:
                    self.linked = False
                    self._held = True
                    self._air.disconnect(reason)
            case Advertise(advertisement):
                self._air.advertise(advertisement)
            case Reboot():
                self.linked = False
                self._subscribed.clear()
                self._held = True
                self._air.reboot()
            case Happened():
                pass

    def _serve(self, characteristic: str, call: Callable[[float], Sequence[Effect]]) -> None:
        try:
            self._effects.extend(call(self._loop.time()))
        except AttRefusal as refusal:
            raise self._refuse(characteristic, refusal) from None
        except Exception as error:
            self.fail(error)
            raise self._refuse(characteristic, AttRefusal(AttCode.UNLIKELY)) from error
        finally:
            self._rearm()

    def _run(self, call: Callable[[float], Sequence[Effect]], now: float | None = None) -> None:
        try:
            self._effects.extend(call(self._loop.time() if now is None else now))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be heard of
            self.fail(error)
        self._rearm()

    def _refuse(self, characteristic: str, refusal: AttRefusal) -> AttRefusal:
        self._see("refused", characteristic, code=refusal.code)
        return refusal

    def _learn_services(self) -> None:
        self._properties = {
            characteristic.uuid: int(characteristic.properties)
            for service in self.device.services()
            for characteristic in service.characteristics
        }

    def _rearm(self) -> None:
        deadline = self.device.deadline()
        if deadline == self._deadline:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._deadline = deadline
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._advance, deadline)

    def _advance(self, due: float) -> None:
        self._timer = self._deadline = None
        now = max(due, self._loop.time())  # a loop may fire a timer within its resolution early
        self._run(self.device.advance, now)
        self._check_progress(now)
        self.pump()

    def _check_progress(self, now: float) -> None:
        if self._deadline is None or self._deadline > now:
            self._stuck = 0
            return
        self._stuck += 1
        if self._stuck >= STUCK and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.fail(Stuck(f"at {now} s the device asks again and again for {self._deadline} s"))

    def _see(self, event: str, characteristic: str = "", value: bytes = b"", code: int = 0) -> None:
        if self._observe is not None:
            self._observe(Seen(self._loop.time(), event, characteristic, value, code=code))
