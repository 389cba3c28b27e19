"""`lockbench explain`: what an error code of the plug-in means, why it comes and what to do.

`--provoke` lets the case of the codes (PLG/21) bring about this one, and shows what passed.
"""

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
    if code.instead:
        rows.append(("else", f"versions without it tell {' or '.join(map(str, code.instead))}"))
    return "\n".join([f"{code.number} ({versions(code)})", *(f"  {name:<6} {text}" for name, text in rows)])


@click.command(context_settings={"ignore_unknown_options": True})  # -4 to -1 are codes, not options
@click.argument("code", required=False)
@click.option("--provoke", is_flag=True, help="Bring it about on an emulated lock; print what passes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, code: str | None, *, provoke: bool, as_json: bool) -> None:
    """Explain an error CODE of the plug-in, or list them all.

    Exit codes: 0 explained (and told, with --provoke), 1 another code was told, 2 no such code, 3 the bench
    broke.
    """
    found = [error_code(_number(code))] if code is not None else list(error_codes().values())
    if provoke and code is None:
        raise LocalError("--provoke needs a code")
    if provoke:
        context.exit(_provoke(found[0], as_json=as_json))
    if as_json:
        rows = [row.as_json() for row in found]
        click.echo(json.dumps(rows[0] if code is not None else {"codes": rows}, ensure_ascii=False))
    elif code is not None:
        click.echo(page(found[0]))
    else:
        click.echo("\n".join(f"{row.number:>6}  {row.en}" for row in found))


def _provoke(code: ErrorCode, *, as_json: bool) -> int:
    """Run the one scenario; the exit code."""
    from lockbench_harness.cases import load
    from lockbench_harness.failures import Failure, repeat
    from lockbench_harness.stage import Setting
    from lockbench_harness.suite import SUITE
    from lockbench_harness.targets.emulated import EmulatedTarget
    from lockbench_harness.trace import Trace
    from lockbench_harness.verdicts import Verdict, judge

    case = next(case for case in load(SUITE) if case.id == CASE)
    target, trace = EmulatedTarget(PROFILE), Trace()
    failure = Failure(case.id, target.name, PROFILE, case.seed(1), "bare", {"code": code.number}, None)
    verdict, why = Verdict.PASS, ""
    try:
        repeat(failure, case, Setting(target, failure.link, failure.seed), trace)
    except Exception as error:  # noqa: BLE001 - every error becomes a verdict
        verdict, why = judge(error, case.home), str(error)
    events = [json.loads(line) for line in trace.lines]
    if as_json:
        told = {"verdict": verdict, "why": why, "trace": events}
        click.echo(json.dumps(code.as_json() | told, ensure_ascii=False))
    else:
        click.echo("\n".join([page(code), "", *map(_line, events), *filter(None, [why])]))
    return {Verdict.PASS: 0, Verdict.FAIL: 1}.get(verdict, 3)


CASE, PROFILE = "PLG/21", "full"  # a lock with every feature


def _line(event: dict[str, object]) -> str:
    shown = " ".join(
        f"{name}={value}" for name, value in event.items() if name not in ("t", "kind") and value != ""
    )
    return f"{event['t']:>9}  {event['kind']:<12} {shown}"


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise LocalError(f"an error code is a number, not {text!r}") from None
