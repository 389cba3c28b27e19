"""`lockbench lock`: hands at a lock that `serve` or `exec` holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from lockbench_protocol import LocalError

from lockbench_harness.door.hands import ACTIONS, ask


class Listing(click.Command):
    """Its help ends with what hands can do."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Actions"):
            formatter.write_dl(
                [(f"{name} {row.arguments}".strip(), row.help) for name, row in ACTIONS.items()]
            )


@click.command(cls=Listing, context_settings={"ignore_unknown_options": True})
@click.option(
    "--at",
    "path",
    metavar="SOCKET",
    type=click.Path(path_type=Path),
    envvar="LOCKBENCH_LOCK",
    help="The socket that serve prints; in a program that exec runs, LOCKBENCH_LOCK names it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("action", required=False)
@click.argument("words", nargs=-1)
def command(path: Path | None, action: str | None, words: tuple[str, ...], *, as_json: bool) -> None:
    """Do something at the door of a served lock, and print what happened."""
    if path is None:
        raise LocalError("say with --at which lock: the socket that lockbench serve prints")
    found = ask(path, action or "look", words)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join([*map(_line, found["happened"]), _line({"what": "lock", **found["lock"]})]))


def _line(event: dict[str, Any]) -> str:
    detail = " ".join(f"{key}={_plain(value)}" for key, value in event.items() if key != "what")
    return f"{event['what']:<8}{detail}".rstrip()


def _plain(value: object) -> str:
    if value is None:
        return "-"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
