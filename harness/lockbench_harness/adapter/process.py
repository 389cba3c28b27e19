"""The adapter's process: one JSON object a line, both ways (docs/adapter.md).

Whatever the program does, each call ends: in its result, as unsupported, or in an expectation that it did not
meet. Nothing of it is left when it is closed. While a call runs, time is the wall's.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from lockbench_harness.clock import VirtualLoop
from lockbench_harness.verdicts import Expectation, Unreachable, Unsupported

Message = dict[str, object]
Told = Callable[[str, Mapping[str, object]], None]  # the name of a callback, and what it is told

PROTOCOL = 1
START_SECONDS = 20.0  # in which the program must answer `start`
CALL_SECONDS = 60.0  # in which a call must settle
BYE_SECONDS = 2.0  # in which the program must end
LONGEST_LINE = 2**20  # bytes
MOST_CALLBACKS = 10_000  # of one call
NOT_THERE = 127  # what a shell gives when there is no such program

RESULT, UNSUPPORTED, CALLBACK = "result", "unsupported", "callback"
# What may end which question: 0 is `start`, the others are calls.
ENDS: dict[object, Callable[[object], bool]] = {
    "start": lambda number: number == 0,
    RESULT: lambda number: number != 0,
    UNSUPPORTED: lambda _number: True,
}
_FIELDS: dict[str, dict[str, type]] = {  # of what the program may say, with their types
    "start": {"protocol": int, "client": str},
    CALLBACK: {"id": int, "name": str, "value": dict},
    RESULT: {"id": int, "value": dict},
    UNSUPPORTED: {"why": str},
}


class Adapter:
    """One run of the program. `start` is told to it first; `note` hears each line, as words for the trace."""

    def __init__(
        self,
        argv: Sequence[str],
        start: Message,
        environment: Mapping[str, str],
        note: Callable[[str, Message], None],
    ) -> None:
        self._argv = argv
        self._start = start
        self._environment = environment
        self._note = note
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._complaints: asyncio.Task[bytes] | None = None
        self._waiting: dict[
            int, asyncio.Future[Message]
        ] = {}  # for the ends of calls; 0: the answer to `start`
        self._leaving = False
        self._faulted = False  # it broke the rules, and is not asked any more
        self._calls = 0
        self._callbacks: dict[int, int] = {}  # how many each call has told
        self._told: dict[int, Told] = {}
        self._wrong: Exception | None = None  # what it did against the rules, until somebody hears of it

    async def call(
        self, method: str, arguments: Sequence[object], now: Callable[[], float], told: Told
    ) -> Message:
        """Its result. `now` gives seconds since 1970. Raises Unsupported, Expectation."""
        with _outside():
            if self._process is None:
                await self._begin()
            self._calls += 1
            number = self._calls
            self._told[number], self._callbacks[number] = told, 0
            message = {"type": "call", "id": number, "now": round(now() * 1000), "method": method}
            answer = await self._ask(
                number, {**message, "arguments": list(arguments)}, CALL_SECONDS, f"{method} of the client"
            )
        value = answer["value"]
        assert isinstance(value, dict)  # noqa: S101 - looked at when it came
        return value

    async def close(self) -> None:
        """End the program. Raises what it did against the rules, and nobody heard of."""
        if self._process is None:
            return
        with _outside():
            await self._end(self._process)
            tasks = [task for task in (self._reading, self._complaints) if task is not None]
            await asyncio.wait(tasks, timeout=BYE_SECONDS)  # the pipes are at their ends
            for task in tasks:
                task.cancel()
        if self._wrong is not None:
            raise self._wrong

    async def _begin(self) -> None:
        pipe = asyncio.subprocess.PIPE
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=self._environment,
                limit=LONGEST_LINE,
                start_new_session=True,  # so that what the program starts ends with it
            )
        except OSError as error:
            raise Unreachable(f"the client {self._argv[0]} cannot be started: {error.strerror}") from error
        self._reading = asyncio.create_task(self._read(self._process))
        assert self._process.stderr is not None  # noqa: S101 - asked for
        self._complaints = asyncio.create_task(_tail(self._process.stderr))
        start = {"type": "start", "protocol": PROTOCOL, **self._start}
        answer = await self._ask(0, start, START_SECONDS, "start")
        if answer.get("protocol") != PROTOCOL:
            raise Expectation("the protocol of the adapter", PROTOCOL, answer.get("protocol"))

    async def _ask(self, number: int, message: Message, seconds: float, what: str) -> Message:
        if self._wrong is not None:
            wrong, self._wrong = self._wrong, None
            raise wrong
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._say(message)
            async with asyncio.timeout(seconds):
                answer = await self._waiting[number]
        except TimeoutError:
            self._faulted = True
            raise Expectation(f"the answer to {what}", f"one within {seconds:g} s", None) from None
        except asyncio.CancelledError:  # whoever called is gone: so is its program
            self._faulted = self._leaving = True
            self._kill()
            raise
        finally:
            del self._waiting[number]
        if answer["type"] == UNSUPPORTED:
            raise Unsupported(f"The client says that it cannot do it: {answer['why']}")
        return answer

    async def _say(self, message: Message) -> None:
        assert self._process is not None and self._process.stdin is not None  # noqa: S101, PT018 - it runs
        try:
            line = json.dumps(message, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise Unsupported(f"The lines of an adapter do not carry this: {error}.") from error
        self._note("said", message)
        with suppress(ConnectionError):  # it ended: the reader tells how
            self._process.stdin.write(f"{line}\n".encode("utf-8", "surrogatepass"))
            await self._process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for
        wrong: Exception | None
        try:
            while line := await process.stdout.readline():
                self._heard(line)
            wrong = await self._ended(process)
        except ValueError:  # readline's word for a line above the limit
            wrong = Expectation("a line of the adapter", f"at most {LONGEST_LINE} bytes", "a longer one")
        except Expectation as error:
            wrong = error
        if wrong is not None:
            self._fail(wrong)

    async def _ended(self, process: asyncio.subprocess.Process) -> Exception | None:
        code = await process.wait()
        if self._leaving and code in (0, -signal.SIGKILL):
            return None
        assert self._complaints is not None  # noqa: S101 - begun with the process
        last = (await self._complaints).decode(errors="replace").strip().split("\n")[-1]
        if code == NOT_THERE:
            return Unsupported(f"The client ended with {NOT_THERE}: {last or 'it is not there'}")
        return Expectation("the adapter", "running until bye", f"exit status {code}: {last}".rstrip(": "))

    def _heard(self, line: bytes) -> None:
        message = _message(line)
        self._note("heard", message)
        kind = message["type"]
        if kind == CALLBACK:
            self._tell(message)
            return
        number = message.get("id", 0)
        waiting = self._waiting.get(number) if isinstance(number, int) else None
        if waiting is None or waiting.done() or not ENDS[kind](number):
            raise Expectation("what the adapter says", "one end for each call", message)
        waiting.set_result(message)

    def _tell(self, message: Message) -> None:
        number, value = message["id"], message["value"]
        assert isinstance(number, int)  # noqa: S101 - looked at when it came
        assert isinstance(value, dict)  # noqa: S101 - likewise
        if number not in self._told:
            raise Expectation("the id of a callback", "that of a call", number)
        self._callbacks[number] += 1
        if self._callbacks[number] > MOST_CALLBACKS:
            raise Expectation("the callbacks of one call", f"at most {MOST_CALLBACKS}", "more")
        self._told[number](str(message["name"]), value)

    def _fail(self, wrong: Exception) -> None:
        self._faulted = True
        waiting = [future for future in self._waiting.values() if not future.done()]
        for future in waiting:
            future.set_exception(wrong)
        if not waiting and self._wrong is None:
            self._wrong = wrong

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for
        self._leaving = True
        if process.returncode is None and not self._faulted:
            await self._say({"type": "bye"})
            process.stdin.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(BYE_SECONDS):
                    await process.wait()
            if process.returncode is None:
                self._wrong = Expectation(
                    "the adapter after bye", f"ended within {BYE_SECONDS:g} s", "running"
                )
        self._kill()
        await process.wait()

    def _kill(self) -> None:
        """End the program, and whatever it started."""
        assert self._process is not None  # noqa: S101 - it runs
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


@contextmanager
def _outside() -> Iterator[None]:
    """Another process is waited for: in virtual time the clock is the wall's."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        with loop.outside():
            yield
    else:
        yield


async def _tail(stream: asyncio.StreamReader) -> bytes:
    """The last that was said, read to the end so that the program never waits for a reader."""
    kept = b""
    while piece := await stream.read(65536):
        kept = (kept + piece)[-4096:]
    return kept


def _message(line: bytes) -> Message:
    words = "a line of the adapter"
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise Expectation(words, "one JSON object", line[:200]) from None
    if not isinstance(message, dict) or message.get("type") not in _FIELDS:
        raise Expectation(words, f"of type {', '.join(_FIELDS)}", line[:200])
    for name, kind in _FIELDS[message["type"]].items():
        if type(message.get(name)) is not kind:
            raise Expectation(words, f"{name} as {kind.__name__}", line[:200])
    return message
