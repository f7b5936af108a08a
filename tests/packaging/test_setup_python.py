"""`make setup` makes `.venv` from the lock: from a registry that moved on, anywhere, twice at once, after a kill."""

from __future__ import annotations

import os
import re
import signal
import time
from importlib import metadata

import pytest

from tests.packaging import setup_kit
from tests.packaging.setup_kit import HOST, NEWER, ROOT, Checkout, add_package

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PIN = re.compile(r"^([\w.-]+)(\[[\w,-]+\])?==([\w.]+)", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path):
    return small_checkout(tmp_path / "checkout")


def small_checkout(root):
    index = root.parent / "index"
    checkout = Checkout(root, index)
    checkout.lock({"alpha==1.0": add_package(index, "alpha", "1.0")})
    add_package(index, "alpha", NEWER)
    return checkout


def test_the_whole_lock_installs_from_a_registry_with_newer_releases_of_everything(tmp_path):
    index, wheels = tmp_path / "index", {}
    checkout = Checkout(tmp_path / "checkout", index)
    for name, extra, version in PIN.findall((ROOT / "requirements" / "dev.txt").read_text("utf-8")):
        try:
            text = metadata.distribution(name).read_text("METADATA")
        except metadata.PackageNotFoundError:  # of another platform
            continue
        wheels[f"{name}{extra}=={version}"] = add_package(index, name, version, text)
        add_package(
            index, name, NEWER, re.sub(r"^Version: .*$", f"Version: {NEWER}", text, count=1, flags=re.MULTILINE)
        )
    checkout.lock(wheels)
    status, said = checkout.set_up()
    assert status == 0, said
    pins = {re.sub(r"\[.*\]", "", pin) for pin in wheels}
    assert {setup_kit.canonical(name) for name in checkout.installed()} == {setup_kit.canonical(pin) for pin in pins}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a folder with spaces", {"LC_ALL": "C.UTF-8"}),
        # As on a machine whose locale is GBK: what Python decodes by the locale is not UTF-8.
        ("券商 Müller's", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    ],
    ids=["spaces", "another-locale"],
)
def test_any_path_will_do(tmp_path, name, settings):
    checkout = small_checkout(tmp_path / name)
    status, said = checkout.set_up(**settings)
    assert status == 0, said
    assert checkout.greets(**settings)


def test_a_long_path_will_do(tmp_path):
    checkout = small_checkout(tmp_path / ("x" * 120) / ("y" * 120))
    assert checkout.set_up()[0] == 0
    assert checkout.greets()


def test_twice_at_once_the_second_waits_for_the_first(checkout):
    processes = [checkout.start() for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert "".join(said).count("setting up the Python environment") == 1
    assert "".join(said).count("waiting for another set-up") == 1
    assert checkout.greets()


@pytest.mark.parametrize(
    ("moment", "whole_group"),
    [("pyvenv.cfg", True), ("bin/pip", False), ("lib/python3*/site-packages/alpha-1.0.dist-info", True)],
    ids=["in-venv", "orphans", "in-pip"],
)
def test_after_a_kill_the_next_run_makes_it_whole(checkout, moment, whole_group):
    process = checkout.start()
    while process.poll() is None and not list((checkout.root / ".venv").glob(moment)):
        time.sleep(0.002)
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()  # make dies; what it started goes on, and is waited for
    process.communicate()
    status, said = checkout.set_up()
    assert status == 0, said
    assert checkout.greets()
    assert checkout.installed() == {"alpha==1.0"}
    assert checkout.set_up() == (0, "")


def test_a_checkout_that_moved_is_set_up_again(checkout):
    assert checkout.set_up()[0] == 0
    moved = checkout.root.rename(checkout.root.with_name("moved"))
    assert checkout.set_up(root=moved)[0] == 0
    assert checkout.greets(moved)


@pytest.mark.parametrize(
    "settings",
    [
        {"PIP_USER": "1", "PYTHONPATH": "/nowhere", "PIP_NO_BINARY": ":all:"},
        {"PIP_TARGET": "/nowhere", "PIP_PREFIX": "/nowhere", "PYTHONHOME": ""},
        {"HOME": "/nowhere", "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    ],
    ids=["user", "target", "home"],
)
def test_a_person_s_own_settings_do_not_lead_the_packages_astray(checkout, settings):
    status, said = checkout.set_up(**settings)
    assert status == 0, said
    assert checkout.installed() == {"alpha==1.0"}


@pytest.mark.parametrize("told_by", ["environment", "pip.conf"])
def test_behind_a_proxy_with_its_own_authority(checkout, tmp_path, told_by):
    certificate, context = setup_kit.authority(tmp_path)
    settings = {"PIP_CERT": str(certificate)}
    with setup_kit.proxy(checkout.index, context) as (url, seen):
        where = {"PIP_INDEX_URL": f"https://{HOST}/", "HTTPS_PROXY": url}
        if told_by == "pip.conf":
            (checkout.home / ".config" / "pip").mkdir(parents=True)
            text = f"[global]\ncert = {certificate}\nproxy = {url}\nindex-url = https://{HOST}/\n"
            (checkout.home / ".config" / "pip" / "pip.conf").write_text(text, encoding="utf-8")
            settings = where = {}
            checkout.index = None
        status, said = checkout.set_up(**where, **settings)
    assert status == 0, said
    assert f"{HOST}:443" in seen


def test_an_authority_that_nobody_named_is_told(checkout, tmp_path):
    _, context = setup_kit.authority(tmp_path)
    with setup_kit.proxy(checkout.index, context) as (url, _):
        status, said = checkout.set_up(PIP_INDEX_URL=f"https://{HOST}/", HTTPS_PROXY=url, PIP_RETRIES="1")
    assert status == 2
    assert "certificate is not trusted here" in said


def test_without_a_network_it_says_so(checkout):
    status, said = checkout.set_up(PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="1")
    assert status == 2
    assert "no package registry answers" in said
    assert not (checkout.root / ".venv" / ".bonafides-stamp").exists()


def test_another_package_under_the_locked_name_is_refused(checkout):
    wheel = add_package(
        checkout.index, "alpha", "1.0", "Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\nSummary: another\n"
    )
    status, said = checkout.set_up()
    assert status == 2
    assert "digest is not the locked one" in said
    assert wheel.exists()
