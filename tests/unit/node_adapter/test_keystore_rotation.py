"""A keystore grows by generations and is sealed under another password; a kill at any step loses no key."""

import stat

import pytest

from node_adapter.keys.keystore import Keystore
from node_adapter.keys.member_keys import MemberKeys
from node_adapter.keys.reseal import reseal
from node_adapter.stopped_node import stopped_node
from primitives.errors import CouldNotCheck, InvalidInput, Refused

OLD, NEW = "the old password", "the new password"
FILES = ("sender.json", "keys.json", "keys-2.json")


@pytest.fixture(scope="module")
def made():
    return Keystore.generate(), MemberKeys.generate()


@pytest.fixture
def home(tmp_path, made):
    keys, second = made
    keys.save(tmp_path / "keystore", OLD)
    Keystore.open(tmp_path / "keystore", OLD).add(second)
    return tmp_path / "keystore"


def same(opened, made):
    return opened.generations == (made[0].newest, made[1])


def test_a_new_generation_stands_beside_the_old_one(home, made):
    opened = Keystore.open(home, OLD)
    assert same(opened, made)
    assert (opened.newest, opened.address) == (made[1], made[0].address)
    assert sorted(file.name for file in home.iterdir()) == sorted(FILES)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in home.iterdir())
    text = (home / "keys-2.json").read_text("utf-8")
    for secret in (made[1].signing_seed, made[1].agreement_key, made[1].compliance_key):
        assert secret.hex() not in text


def test_a_process_finds_what_another_one_added(home):
    opened, third = Keystore.open(home, OLD), MemberKeys.generate()
    wanted = third.signing_public
    assert opened.find(lambda keys: keys.signing_public == wanted) is None
    Keystore.open(home, OLD).add(third)
    assert opened.find(lambda keys: keys.signing_public == wanted) == third
    assert opened.find(lambda keys: keys.signing_public == bytes(32)) is None


def test_two_processes_never_overwrite_each_other_s_keys(home):
    one, other = Keystore.open(home, OLD), Keystore.open(home, OLD)
    first = MemberKeys.generate()
    one.add(first)
    with pytest.raises(Refused) as caught:
        other.add(MemberKeys.generate())
    assert caught.value.code == "keystore-exists"
    assert Keystore.open(home, OLD).newest == first


def test_a_generation_of_another_member_is_refused(home, tmp_path):
    stranger = Keystore.generate()
    stranger.save(tmp_path / "other", OLD)
    (home / "keys-2.json").write_bytes((tmp_path / "other" / "keys.json").read_bytes())
    with pytest.raises(InvalidInput) as caught:
        Keystore.open(home, OLD)
    assert caught.value.field == "keystore.public"


def test_resealing_changes_the_password_and_no_key(home, made):
    reseal(home, OLD, NEW)
    assert same(Keystore.open(home, NEW), made)
    with pytest.raises(Refused):
        Keystore.open(home, OLD)
    assert sorted(file.name for file in home.iterdir()) == sorted(FILES)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in home.iterdir())


def test_a_wrong_or_empty_password_changes_nothing(home):
    before = {file.name: file.read_bytes() for file in home.iterdir()}
    with pytest.raises(Refused):
        reseal(home, "wrong", NEW)
    with pytest.raises(InvalidInput):
        reseal(home, OLD, "")
    assert {file.name: file.read_bytes() for file in home.iterdir()} == before


class Killed(Exception):
    pass


@pytest.mark.parametrize("steps", range(1, 2 * len(FILES) + 1))
def test_a_kill_after_any_step_leaves_one_password_that_opens_and_can_finish(home, made, steps):
    done = []

    def kill_after(name):
        done.append(name)
        if len(done) == steps:
            raise Killed

    with pytest.raises(Killed):
        reseal(home, OLD, NEW, on_step=kill_after)
    opening = []
    for password in (OLD, NEW):
        try:
            assert same(Keystore.open(home, password), made)
        except Refused:
            continue
        opening.append(password)
    assert opening
    if steps > len(FILES):
        assert opening == [NEW], "what took its place is sealed under the new password"
    reseal(home, opening[-1], "a third password")
    assert same(Keystore.open(home, "a third password"), made)
    assert sorted(file.name for file in home.iterdir()) == sorted(FILES)


def test_a_successor_that_was_cut_short_while_it_was_written_does_no_harm(home, made):
    (home / "keys.json.new").write_text('{"format": "bona', "utf-8")
    assert same(Keystore.open(home, OLD), made)
    with pytest.raises(Refused):
        Keystore.open(home, NEW)
    reseal(home, OLD, NEW)
    assert same(Keystore.open(home, NEW), made)


def test_a_missing_first_generation_is_told(home):
    (home / "keys.json").unlink()
    with pytest.raises(CouldNotCheck) as caught:
        Keystore.open(home, OLD)
    assert caught.value.code == "keystore-unreadable"


def test_a_node_that_runs_is_left_alone(tmp_path):
    with stopped_node(tmp_path), pytest.raises(Refused) as caught, stopped_node(tmp_path):
        pass
    assert caught.value.code == "node-running"
    with stopped_node(tmp_path):
        pass
