"""The upgrades that are measured are whole ones."""

from __future__ import annotations

import pytest
from lockbench_benchmarks import dfu
from lockbench_benchmarks.air import Scene, staged
from lockbench_benchmarks.row import OURS


@pytest.mark.parametrize("scene", [dfu.in_memory, dfu.over_bumble])
def test_upgrade_follows_upgrade(scene: Scene) -> None:
    with staged(scene, hushed=True) as run:
        run()
        run()


def test_what_is_compared_writes_as_often() -> None:
    for work in dfu.works():
        assert OURS in work.contenders
        assert work.count == dfu.COUNT
    assert all(len(image) == len(dfu.IMAGES[0]) for image in dfu.IMAGES)
