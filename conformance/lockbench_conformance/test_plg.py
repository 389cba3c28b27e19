"""PLG: what every call of the plug-in promises, shown with createCustomPasscode. Version 3.1.0."""

from __future__ import annotations

import asyncio
import re

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect, warn
from lockbench_harness.client.call import Result
from lockbench_harness.client.operations import list_passcodes
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.errors import Language, error_codes

from lockbench_conformance.app import (
    ERROR_FIELDS,
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
DEPRECATED = frozenset(("errCode", "errMsg", "deviceId"))  # from 3.1.0 on
PIECES = 40  # writes and notifications of adding a passcode, and more
BROKEN_LINK = (10002, 10003, 10004, 10017, 10033, 10034, 10508)
PLATFORM_WORDS = {10013: "iOS", 10014: "iOS", 10015: "Android", 10045: "Android"}


async def stored(bench: LockBench) -> list[str]:
    async with bench.session() as client:
        return [row.code for row in await client.run(list_passcodes(bench.keys))]


@case(
    "PLG/1",
    clause="createCustomPasscode: Promise",
    needs=ADD,
    links=("bare", "air"),
    examples=3,
    code=codes,
    pieces=st.integers(1, PIECES),
)
async def test_a_call_settles_once(bench: LockBench, code: str, pieces: int) -> None:
    """Wherever the link breaks, a call settles, once and in bounded time, and what it says is true."""
    app = App(bench, link=BadLink(bench.link, hang_up_after=pieces))
    settled: list[Result] = []
    async with asyncio.timeout(60):
        settled.append(await app.add(passcode=code))
    told = len(app.ends)
    await asyncio.sleep(5)
    expect(len(app.ends), told, "the number of callbacks after the call has settled")
    (result,) = settled
    expect_code(result, OK, *BROKEN_LINK)
    check_ends(app.ends)
    if result["errorCode"] == OK:
        expect(await stored(bench), [code], "the list of passcodes")
    again = await App(bench).add(passcode=code)
    expect_code(again, OK, 20)  # an answer that was lost leaves the code in the lock
    expect(await stored(bench), [code], "the list of passcodes after another try")


@case(
    "PLG/2",
    clause="createCustomPasscode: result, passcode from 3.0.0",
    needs=ADD,
    links=("bare", "air"),
    examples=3,
    code=codes,
)
async def test_success_has_its_shape(bench: LockBench, code: str) -> None:
    """A success has errorCode 0, errorMsg, and the passcode as it was written."""
    result = await App(bench).add(passcode=code)
    expect_code(result, OK)
    expect(
        set(result) - {"electricQuantity"}, {"errorCode", "errorMsg", "description", "passcode"}, "the fields"
    )
    expect(result["passcode"], code, "passcode")
    expect(await stored(bench), [code], "the list of passcodes")


@case(
    "PLG/3",
    clause="createCustomPasscode: the types of TTLockError",
    needs=ADD,
    links=("bare",),
    examples=4,
    code=st.sampled_from(("13562461", "1")),
)
async def test_types_are_the_evident_ones(bench: LockBench, code: str) -> None:
    """errorCode and electricQuantity are numbers, errorMsg and description texts, whatever the table says."""
    result = await App(bench).add(passcode=code)
    check_error(result)
    for name, kind in (
        ("errorCode", int),
        ("errorMsg", str),
        ("description", str),
        ("electricQuantity", int),
    ):
        if name in result:
            expect(type(result[name]), kind, f"the type of {name}")


@case(
    "PLG/4",
    clause="createCustomPasscode: deprecated from 3.1.0",
    needs=ADD,
    links=("bare",),
    examples=4,
    code=st.sampled_from(("13562461", "1")),
)
async def test_deprecated_fields_are_gone(bench: LockBench, code: str) -> None:
    """errCode, errMsg and deviceId are in no result and in no callback."""
    app = App(bench)
    for told in (await app.add(passcode=code), *app.ends):
        kept = sorted(DEPRECATED & set(told))
        if kept:
            warn(f"deprecated fields are still there: {', '.join(kept)}")
        expect(
            set(told) - DEPRECATED <= ERROR_FIELDS | {"passcode"},
            True,
            f"are the fields {sorted(told)} known",
        )


@case(
    "PLG/5",
    clause="TTLockError: electricQuantity from 2.7.0",
    needs=(*ADD, "hands"),
    links=("bare", "air"),
    examples=2,
    percent=st.integers(0, 100),
)
async def test_the_battery_is_told(bench: LockBench, percent: int) -> None:
    """electricQuantity is the lock's battery in percent, in success and in failure."""
    bench.hands.set_battery(percent)
    app = App(bench)
    for code in (OK, 20):
        result = await app.add()
        expect_code(result, code)
        expect(result.get("electricQuantity"), percent, "electricQuantity")


@case(
    "PLG/6",
    clause="createCustomPasscode: disconnectCallback",
    needs=ADD,
    links=("bare", "air"),
    examples=3,
    pieces=st.integers(1, PIECES),
)
async def test_the_end_of_the_link_is_told_once(bench: LockBench, pieces: int) -> None:
    """disconnectCallback is called once, as the link ends, with a TTLockError; never without a link."""
    app = App(bench, link=BadLink(bench.link, hang_up_after=pieces))
    await app.add()
    expect([end["errorCode"] for end in app.ends], [LINK_ENDED], "what disconnectCallback was told")
    check_error(app.ends[0])
    unused = App(bench, link=NoRadio())
    await unused.add(passcode="1")
    expect(unused.ends, [], "what it was told without a link")


@case(
    "PLG/9",
    clause="createCustomPasscode: 3.0.0 takes deviceId out",
    needs=ADD,
    links=("bare",),
    examples=4,
    device=st.text("0123456789ABCDEF:-", max_size=20) | st.integers() | st.booleans(),
)
async def test_a_device_id_has_no_effect(bench: LockBench, device: str | int | bool) -> None:  # noqa: FBT001 - drawn
    """A deviceId among the options changes nothing."""
    expect_code(await App(bench).add(deviceId=device), OK)
    expect(await stored(bench), ["13562461"], "the list of passcodes")


@case(
    "PLG/22",
    clause="plug-in error table: VERSION and ABSENT",
    needs=ADD,
    links=("bare",),
    examples=8,
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
)
async def test_codes_are_those_of_the_version(
    bench: LockBench, changes: dict[str, object], pieces: int
) -> None:
    """Whatever goes wrong, no code is told that this version does not have any more or not yet."""
    gone = {code for code, row in error_codes().items() if not row.live(PLUGIN)}
    expect(len(gone), 20, f"the number of codes that {PLUGIN} does not have any more")
    app = App(bench, link=BadLink(bench.link, hang_up_after=pieces))
    for told in (await app.add(**changes), *app.ends):
        expect(
            told["errorCode"] in error_codes().keys() - gone,
            True,
            f"is {told['errorCode']} a code of {PLUGIN}",
        )


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
    expect(result["errorMsg"], error_codes()[11003].text(language), f"errorMsg in {language}")
    for code, row in error_codes().items():
        expect(bool(re.search("[\u4e00-\u9fff]", row.zh)), True, f"is the text of {code} Chinese")
        expect(bool(re.search("[A-Za-z]{2}", row.en)), True, f"is the text of {code} English")
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
