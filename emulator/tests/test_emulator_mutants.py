"""The table of mutants: each is one small fault beside a sound lock."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.device import LockDevice
from lockbench_emulator.lock.handlers import HANDLERS
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.mutants import MUTANTS, Mutant, mutant
from lockbench_emulator.parts import SOUND, Parts
from lockbench_emulator.profiles import load_profile
from lockbench_protocol import LocalError

rows = st.sampled_from(list(MUTANTS.values()))


@given(rows, st.integers(0, 2**32))
def test_a_mutant_has_the_owner_and_the_address_of_the_sound_lock(row: Mutant, seed: int) -> None:
    faulty, sound = row.make(seed), LockDevice(load_profile(row.profile), seed=seed)
    assert faulty.address == sound.address
    assert faulty.memory.key == sound.memory.key
    assert faulty.memory.admin == sound.memory.admin
    assert faulty.memory.admin_passcode == sound.memory.admin_passcode


@pytest.mark.parametrize("row", MUTANTS.values(), ids=list(MUTANTS))
def test_a_mutant_differs_in_one_thing(row: Mutant) -> None:
    parts = sum(getattr(row.parts, name) != getattr(SOUND, name) for name in Parts.__slots__)
    others = (row.device is not LockDevice, bool(row.keys), row.clouds is not None)
    assert (parts > 0) + sum(others) in (1, 2)
    assert row.make_profile() != load_profile(row.profile) or not row.keys


@pytest.mark.parametrize("row", MUTANTS.values(), ids=list(MUTANTS))
def test_a_mutant_says_what_is_wrong_and_who_finds_it(row: Mutant) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.name)
    assert 10 < len(row.says) <= 80
    assert row.killed_by
    assert all(re.fullmatch(r"[A-Z]{3}/[1-9][0-9]*", id_) for id_ in row.killed_by)
    assert len(set(row.killed_by)) == len(row.killed_by)


def test_no_two_mutants_say_the_same() -> None:
    says = [row.says for row in MUTANTS.values()]
    assert sorted(set(says)) == sorted(says)


def test_an_unknown_mutant_is_refused_with_a_sentence() -> None:
    with pytest.raises(LocalError, match=r"no mutant is called 'nix'; `lockbench mutants` names them all"):
        mutant("nix")


def test_a_sound_lock_stays_sound_beside_its_mutants() -> None:
    assert Lock.handlers is HANDLERS
    assert mutant("any-sum-opens").parts.lock.handlers[0x47] is not HANDLERS[0x47]
    assert LockDevice(load_profile("strict"), seed=1).parts == SOUND


def test_a_wrong_key_of_a_profile_is_no_mutant() -> None:
    row = replace(mutant("no-lockout"), keys={"passcodes.lock_out": "none"})
    with pytest.raises(TypeError, match="lock_out"):
        row.make(1)
