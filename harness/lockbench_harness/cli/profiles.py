"""`lockbench profiles`: the lock models, and every key of a profile with its value and its source."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lockbench_emulator.profiles import LockProfile

CHANGED = "*"


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(name: str | None, *, as_json: bool) -> None:
    """Print the lock models, or every key of the profile NAME (or of a TOML file)."""
    from lockbench_emulator import profiles

    if name is None:
        found = [profiles.load_profile(each) for each in profiles.names()]
        click.echo(json.dumps({"profiles": [_model(each) for each in found]}) if as_json else _table(found))
        return
    profile = profiles.load_profile(name)
    click.echo(json.dumps({**_model(profile), "keys": _keys(profile)}) if as_json else _page(profile))


def _model(profile: LockProfile) -> dict[str, Any]:
    model = profile.model
    return {
        "name": profile.name,
        "model": model.name,
        "scene": model.scene,
        "protocol_version": model.protocol_version,
        "keypad": model.keypad,
        "features": list(model.features),
    }


def _keys(profile: LockProfile) -> list[dict[str, Any]]:
    from lockbench_emulator.profiles import keys, load_profile, value_of

    default = load_profile("default")
    return [
        {
            "key": key.name,
            "value": value_of(profile, key),
            "default": value_of(default, key),
            "means": key.means,
            "source": key.source,
        }
        for key in keys()
    ]


def _table(found: list[LockProfile]) -> str:
    lines = [f"{'profile':<10}{'model':<8}{'scene':>5}  {'features'}"]
    for profile in found:
        model = profile.model
        generation = "" if model.protocol_version == 3 else " (V2S)"
        lines.append(
            f"{profile.name:<10}{model.name:<8}{model.scene:>5}  {len(model.features)}{generation}: "
            f"{', '.join(model.features)}"
        )
    return "\n".join([*lines, "", "lockbench profiles NAME prints every key of one, with value and source."])


def _page(profile: LockProfile) -> str:
    rows = _keys(profile)
    width = max(len(row["key"]) for row in rows)
    lines = [f"{profile.name}: what differs from the default is marked {CHANGED}. Sources are of ttlock-ble."]
    for row in rows:
        mark = " " if row["value"] == row["default"] else CHANGED
        value = ", ".join(row["value"]) if isinstance(row["value"], tuple) else row["value"]
        lines += [
            f"{mark} {row['key']:<{width}}  {value!s}",
            f"  {'':<{width}}  {row['means']} [{row['source']}]",
        ]
    return "\n".join(lines)
