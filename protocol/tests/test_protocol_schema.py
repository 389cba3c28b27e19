"""The compiled functions against interpreted construct, the oracle: same objects, same bytes, same errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from construct import (
    Array,
    BytesInteger,
    Checksum,
    Const,
    Construct,
    Container,
    ExprAdapter,
    FormatField,
    GreedyBytes,
    GreedyRange,
    IfThenElse,
    Int8ub,
    Int16ub,
    Int24ub,
    Int24ul,
    Int32ul,
    Pass,
    Prefixed,
    RawCopy,
    Renamed,
    Select,
    Struct,
    Switch,
    Terminated,
    Transformed,
    obj_,
    this,
)
from construct.core import Padded, StringEncoded, evaluate
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_protocol.lock import frame
from lockbench_protocol.lock.advertising import MANUFACTURER_DATA
from lockbench_protocol.lock.commands import COMMANDS, info, log, passcode
from lockbench_protocol.schema import Codec, NotCompilable, codec, interpreted, refused
from lockbench_protocol.telink import image, ota

SCHEMAS: dict[str, Construct] = {
    "frame": frame.FRAME,
    "textbook frame": frame.FRAME_TEXTBOOK,
    "legacy frame": frame.LEGACY_FRAME,
    "manufacturer data": MANUFACTURER_DATA,
    "state push": info.STATE_PUSH,
    "record push": info.RECORD_PUSH,
    "log record": log.RECORD,
    "log record body": log.RECORD_BODY,
    "passcode record": passcode.RECORD,
    "image header": image.HEADER,
    "data PDU": ota.data_schema(16),
    "long data PDU": ota.data_schema(240),
    **{f"{name} PDU": schema for name, schema in ota.COMMANDS.items()},
    **{f"{row.name} request": row.request for row in COMMANDS.values()},
    **{f"{row.name} reply": row.reply for row in COMMANDS.values()},
    # what no schema of ours has, in one
    "all the rest": Struct(
        "little" / Int32ul,
        "three" / Int24ub,
        "swapped" / Int24ul,
        "word" / BytesInteger(5),
        "constant" / Const(7, Int16ub),
        "pair" / Array(2, Struct("a" / Int8ub, "b" / Prefixed(Int16ub, GreedyBytes))),
        "either" / IfThenElse(this.three > 9, Int16ub, Struct("x" / Int8ub)),
        "words" / Prefixed(Int8ub, GreedyRange(Int32ul)),
        "end" / Const(b"end"),
    ),
}
names = st.sampled_from(sorted(SCHEMAS))
many = settings(max_examples=400)


class Fast(Codec[Any]):
    """A codec that never goes the slow way."""

    def parse_slowly(self, data: bytes) -> Any:
        raise AssertionError(f"{data.hex()} took the slow way")

    def build_slowly(self, given: Any) -> bytes:
        raise AssertionError(f"{given} took the slow way")


def outcome(function: Callable[[Any], Any], argument: Any) -> tuple[object, str]:
    """The result and its form, or the error's type and text."""
    try:
        result = function(argument)
    except Exception as error:  # noqa: BLE001 - whatever construct raises is the expectation
        return type(error), str(error)
    return result, repr(result)


def draw_value(draw: Any, node: Construct, row: Container) -> Any:  # noqa: PLR0912 - one branch a construct
    """An object that `node` can hold. `row` has the earlier fields of its Struct."""
    if isinstance(node, Renamed):
        return draw_value(draw, node.subcon, row)
    if isinstance(node, FormatField | BytesInteger):
        few = [key for key in row.get("_keys", ()) if 0 <= key < 256]
        whole = st.integers(0, 256**node.length - 1)
        return draw(st.sampled_from(few) | whole if few else whole)
    if isinstance(node, Struct):
        return draw_struct(draw, node)
    if isinstance(node, RawCopy):
        return {"value": draw_value(draw, node.subcon, row)}
    if isinstance(node, StringEncoded):
        return draw(st.text(st.characters(codec="ascii"), max_size=12))
    if isinstance(node, Prefixed):
        return draw_value(draw, node.subcon, row)
    if isinstance(node, Const):
        return draw(st.sampled_from([None, node.value]))
    if isinstance(node, IfThenElse):
        taken = node.thensubcon if evaluate(node.condfunc, row) else node.elsesubcon
        return draw_value(draw, taken, row)
    if isinstance(node, Switch):
        return draw_value(draw, node.cases.get(evaluate(node.keyfunc, row), node.default), row)
    if isinstance(node, Select):
        return draw_value(draw, draw(st.sampled_from(node.subcons)), row)
    if isinstance(node, GreedyRange | Array):
        count = node.count if isinstance(node, Array) else draw(st.integers(0, 3))
        return [draw_value(draw, node.subcon, row) for _ in range(count)]
    if isinstance(node, Transformed):
        fields = node.subcon.subcons
        return {sub.name: draw(st.integers(0, 2**sub.subcon.length - 1)) for sub in fields}
    if node is GreedyBytes:
        return draw(st.binary(max_size=12))
    if node is Pass or node is Terminated or isinstance(node, Padded | Checksum):
        return None
    return draw(st.binary(min_size=node.length, max_size=node.length))


