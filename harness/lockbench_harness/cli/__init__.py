"""The command line: what every command has in common.

A command is imported only when it is asked for, so that `--help` answers in a blink. It raises LocalError for
what it cannot do: that is one sentence on stderr and exit 2. Whatever else it raises is the bench's fault: 3.
"""

from __future__ import annotations

import importlib
from gettext import gettext

import click
from lockbench_protocol import LocalError

INTERRUPTED = 130  # what a shell gives for Ctrl-C

# name -> (module of this package, one line of help); the module holds a click command named `command`
COMMANDS: dict[str, tuple[str, str]] = {
    "conform": ("conform", "Run the conformance suite and write a report."),
    "list": ("list_cases", "List the cases."),
    "mutants": ("mutants", "Show which case finds which faulty lock."),
    "replay": ("replay", "Repeat a saved failure."),
    "demo": ("demo", "The story in ten seconds."),
    "dfu": ("dfu", "Firmware upgrades."),
    "image": ("image", "Make and inspect firmware images."),
    "decode": ("decode", "Explain a frame field by field."),
    "explain": ("explain", "Explain an error code of the plug-in."),
    "exec": ("exec_", "Run an unmodified bleak program against an emulated lock."),
    "bench": ("bench", "Measure speed beside peers."),
    "serve": ("serve", "Put a lock on the air for others."),
    "lock": ("lock", "Use the hands at a lock that is served."),
    "profiles": ("profiles", "Print the lock models and their settings."),
}


class Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{COMMANDS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 - a table row names a command
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except LocalError as error:
            click.echo(f"lockbench: {error}", err=True)
            ctx.exit(2)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own ways to end, and a reader that has left
        except Exception as error:  # noqa: BLE001 - whatever broke, it was ours
            click.echo(f"{_traceback()}lockbench: the bench broke: {type(error).__name__}: {error}", err=True)
            ctx.exit(3)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section(gettext("Commands")):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _traceback() -> str:
    import traceback

    return traceback.format_exc()


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lockbench")
def cli() -> None:
    """A test bench for smart locks that needs no lock."""
