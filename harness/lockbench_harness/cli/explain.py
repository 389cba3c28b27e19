"""`lockbench explain`: what an error code of the plug-in means, why it comes and what to do."""

from __future__ import annotations

import json

import click
from lockbench_protocol import LocalError
from lockbench_protocol.errors import ErrorCode, error_code, error_codes


def versions(code: ErrorCode) -> str:
    since = f"from {code.since}" if code.since else "from the first version"
    return f"{since}, gone in {code.until}" if code.until else since


def page(code: ErrorCode) -> str:
    rows = [("zh", code.zh), ("en", code.en), ("cause", code.cause), ("next", code.step)]
    return "\n".join([f"{code.number} ({versions(code)})", *(f"  {name:<6} {text}" for name, text in rows)])


@click.command(context_settings={"ignore_unknown_options": True})  # -4 to -1 are codes, not options
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, code: str | None, *, as_json: bool) -> None:
    """Explain an error CODE of the plug-in, or list them all."""
    try:
        found = [error_code(_number(code))] if code is not None else list(error_codes().values())
    except LocalError as error:
        click.echo(f"{error}.", err=True)
        context.exit(2)
    if as_json:
        rows = [row.as_json() for row in found]
        click.echo(json.dumps(rows[0] if code is not None else {"codes": rows}, ensure_ascii=False))
    elif code is not None:
        click.echo(page(found[0]))
    else:
        click.echo("\n".join(f"{row.number:>6}  {row.en}" for row in found))


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise LocalError(f"an error code is a number, not {text!r}") from None
