"""The Node tools come from locks alone, through whatever proxy and settings a machine has, and are what was pinned."""

from __future__ import annotations

import io
import json
import os
import tarfile

import pytest

from scripts.setup import node_tools
from tests.packaging import setup_kit
from tests.packaging.setup_kit import HOST, SetUpError

pytestmark = pytest.mark.timeout(900)


def archive(text):
    """Return an npm package of one file."""
    packed = io.BytesIO()
    files = {"package.json": json.dumps({"name": "tiny", "version": "1.0.0"}), "index.js": text}
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()


class Registry:
    """A checkout whose lock names one package, and a registry that has a newer one beside it."""

    def __init__(self, directory):
        self.directory, self.checkout, self.home = (
            directory / "registry",
            directory / "券商 a checkout",
            directory / "home",
        )
        for folder in (self.directory / "files", self.checkout, self.home):
            folder.mkdir(parents=True)
        locked = {"version": "1.0.0", "integrity": self.publish("module.exports = 1"), "dev": True}
        wanted = {"name": "checkout", "version": "1.0.0", "devDependencies": {"tiny": "1.0.0"}}
        lock = {
            "name": "checkout",
            "lockfileVersion": 3,
            "requires": True,
            "packages": {"": wanted, "node_modules/tiny": locked},
        }
        (self.checkout / "package.json").write_text(json.dumps(wanted), encoding="utf-8")
        (self.checkout / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")

    def publish(self, text):
        data = archive(text)
        (self.directory / "files" / "tiny.tgz").write_bytes(data)
        versions = {}
        for version in ("1.0.0", "1.0.1", "2.0.0"):
            dist = {"tarball": f"https://{HOST}/files/tiny.tgz", "integrity": setup_kit.integrity(data)}
            versions[version] = {"name": "tiny", "version": version, "dist": dist}
        packument = {"name": "tiny", "dist-tags": {"latest": "2.0.0"}, "versions": versions}
        (self.directory / "tiny").write_text(json.dumps(packument), encoding="utf-8")
        return setup_kit.integrity(data)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    registry = Registry(tmp_path)
    monkeypatch.setattr(node_tools, "ROOT", registry.checkout)
    return registry


def install(registry, monkeypatch, **environment):
    """Install as set-up does, on a machine with no settings but these."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(registry.home), "NPM_CONFIG_GLOBALCONFIG": "/nowhere"}
    monkeypatch.setattr(os, "environ", plain | environment)
    node_tools.install_locked(node_tools.npm_environment())


@pytest.mark.parametrize("told_by", ["environment", "home", "machine"])
def test_behind_a_proxy_with_its_own_authority(registry, tmp_path, monkeypatch, told_by):
    certificate, context = setup_kit.authority(tmp_path)
    with setup_kit.proxy(registry.directory, context) as (url, seen):
        where = f"registry=https://{HOST}/\nhttps-proxy={url}\ncafile={certificate}\n"
        if told_by == "environment":
            told = {
                "NODE_EXTRA_CA_CERTS": str(certificate),
                "HTTPS_PROXY": url,
                "npm_config_registry": f"https://{HOST}/",
            }
        elif told_by == "home":
            told = {}
            (registry.home / ".npmrc").write_text(where, encoding="utf-8")
        else:
            (tmp_path / "etc-npmrc").write_text(where, encoding="utf-8")
            told = {"NPM_CONFIG_GLOBALCONFIG": str(tmp_path / "etc-npmrc")}
        install(registry, monkeypatch, **told)
    assert (registry.checkout / "node_modules" / "tiny" / "index.js").read_text("utf-8") == "module.exports = 1"
    assert set(seen) == {f"{HOST}:443"}


def test_a_person_s_own_settings_leave_nothing_out(registry, tmp_path, monkeypatch):
    certificate, context = setup_kit.authority(tmp_path)
    settings = {
        "NODE_ENV": "production",
        "npm_config_omit": "dev",
        "npm_config_global": "true",
        "npm_config_dry_run": "true",
    }
    settings |= {
        "npm_config_package_lock": "false",
        "npm_config_ignore_scripts": "false",
        "npm_config_cafile": str(certificate),
    }
    with setup_kit.proxy(registry.directory, context) as (url, _):
        install(registry, monkeypatch, HTTPS_PROXY=url, npm_config_registry=f"https://{HOST}/", **settings)
    assert (registry.checkout / "node_modules" / "tiny" / "index.js").exists()


def test_another_package_under_the_locked_name_is_refused(registry, tmp_path, monkeypatch):
    certificate, context = setup_kit.authority(tmp_path)
    registry.publish("module.exports = 'another'")
    told = {"NODE_EXTRA_CA_CERTS": str(certificate), "npm_config_registry": f"https://{HOST}/"}
    with setup_kit.proxy(registry.directory, context) as (url, _), pytest.raises(SetUpError, match="digest is not the"):
        install(registry, monkeypatch, HTTPS_PROXY=url, **told)


def test_an_authority_that_nobody_named_is_told(registry, tmp_path, monkeypatch):
    _, context = setup_kit.authority(tmp_path)
    told = {"npm_config_registry": f"https://{HOST}/"}
    with setup_kit.proxy(registry.directory, context) as (url, _), pytest.raises(SetUpError, match="not trusted here"):
        install(registry, monkeypatch, HTTPS_PROXY=url, **told)


def test_without_a_network_it_says_so(registry, monkeypatch):
    with pytest.raises(SetUpError, match="no package registry answers"):
        install(registry, monkeypatch, npm_config_registry="http://127.0.0.1:9/")


def test_the_pinned_npm_reads_the_settings_of_the_machine_s_own(tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho /etc/of-this-machine/npmrc\n", encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setattr(os, "environ", {"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert node_tools.npm_environment()["NPM_CONFIG_GLOBALCONFIG"] == "/etc/of-this-machine/npmrc"


def test_a_home_that_cannot_be_written_is_no_hindrance(monkeypatch):
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "HOME": "/nowhere"})
    assert node_tools.npm_environment()["NPM_CONFIG_CACHE"] == str(node_tools.TOOLS / "cache")


def test_what_is_installed_here_is_what_was_pinned():
    node_tools.check_installed()


def test_a_changed_binary_is_named(tmp_path, monkeypatch):
    changed = tmp_path / "anvil"
    changed.write_bytes(b"another")
    monkeypatch.setattr(node_tools, "ROOT", tmp_path)
    monkeypatch.setattr(node_tools, "DIGESTS", {changed: "00" * 32})
    monkeypatch.setattr(node_tools, "OTHERS", ())
    with pytest.raises(SetUpError, match=r"anvil is not what it should be \(SHA-256 differs\)"):
        node_tools.check_installed()


def test_what_npm_left_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(node_tools, "ROOT", tmp_path)
    monkeypatch.setattr(node_tools, "OTHERS", (tmp_path / "hardhat",))
    monkeypatch.setattr(node_tools, "DIGESTS", {})
    with pytest.raises(SetUpError, match="npm left out hardhat"):
        node_tools.check_installed()
