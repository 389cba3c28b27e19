"""The front door of our office, tested without a lock.

lockbench gives the fixtures: `emulated_lock` is the lock and the person at the door, `lock_client` the owner's
app, `lock_site` the lock with its cloud and the plug-in. Time is virtual: `wait` returns at once.
"""

from datetime import timedelta

import pytest
from lockbench import RemoteError, make_image


def test_the_app_opens_and_closes_the_door(emulated_lock, lock_client):
    lock_client.unlock()
    assert emulated_lock.is_open
    lock_client.lock()
    assert not emulated_lock.is_open


def test_the_cleaner_gets_in_in_her_hours_only(emulated_lock, lock_client):
    start = emulated_lock.now + timedelta(hours=8)
    lock_client.add_passcode("240816", start, start + timedelta(hours=2))
    assert not emulated_lock.enter_code("240816")
    emulated_lock.wait(9 * 3600)
    assert emulated_lock.enter_code("240816")
    emulated_lock.wait(2 * 3600)
    assert not emulated_lock.enter_code("240816")


def test_a_code_is_given_to_one_tenant_only(lock_client):
    lock_client.add_passcode("135246")
    with pytest.raises(RemoteError, match="with 20"):
        lock_client.add_passcode("135246")


def test_a_guesser_has_to_wait(emulated_lock, lock_client):
    lock_client.add_passcode("135246")
    for guess in ("11111", "22222", "33333", "44444", "55555"):
        assert not emulated_lock.enter_code(guess)
    assert not emulated_lock.enter_code("135246")
    emulated_lock.wait(91)
    assert emulated_lock.enter_code("135246")


def test_an_upgrade_keeps_the_codes(emulated_lock, lock_site):
    assert lock_site.create_custom_passcode(passcode="135246")["errorCode"] == 0
    lock_site.publish("6.4.34", make_image(8192, "6.4.34", seed=1))
    assert lock_site.enter_dfu_mode()["type"] == 4
    assert emulated_lock.enter_code("135246")
