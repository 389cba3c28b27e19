from __future__ import annotations

from collections.abc import Iterator

import pytest
from lockbench_protocol import schema


@pytest.fixture(scope="module", params=["compiled", "interpreted"])
def codecs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A module twice: with the compiled functions, which must have compiled, and with construct."""
    if request.param == "interpreted":
        with schema.interpreted():
            yield
        return
    refused, patience = schema.refused(), schema.Codec.patience
    schema.Codec.patience = 0
    yield
    schema.Codec.patience = patience
    assert schema.refused() == refused
