"""Programs of others run through the door, without a radio: streams, signals, status, and what exec says."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from lockbench_harness import clock
from lockbench_harness.credentials import LOCK_VERSION_KEYS, Credentials
from lockbench_harness.door import program
from lockbench_harness.door.program import Ended, isolating_flag, run_program, why_unopened
from lockbench_harness.links import Link
from lockbench_protocol import LocalError

CREDENTIALS = Credentials(
    address="C2:11:22:33:44:55",
    name="S202T_554433",
    aes_key=bytes(16),
    admin_ps=1,
    unlock_key=2,
    lock_data="",
    lock_version=dict.fromkeys(LOCK_VERSION_KEYS, 1),
    admin_passcode="123456",
)


@asynccontextmanager
async def no_radio() -> AsyncIterator[Link]:
    raise AssertionError("nobody was to open the radio")
    yield


def run(*argv: str, after: Callable[[Path], None] | None = None) -> tuple[Ended, str]:
    """Run a program; `after(scratch)` is called when it has written its first line. Gives what it printed."""

    async def main() -> tuple[Ended, str]:
        reading, writing = os.pipe()
        printed = b""
        with os.fdopen(reading, "rb") as out:
            running = asyncio.ensure_future(run_program(argv, no_radio, CREDENTIALS, stdout=writing))
            loop = asyncio.get_running_loop()
            if after is not None:
                started = loop.create_future()
                loop.add_reader(out, lambda: None if started.done() else started.set_result(None))
                await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
                loop.remove_reader(out)
                printed = out.readline() if started.done() else b""
                after(Path(printed.decode().strip()))
            try:
                ended = await running
            finally:
                os.close(writing)
            printed += out.read()
        return ended, printed.decode()

    return clock.run_real(main())


def python(source: str, *options: str) -> list[str]:
    return [sys.executable, *options, "-c", source]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary directories go; nothing may be left in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    assert [path for path in tmp_path.iterdir() if path.name.startswith("lockbench-")] == []


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_exit_status_passes_through(status: int, scratch: Path) -> None:
    ended, _ = run("sh", "-c", f"exit {status}")
    assert ended.status == status


def test_a_program_killed_by_a_signal_ends_as_a_shell_would_say(scratch: Path) -> None:
    ended, _ = run("sh", "-c", "kill -9 $$")
    assert ended.status == 128 + 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_pass_through(number: signal.Signals, scratch: Path) -> None:
    source = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "signal.pause()"
    )
    ended, _ = run(*python(source), after=lambda _: os.kill(os.getpid(), number))
    assert ended.status == 42


@pytest.mark.parametrize(("foreground", "times"), [(True, 0), (False, 1)])
def test_control_c_reaches_the_program_once(
    foreground: bool, times: int, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "in_foreground", lambda: foreground)

    async def main() -> list[signal.Signals]:
        sent: list[signal.Signals] = []

        class Process:
            def send_signal(self, number: signal.Signals) -> None:
                sent.append(number)

        with program.relayed_signals() as relay:
            relay.to(Process())  # type: ignore[arg-type]  # all that is used of a process
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)
        return sent

    assert clock.run_real(main()) == [signal.SIGINT] * times


def test_a_signal_that_comes_before_the_program_waits_for_it() -> None:
    sent: list[signal.Signals] = []

    class Process:
        def send_signal(self, number: signal.Signals) -> None:
            sent.append(number)

    relay = program.Relay()
    relay.got(signal.SIGTERM)
    relay.to(Process())  # type: ignore[arg-type]  # all that is used of a process
    assert sent == [signal.SIGTERM]


def test_the_program_finds_the_credentials_and_they_are_gone_afterwards(scratch: Path) -> None:
    modes: list[int] = []

    def look(path: Path) -> None:
        modes.extend(stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent))
        assert Credentials.load(path) == CREDENTIALS
        os.write(keep, b"\n")

    source = "import os; print(os.environ['LOCKBENCH_CREDENTIALS'], flush=True); input()"
    stdin, keep = os.pipe()
    saved = os.dup(0)
    os.dup2(stdin, 0)
    try:
        run(*python(source), after=look)
    finally:
        os.dup2(saved, 0)
        for descriptor in (stdin, keep, saved):
            os.close(descriptor)
    assert modes == [0o600, 0o700]


def test_a_program_that_cannot_be_started_is_one_sentence(scratch: Path) -> None:
    with pytest.raises(LocalError, match="cannot run /no/such/program: No such file"):
        run("/no/such/program")


def test_the_sitecustomize_that_the_shim_hides_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.hidden_ran = True\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    source = (
        "import os, sys, sitecustomize\n"
        "print(sys.hidden_ran, sitecustomize.__file__)\n"
        "print([entry for entry in sys.path if 'shim' in entry], os.environ['PYTHONPATH'])"
    )
    _, printed = run(*python(source))
    hidden, paths = printed.splitlines()
    assert hidden == f"True {tmp_path / 'sitecustomize.py'}"
    assert paths == f"[] {program.SHIM}{os.pathsep}{tmp_path}"


def test_a_hidden_sitecustomize_that_fails_fails_as_it_would_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import nothing_of_this_name\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ended, printed = run(*python("import bleak; print(bleak.get_platform_client_backend_type()[1])"))
    assert (ended.status, printed) == (0, "lockbench\n")


def test_looking_for_bleak_does_not_use_the_hook_up_and_loading_it_does(scratch: Path) -> None:
    source = (
        "import importlib, importlib.util, sys\n"
        "spec = importlib.util.find_spec('bleak')\n"
        "print(spec.loader.get_filename('bleak') == spec.origin, 'bleak' in sys.modules)\n"
        "import bleak\n"
        "print(type(bleak.__spec__.loader).__name__, type(sys.meta_path[0]).__name__ == 'BleakFinder')\n"
        "importlib.reload(bleak)\n"
        "print(bleak.get_platform_scanner_backend_type()[1])"
    )
    _, printed = run(*python(source))
    assert printed.splitlines() == ["True False", "SourceFileLoader False", "lockbench"]


def test_without_a_door_the_shim_leaves_bleak_alone(monkeypatch: pytest.MonkeyPatch, scratch: Path) -> None:
    later = "import bleak; print(bleak.get_platform_client_backend_type()[1])"
    source = "import os, sys; del os.environ['LOCKBENCH_DOOR']; os.execv(sys.argv[1], sys.argv[1:])"
    _, printed = run(*python(source), sys.executable, "-c", later)
    assert printed
    assert "lockbench" not in printed


def bleak_0_22(folder: Path) -> None:
    (folder / "bleak").mkdir()
    (folder / "bleak" / "__init__.py").write_text("")
    information = folder / "bleak-0.22.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bleak\nVersion: 0.22.3\n")


def test_bleak_before_1_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    bleak_0_22(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    source = "try:\n    import bleak\nexcept ImportError as error:\n    print(error)"
    ended, printed = run(*python(source))
    assert printed == "lockbench exec serves bleak 1 and newer; this is bleak 0.22.3\n"
    assert ended == Ended(0, opened=False, why="it has bleak 0.22.3, and exec serves bleak 1 and newer")


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["sh", "-c", "true"], "no Python that heeds PYTHONPATH"),
        (python("pass", "-I"), "python -I shuts out PYTHONPATH"),
        (python("pass", "-BE"), "python -E shuts out PYTHONPATH"),
        (python("pass"), "it never imported bleak"),
        (python("import bleak"), "but used neither a scanner nor a client"),
    ],
)
def test_a_program_that_never_opened_the_radio_is_told_why(argv: list[str], why: str, scratch: Path) -> None:
    ended, _ = run(*argv)
    assert not ended.opened
    assert why in ended.why


@pytest.mark.parametrize(
    ("argv", "flag"),
    [
        ("python -I x.py", "-I"),
        ("/usr/bin/python3.11 -X dev -W error -Bs -sE -c pass", "-E"),
        ("python -S -m x", "-S"),
        ("python -m x -I", ""),
        ("python -mx -I", ""),
        ("python -Xdev x.py -I", ""),
        ("python -W -I x.py", ""),
        ("python - -I", ""),
        ("python --version", ""),
        ("node -I", ""),
        ("python", ""),
    ],
)
def test_the_interpreters_own_options_are_told_from_the_programs(argv: str, flag: str) -> None:
    assert isolating_flag(argv.split()) == flag


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        (["python", "python", "bleak 3.1.0"], "imported bleak 3.1.0"),
        (["python", "refused 0.22.3", "python", "bleak 2.1.1"], "imported bleak 2.1.1"),
        (["python", "refused 0.22.3"], "it has bleak 0.22.3"),
    ],
)
def test_of_several_interpreters_the_one_that_got_furthest_counts(notes: Sequence[str], why: str) -> None:
    assert why in why_unopened(["python", "x.py"], notes)
