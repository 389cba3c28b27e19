"""A site from a YAML file: planted whole or not at all, and every mistake has its line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.store import Store
from lockbench_harness.cli import cli
from lockbench_harness.clouds import Wanted, serving_clouds
from lockbench_harness.site.seed import load_seed
from lockbench_protocol import LocalError

TEXT = """\
locks:
  - {uuid: front, profile: padlock, seed: 7}
dding:
  - tenant: acme
    clients:
      - {client_id: ann, secret: s3cret}
      - {client_id: sam, secret: s3cret, role: steward, name: Sam}
    homes:
      - home_id: h1
        name: First Street 1
        rooms:
          - {room_id: r1, name: Room}
        devices:
          - {uuid: g1, type: gateway}
          - {uuid: front, type: home_lock, admin_code: "135790"}
          - {uuid: inner, type: room_lock, room_id: r1}
ttlock:
  - client_id: app
    secret: s
    users: [{username: bob, password: p}]
aiot:
  - appid: a
    appkey: k
    devices:
      - {did: front, open_id: u, model: lock, version: 6.4.33}
"""
LINES = TEXT.splitlines()


def file(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_site_of_the_examples_can_be_planted() -> None:
    assert load_seed(Path(__file__).parents[2] / "examples" / "site.yaml").seed.locks[0].uuid == "front"


def test_a_site_stands_as_its_file_says(tmp_path: Path) -> None:
    async def story() -> None:
        wanted = Wanted(site=file(tmp_path, TEXT))
        async with serving_clouds(wanted) as clouds, aiohttp.ClientSession() as http:

            async def ask(path: str, **fields: object) -> dict[str, object]:
                async with http.post(clouds[0].address + path, json=fields) as answer:
                    found: dict[str, object] = await answer.json()
                    assert found["ErrNo"] == 0, found
                    return found

            await ask("/_bench/time/advance", seconds=1)
            look = (await ask("/_bench/site/look", uuid="front"))["result"]
            assert isinstance(look, dict)
            assert look["codes"] == ["135790"]
            login = {"client_id": "ann", "client_secret": "s3cret"}
            token = (await ask("/openapi/v1/access_token", **login))["access_token"]
            await ask("/openapi/v1/find_home_state", access_token=token, home_id="h1")

    asyncio.run(story())


def change(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (change("role: steward", "role: king"), r"line 7: dding\.0\.clients\.1\.role"),
        (change("    secret: s\n", ""), r"line 18: ttlock\.0\.secret: Field required"),
        (change("home_id: h1", "home: h1"), r"line 9: dding\.0\.homes\.0\.home_id: Field required"),
        (change("room_id: r1, name", "room_id: r1, nom"), r"line 12: .*nom: Extra inputs"),
        (change('"135790"', '"1357"'), r"line 15: .*admin_code"),
        (change("seed: 7", "seed: 7, seed: 8"), "line 2: seed comes twice"),
        (change("locks:", "locks: ["), r"line \d+: "),
        (change("profile: padlock", "profile: none such"), "line 2: .*none such"),
        (change("room_lock, room_id: r1", "home_lock"), "line 4: 15008"),
        (change("- {uuid: g1, type: gateway}\n          ", ""), "line 4: 15006"),
        ("", "is empty"),
        ("a: !!python/object:os.system {}", "line 1: could not determine a constructor"),
        ("- 1", "line 1: the file"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_nothing_is_planted(
    tmp_path: Path, text: str, sentence: str
) -> None:
    async def story() -> None:
        store = str(tmp_path / "store")
        with pytest.raises(LocalError, match=f"site.yaml.*{sentence}"):
            async with serving_clouds(Wanted(site=file(tmp_path, text), store=store)):
                pass
        with Store(store) as after:
            assert not after.all("SELECT uuid FROM site_locks UNION SELECT home_id FROM dding_homes")

    asyncio.run(story())


@settings(max_examples=60)
@given(
    at=st.integers(0, len(LINES) - 1),
    new=st.text(st.characters(codec="utf-8"), max_size=12)
    | st.sampled_from(["- &a [*a]", "x: {", "\t", "? : :", "<<: 1"]),
    keep=st.booleans(),
)
def test_any_other_file_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, at: int, new: str, keep: bool
) -> None:
    lines = [*LINES[:at], *([LINES[at]] if keep else []), new, *LINES[at + 1 :]]
    path = file(tmp_path_factory.getbasetemp(), "\n".join(lines))
    try:
        load_seed(path)
    except LocalError as error:
        assert "site.yaml" in str(error)


def test_the_command_says_what_is_wrong_and_ends_with_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["serve", "--cloud", "--site", str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    assert "none.yaml" in result.stderr
