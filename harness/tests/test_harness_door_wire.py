import ast
import json
import sys
from contextlib import suppress
from dataclasses import fields
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.door.wire import (
    FIELDS,
    MAX_LINE,
    OPERATIONS,
    Code,
    Connect,
    Hello,
    Lines,
    Malformed,
    Write,
    encode,
    parse,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
near_requests = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(-1, 3) | json_values,
        "op": st.sampled_from([*OPERATIONS, "fly"]) | json_values,
        **dict.fromkeys(FIELDS, json_values),
    },
)


@given(st.binary())
def test_any_bytes_are_a_request_or_malformed(line: bytes) -> None:
    with suppress(Malformed):
        assert type(parse(line)[1]) in OPERATIONS.values()


@given(near_requests)
def test_anything_like_a_request_is_one_or_malformed(message: dict[str, object]) -> None:
    try:
        request_id, request = parse(encode(message))
    except Malformed as error:
        assert str(error)
    else:
        assert request_id == message["id"]
        assert type(request) is OPERATIONS[str(message["op"])]


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b""))), st.data())
def test_lines_come_out_whole_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cutter, found = Lines(limit=20), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += cutter.feed(stream[:size])
        stream = stream[size:]
    assert found == [line if len(line) <= 20 else None for line in lines]


def test_a_long_line_is_told_before_its_end_and_not_kept() -> None:
    cutter = Lines(limit=4)
    assert cutter.feed(b"123456") == [None]
    assert cutter.feed(b"7" * 100) == []
    assert cutter.feed(b"8\nok\n") == [b"ok"]


def test_every_field_of_every_operation_has_a_meaning() -> None:
    used = {field.name for kind in OPERATIONS.values() for field in fields(kind)}
    assert used == set(FIELDS)


def test_defaults_are_filled_in_and_case_is_settled() -> None:
    line = b'{"id": 1, "op": "connect", "connection": 2, "address": "c2:11:22:33:44:5a"}'
    assert parse(line) == (1, Connect(2, "C2:11:22:33:44:5A", 10.0, 23))
    line = b'{"id":"w","op":"write","connection":2,"characteristic":"FFF2","value":"7F5A","response":true}'
    assert parse(line) == ("w", Write(2, "fff2", b"\x7f\x5a", response=True))
    assert parse(b'{"id":0,"op":"hello","version":1}') == (0, Hello(1))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("7f5a", "not JSON"),
        ("[" * 20000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"op":"scan","on":true}', "id must be"),
        ('{"id":true,"op":"scan","on":true}', "id must be"),
        ('{"id":1,"op":"fly"}', "op must be one of: hello, scan"),
        ('{"id":1,"op":["scan"]}', "op must be one of"),
        ('{"id":1,"op":"scan"}', "scan needs on"),
        ('{"id":1,"op":"scan","on":1}', "on must be true or false"),
        ('{"id":1,"op":"scan","on":true,"off":1}', "scan knows no off"),
        ('{"id":1,"op":"connect","connection":1,"address":"lock"}', "address must be an address like"),
        ('{"id":1,"op":"discover","connection":-1}', "connection must be a whole number"),
        ('{"id":1,"op":"read","connection":1,"characteristic":"fff"}', "characteristic must be a UUID"),
        (
            json.dumps(
                {"id": 1, "op": "write", "connection": 1, "characteristic": "fff2", "value": "7" * 1026}
            ),
            "value must be at most 512 bytes in hex",
        ),
        ('{"id":1,"op":"write","connection":1,"characteristic":"fff2","value":"7 f5"}', "value must be"),
        (
            '{"id":1,"op":"connect","connection":1,"address":"C2:11:22:33:44:55","timeout":NaN}',
            "timeout must be",
        ),
        ('{"id":1,"op":"connect","connection":1,"address":"C2:11:22:33:44:55","mtu":22}', "mtu must be"),
        ('{"id":1,"op":"connect","connection":1,"address":"C2:11:22:33:44:55","mtu":"23"}', "mtu must be"),
    ],
)
def test_a_wrong_line_is_told_in_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence.replace("^", r"\^")):
        parse(line.encode())


def test_the_longest_request_fits_a_line() -> None:
    assert MAX_LINE > 2 * 512 + 1000


def test_the_readme_names_every_operation_field_and_error() -> None:
    readme = (files("lockbench_harness.door") / "README.md").read_text()
    for word in (*OPERATIONS, *FIELDS, *Code):
        assert f"`{word}`" in readme
    assert f"at most {MAX_LINE} bytes" in readme


def test_the_shim_imports_the_standard_library_and_bleak_only() -> None:
    for name in ("sitecustomize.py", "lockbench_bleak.py"):
        tree = ast.parse((files("lockbench_harness.door.shim") / name).read_text(), feature_version=(3, 9))
        roots = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        roots |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        foreign = {root.partition(".")[0] for root in roots} - sys.stdlib_module_names
        assert foreign <= {"bleak", "sitecustomize"}
