"""PLG: what every call of the plug-in promises, shown with createCustomPasscode, in every version."""

from __future__ import annotations

import asyncio
import re

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect, warn
from lockbench_harness.client.call import Result
from lockbench_harness.client.operations import list_passcodes
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.errors import Language, error_codes
from lockbench_protocol.plugin import Version, contract

from lockbench_conformance.app import (
    LAST_CALLBACK,
    LINK_ENDED,
    OK,
    PLUGIN,
    App,
    NoRadio,
    check_ends,
    check_error,
    expect_code,
)
from lockbench_conformance.stack import BadLink
from lockbench_conformance.words import codes

ADD = ("plugin", "passcodes")  # what createCustomPasscode needs
ANY_VERSION = (*ADD, "versions")
DEPRECATED = frozenset(("errCode", "errMsg", "deviceId"))  # from 3.1.0 on
PIECES = 40  # writes and notifications of adding a passcode, and more
BROKEN_LINK = (10002, 10003, 10004, 10017, 10021, 10033, 10034, 10508)
steps = st.sampled_from(contract().versions[::-1])
LETTERS: dict[Language, str] = {"zh": "[\u4e00-\u9fff]", "en": "[A-Za-z]{2}"}
PLATFORM_WORDS = {10013: "iOS", 10014: "iOS", 10015: "Android", 10045: "Android"}


async def stored(bench: LockBench) -> list[str]:
    async with bench.session() as client:
        return [row.code for row in await client.run(list_passcodes(bench.keys))]


@case(
    "PLG/1",
    clause="createCustomPasscode: Promise",
    needs=ANY_VERSION,
    links=("bare", "air"),
    examples=3,
    code=codes,
    pieces=st.integers(1, PIECES),
    version=steps,
)
async def test_a_call_settles_once(bench: LockBench, code: str, pieces: int, version: str) -> None:
    """Wherever the link breaks, a call settles, once and in bounded time, and what it says is true."""
    release = Version(version)
    app = App(bench, link=BadLink(bench.link, hang_up_after=pieces), version=release)
    result = await app.add(passcode=code)
    told = len(app.ends)
    await asyncio.sleep(5)
    expect(len(app.ends), told, "the number of callbacks after the call has settled")
    expect_code(result, OK, *BROKEN_LINK, version=release)
    check_ends(app.ends, release)
    if result["errorCode"] == OK:
        expect(await stored(bench), [code], "the list of passcodes")
    again = await App(bench).add(passcode=code)
    expect_code(again, OK, 20)  # an answer that was lost leaves the code in the lock
    expect(await stored(bench), [code], "the list of passcodes after another try")


@case(
    "PLG/2",
    clause="createCustomPasscode: result, passcode from 3.0.0",
    needs=ANY_VERSION,
    links=("bare", "air"),
    examples=8,
    code=codes,
    version=steps,
)
async def test_success_has_its_shape(bench: LockBench, code: str, version: str) -> None:
    """A success has errorCode 0, errorMsg, and from 3.0.0 on the passcode as it was written."""
    release = Version(version)
    result = await App(bench, version=release).add(passcode=code)
    expect_code(result, OK, version=release)
    expect(set(result) - DEPRECATED, release.gives("CreateCustomPasscodeResult") - DEPRECATED, "the fields")
    if "passcode" in release.fields("CreateCustomPasscodeResult"):
        expect(result["passcode"], code, "passcode")
    expect(await stored(bench), [code], "the list of passcodes")


@case(
    "PLG/3",
    clause="createCustomPasscode: the types of TTLockError",
    needs=ANY_VERSION,
    links=("bare",),
    examples=4,
    code=st.sampled_from(("13562461", "1")),
    version=steps,
)
async def test_types_are_the_evident_ones(bench: LockBench, code: str, version: str) -> None:
    """Codes and the battery are numbers, all else is text, where the table has booleans that cannot be
    meant."""
    result = await App(bench, version=Version(version)).add(passcode=code)
    for name, value in result.items():
        kind = int if name in ("errorCode", "errCode", "electricQuantity") else str
        expect(type(value), kind, f"the type of {name}")


@case(
    "PLG/4",
    clause="createCustomPasscode: errCode, errMsg, deviceId; deprecated from 3.1.0",
    needs=ANY_VERSION,
    links=("bare",),
    examples=8,
    code=st.sampled_from(("13562461", "1")),
    version=steps,
)
async def test_deprecated_fields_end_with_their_version(bench: LockBench, code: str, version: str) -> None:
    """Results and callbacks have errCode, errMsg and, from 2.7.0 on, deviceId; from 3.1.0 on they have
    none."""
    release = Version(version)
    app = App(bench, version=release)
    result = await app.add(passcode=code)
    for told in (result, *app.ends):
        check_error(told, release)
        here = DEPRECATED & set(told)
        if not DEPRECATED & release.gives("TTLockError"):
            if here:
                warn(f"deprecated fields are still there: {', '.join(sorted(here))}")
            continue
        expect({"errCode", "errMsg"} - here, set(), "the fields of the phone's interface that are missing")
        met = result["errorCode"] == OK  # else the call did not get as far as the lock
        expected = met and "deviceId" in release.fields("TTLockError")
        expect("deviceId" in here, expected, f"is there a deviceId in {version}")


