"""The names that `lockbench` exports."""

import lockbench
import pytest


@pytest.mark.parametrize("name", lockbench.__all__)
def test_each_exported_name_is_there(name: str) -> None:
    assert getattr(lockbench, name) is not None


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lockbench.nothing
