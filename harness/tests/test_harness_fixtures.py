"""The fixtures, used as a user of the plug-in `lockbench` uses them: this file imports nothing of ours."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest


def test_the_app_opens_and_closes(emulated_lock, lock_client) -> None:  # type: ignore[no-untyped-def]
    assert lock_client.unlock().battery == 95
    assert emulated_lock.is_open
    lock_client.lock()
    assert not emulated_lock.is_open


def test_a_code_opens_in_its_hours(emulated_lock, lock_client) -> None:  # type: ignore[no-untyped-def]
    start = emulated_lock.now + timedelta(hours=1)
    lock_client.add_passcode("123456", start, start + timedelta(hours=1))
    assert not emulated_lock.enter_code("123456")
    emulated_lock.wait(5400)
    assert emulated_lock.enter_code("123456")
    assert [row.code for row in lock_client.passcodes()] == ["123456"]


def test_what_the_lock_refuses_is_raised(lock_client) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Exception, match="refused MANAGE_KEYBOARD_PASSWORD with 21"):
        lock_client.delete_passcode("123456")


def test_the_client_comes_back_after_an_idle_drop(emulated_lock, lock_client) -> None:  # type: ignore[no-untyped-def]
    before = lock_client.get_time()
    emulated_lock.wait(300)
    assert lock_client.get_time() - before == timedelta(seconds=300)


def test_the_plug_in_writes_a_code(emulated_lock, lock_site) -> None:  # type: ignore[no-untyped-def]
    assert lock_site.create_custom_passcode(passcode="2468")["errorCode"] == 0
    assert emulated_lock.enter_code("2468")


def test_the_plug_in_upgrades(lock_site) -> None:  # type: ignore[no-untyped-def]
    from lockbench import make_image

    lock_site.publish("6.4.34", make_image(1024, "6.4.34", 1))
    assert lock_site.enter_dfu_mode()["type"] == 4


def test_the_plug_in_runs_in_other_versions_and_on_bad_phones(lock_site) -> None:  # type: ignore[no-untyped-def]
    from lockbench_harness.faults.phone import Switch
    from lockbench_harness.phone import Handset

    lock_site.use_phone(Switch("bluetooth"), handset=Handset("ios"))
    assert lock_site.create_custom_passcode(passcode="2468")["errorCode"] == 10012
    lock_site.use_phone(version="2.6.0")
    assert "electricQuantity" not in lock_site.create_custom_passcode(passcode="2468")


LOOK = """
import sys, pytest
class Look:
    def pytest_sessionfinish(self):
        print("loaded", {"bumble", "aiohttp", "jinja2"} & set(sys.modules))
pytest.main(["-p", "lockbench", "-q", "-p", "no:cacheprovider"], plugins=[Look()])
"""


def test_bumble_and_aiohttp_are_not_loaded_before_they_are_used(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", LOOK], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert "loaded set()" in done.stdout