@case(
    "PLG/5",
    clause="TTLockError: electricQuantity from 2.7.0",
    needs=(*ANY_VERSION, "hands"),
    links=("bare", "air"),
    examples=4,
    percent=st.integers(0, 100),
    version=st.sampled_from(("2.6.0", "2.7.0", "3.1.0")),
)
async def test_the_battery_is_told(bench: LockBench, percent: int, version: str) -> None:
    """electricQuantity is the lock's battery in percent, in success and in failure; there is none before
    2.7.0."""
    bench.hands.set_battery(percent)
    release = Version(version)
    app = App(bench, version=release)
    for code in (OK, 20):
        result = await app.add()
        expect_code(result, code, version=release)
        told = percent if "electricQuantity" in release.fields("TTLockError") else None
        expect(result.get("electricQuantity"), told, "electricQuantity")


@case(
    "PLG/6",
    clause="createCustomPasscode: disconnectCallback",
    needs=ANY_VERSION,
    links=("bare", "air"),
    examples=4,
    pieces=st.integers(1, PIECES),
    version=steps,
)
async def test_the_end_of_the_link_is_told_once(bench: LockBench, pieces: int, version: str) -> None:
    """disconnectCallback is called once, as the link ends, whatever it raises, and never without a link."""
    release = Version(version)
    app = App(bench, link=BadLink(bench.link, hang_up_after=pieces), version=release)

    def raising(told: Result) -> None:
        app.ends.append(told)
        raise ValueError("a mistake of the app")

    result = await app.add(disconnectCallback=raising)
    expect(len(app.ends), 1, "how often disconnectCallback was called")
    well = (LAST_CALLBACK,) if result["errorCode"] == OK else ()
    expect_code(app.ends[0], LINK_ENDED, *well, version=release)
    unused = App(bench, link=NoRadio(), version=release)
    await unused.add(passcode="1")
    expect(unused.ends, [], "what it was told without a link")


@case(
    "PLG/9",
    clause="createCustomPasscode: 3.0.0 takes deviceId out",
    needs=ANY_VERSION,
    links=("bare",),
    examples=4,
    version=st.sampled_from([step for step in contract().versions if Version(step).takes_object]),
    device=st.text("0123456789ABCDEF:-", max_size=20) | st.integers() | st.booleans(),
)
async def test_a_device_id_has_no_effect(
    bench: LockBench,
    version: str,
    device: str | int | bool,  # noqa: FBT001 - drawn
) -> None:
    """From 3.0.0 on a deviceId among the options changes nothing, and none is needed."""
    release = Version(version)
    expect_code(await App(bench, version=release).add(deviceId=device), OK, version=release)
    expect(await stored(bench), ["13562461"], "the list of passcodes")


@case(
    "PLG/22",
    clause="plug-in error table: VERSION and ABSENT",
    needs=ANY_VERSION,
    links=("bare",),
    examples=16,
    changes=st.sampled_from(
        (
            {"passcode": "1"},
            {"passcode": ""},
            {"endDate": "x"},
            {"lockData": "x"},
            {"startDate": "1893456000000", "endDate": "1861920000000"},
            {},
        )
    ),
    pieces=st.integers(1, PIECES),
    version=steps,
)
async def test_codes_are_those_of_the_version(
    bench: LockBench, changes: dict[str, object], pieces: int, version: str
) -> None:
    """Whatever goes wrong, no code is told that the version does not have any more or not yet."""
    gone = {code for code, row in error_codes().items() if not row.live(PLUGIN)}
    expect(len(gone), 20, f"the number of codes that {PLUGIN} does not have any more")
    app = App(bench, link=BadLink(bench.link, hang_up_after=pieces), version=Version(version))
    for told in (await app.add(**changes), *app.ends):
        code = int(told["errorCode"])
        live = code in error_codes() and error_codes()[code].live(version)
        expect(live, True, f"is {code} one of {version}")


@case(
    "PLG/23",
    clause="plug-in error table: texts",
    needs=("plugin",),
    links=("bare",),
    examples=2,
    language=st.sampled_from(("zh", "en")),
)
async def test_each_code_has_its_texts(bench: LockBench, language: Language) -> None:
    """Each code has a Chinese and an English text, with placeholders filled in and platforms named."""
    result = await bench.plugin(link=NoRadio(), language=language).create_custom_passcode({})
    told = str(result.get("errorMsg"))
    expect(bool(re.search(LETTERS[language], told)), True, f"is {told!r} a text in {language}")
    for code, row in error_codes().items():
        for each, letters in LETTERS.items():
            expect(bool(re.search(letters, row.text(each))), True, f"is the text of {code} in {each}")
        filled = row.text(language, version="8.0.30", status=502)
        expect("{" in filled, False, f"is a placeholder left in the text of {code}")
    for code, word in PLATFORM_WORDS.items():
        expect(word in error_codes()[code].text(language), True, f"does the text of {code} name {word}")
    for code, value in ((10101, "8.0.30"), (10305, "502")):
        text = error_codes()[code].text(language, version="8.0.30", status=502)
        expect(value in text, True, f"does the text of {code} hold {value}")


@case(
    "PLG/24", clause="plug-in error table: 10101 three times, 10304 cut", needs=("plugin",), links=("bare",)
)
async def test_the_table_has_one_row_a_code(bench: LockBench) -> None:
    """The table's 121 rows are 119 codes: 10101 counts once, and the cut text of 10304 is whole."""
    assert bench.address
    numbers = list(error_codes())
    expect((len(numbers), numbers.count(10101)), (119, 1), "the number of codes, and of 10101 among them")
    expect(error_codes()[10304].zh.startswith("效"), False, "does the text of 10304 lack its first character")