def draw_struct(draw: Any, node: Struct) -> dict[str, Any]:
    keys = [
        key
        for sub in node.subcons
        if isinstance(sub.subcon if isinstance(sub, Renamed) else sub, Switch)
        for key in sub.subcon.cases
    ]
    row = Container(_keys=keys or [0, 1, 2, 3, 4])
    for sub in node.subcons:
        value = draw_value(draw, sub, row)
        if sub.name:
            row[sub.name] = value
    return {name: value for name, value in row.items() if name != "_keys"}


def valid(data: st.DataObject, schema: Construct) -> Any:
    return draw_value(data.draw, schema, Container())


def damaged(data: st.DataObject, raw: bytes) -> bytes:
    """Cut, extended, or with one byte changed."""
    at = data.draw(st.integers(0, len(raw)))
    form = data.draw(st.sampled_from(["cut", "extended", "changed"]))
    if form == "cut":
        return raw[:at]
    more = data.draw(st.binary(min_size=1, max_size=3))
    return raw[:at] + more + raw[at + 1 :] if form == "changed" else raw + more


def spoiled(data: st.DataObject, value: Any) -> Any:
    """With one field, at any depth, left out or replaced by something odd."""
    odd: st.SearchStrategy[Any] = st.sampled_from(
        [None, -1, 1 << 70, 1.5, "text", "\N{SNOWMAN}", b"", b"12345", bytearray(4), [], {}]
    )
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.integers(0, 3)) == 0:
            return {key: inner for key, inner in value.items() if key != name}
        return {**value, name: spoiled(data, value[name])}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [spoiled(data, value[0]), *value[1:]]
    return data.draw(odd)


@many
@given(names, st.data())
def test_valid_objects_are_built_and_parsed_as_construct_does_and_fast(
    name: str, data: st.DataObject
) -> None:
    schema, fast = SCHEMAS[name], fast_codecs[name]
    value = valid(data, schema)
    expected = outcome(schema.build, value)
    if isinstance(expected[0], bytes):
        assert outcome(fast.build, value) == expected
        assert outcome(codecs[name].parse, expected[0]) == outcome(schema.parse, expected[0])
        assert fast.parse(expected[0]) == schema.parse(expected[0])
    else:  # the lengths of a variable part did not fit
        assert outcome(codecs[name].build, value) == expected


@many
@given(names, st.data())
def test_damaged_bytes_give_the_object_or_the_error_of_construct(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    value = valid(data, schema)
    built = outcome(schema.build, value)[0]
    raw = damaged(data, built if isinstance(built, bytes) else b"")
    assert outcome(codecs[name].parse, raw) == outcome(schema.parse, raw)


@many
@given(names, st.binary(max_size=60))
def test_any_bytes_give_the_object_or_the_error_of_construct(name: str, raw: bytes) -> None:
    schema = SCHEMAS[name]
    assert outcome(codecs[name].parse, raw) == outcome(schema.parse, raw)


@many
@given(names, st.data())
def test_spoiled_objects_give_the_bytes_or_the_error_of_construct(name: str, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    value = spoiled(data, valid(data, schema))
    assert outcome(codecs[name].build, value) == outcome(schema.build, value)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_of_ours_compiles(name: str) -> None:
    codecs[name].compile()
    assert codecs[name].compiled


def test_the_records_of_frames_compile() -> None:
    for each in frame.CODECS:
        each.compile()
        assert "hash" not in each.text  # the CRC is walked in place


@pytest.mark.parametrize(
    "schema",
    [
        ExprAdapter(Int8ub, obj_ * 2, obj_ // 2),
        Struct("a" / Int8ub * print),
        Struct("a" / Array(this.b, Int8ub)),
        Struct("obj" / Int8ub),
        GreedyRange(Pass),
        Prefixed(Int8ub, RawCopy(Int8ub)),
    ],
)
def test_what_the_emitters_do_not_know_stays_interpreted(schema: Construct) -> None:
    with pytest.raises(NotCompilable):
        Codec(schema).compile()


def test_a_schema_that_does_not_compile_works_all_the_same() -> None:
    doubled: Codec[int] = Codec(ExprAdapter(Int8ub, obj_ * 2, obj_ // 2))
    for _ in range(Codec.patience + 1):
        assert (doubled.parse(b"\x02"), doubled.build(6)) == (4, b"\x03")
    assert not doubled.compiled
    assert doubled in refused()


def test_a_codec_compiles_when_it_has_been_used_a_few_times() -> None:
    each = codec(Struct("a" / Int8ub))
    for _ in range(Codec.patience):
        assert each.parse(b"\x02").a == 2
    assert not each.compiled
    assert each.build({"a": 2}) == b"\x02"
    assert each.compiled
    assert each.parse(b"\x02").a == 2


def test_inside_interpreted_every_codec_is_construct_and_afterwards_none() -> None:
    each = codec(MANUFACTURER_DATA)
    each.compile()
    fast = each.parse
    with interpreted():
        assert each.parse == each.parse_slowly
        assert Codec(MANUFACTURER_DATA).build.__name__ == "build_slowly"
    assert each.parse is fast


def test_the_same_construct_is_compiled_once() -> None:
    assert codec(COMMANDS[0x41].request) is codec(COMMANDS[0x41].request)


codecs: dict[str, Codec[Any]] = {name: Codec(schema) for name, schema in SCHEMAS.items()}
fast_codecs = {name: Fast(schema) for name, schema in SCHEMAS.items()}
for each in (*codecs.values(), *fast_codecs.values()):
    each.compile()
