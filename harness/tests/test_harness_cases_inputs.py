"""The codec of inputs: whatever a case may draw can be repeated from a file."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum, IntFlag

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.inputs import decode, encode, register
from lockbench_protocol import LocalError


@register
class Kind(IntEnum):
    PERMANENT = 1
    PERIOD = 2


@register
@dataclass(frozen=True)
class Window:
    kind: Kind
    start: datetime
    codes: tuple[str, ...]


@register
class Bits(IntFlag):
    OPEN = 1
    SETTING = 4


class Stranger(Enum):
    ONE = 1


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.sampled_from(Kind)
    | st.integers(0, 7).map(Bits)
)
windows = st.builds(Window, st.sampled_from(Kind), st.datetimes(), st.lists(st.text()).map(tuple))
hashable = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.sampled_from(Kind)
values = st.recursive(
    scalars | windows,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(hashable, inner),
    max_leaves=12,
)


@given(values)
def test_what_is_written_to_a_file_comes_back_as_it_was(value: object) -> None:
    again = decode(json.loads(json.dumps(encode(value))))
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, Stranger.ONE, Stranger, lambda: 0, 1j, [object()]])
def test_what_could_not_be_repeated_is_refused(value: object) -> None:
    with pytest.raises(LocalError):
        encode(value)


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"hex": "xy"},
        {"hex": 1},
        {"tuple": 3},
        {"dict": [[1]]},
        {"enum": "Kind", "member": "NONE"},
        {"enum": "Kind", "member": "mro"},
        {"enum": "Nothing", "member": "A"},
        {"flags": "Kind", "value": 99},
        {"type": "Window", "fields": {"no": 1}},
        {"type": ["Window"], "fields": {}},
        {"hex": "00", "more": 1},
        {"dict": [[{"dict": []}, 1]]},
    ],
)
def test_what_the_codec_does_not_write_is_refused_with_a_sentence(plain: dict[str, object]) -> None:
    with pytest.raises(LocalError, match=r"\w+"):
        decode(plain)  # type: ignore[arg-type]  # hostile on purpose


def test_two_types_of_one_name_are_refused() -> None:
    with pytest.raises(LocalError, match="two types of inputs are called Kind"):
        register(type("Kind", (), {}))
