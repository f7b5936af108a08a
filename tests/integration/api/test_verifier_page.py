"""Every node serves the verifier's page as it was built, with its digest."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from bonafides.cli.main import main
from bonafides.cli.node import page_digest as command

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "api" / "verifier.html").read_bytes()
DIGEST = hashlib.sha256(PAGE).hexdigest()


def test_the_page_and_its_digest_are_for_everybody(broker):
    page = broker.get("/v1/verifier/page.html", role=None)
    assert (page.status_code, page.data, page.content_type) == (200, PAGE, "text/html; charset=utf-8")
    told = broker.get("/v1/verifier", role=None)
    assert told.get_json() == {"sha256": DIGEST, "bytes": len(PAGE), "page": "/v1/verifier/page.html"}
    for answer in (page, told):
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_policy_is_the_pages_own_and_allows_no_connection(broker):
    policy = broker.get("/v1/verifier/page.html", role=None).headers["Content-Security-Policy"]
    stated = re.search(r'Content-Security-Policy" content="([^"]+)"', PAGE.decode())[1]
    assert policy == f"{stated}; frame-ancestors 'none'"
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "connect-src" not in policy


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["node", "page-digest", *map(str, words)])
    return ended.value.code, json.loads(capsys.readouterr().out)


def test_the_command_compares_a_page_that_somebody_served(capsys, tmp_path, monkeypatch):
    assert run(capsys) == (0, {"sha256": DIGEST, "same": None})  # nothing was compared
    page = tmp_path / "page.html"
    page.write_bytes(PAGE)
    assert run(capsys, page) == (0, {"sha256": DIGEST, "file": DIGEST, "same": True})
    page.write_bytes(PAGE + b"\n")
    status, told = run(capsys, page)
    assert (status, told["same"], told["file"]) == (1, False, hashlib.sha256(PAGE + b"\n").hexdigest())

    class Node:
        def __init__(self, url):
            self.url = url

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def verifier(self):
            return {"sha256": DIGEST if "regulator" in self.url else "00" * 32}

    monkeypatch.setattr(command, "Client", Node)
    assert run(capsys, "--at", "http://regulator") == (
        0,
        {"sha256": DIGEST, "nodes": {"http://regulator": DIGEST}, "same": True},
    )
    status, told = run(capsys, "--at", "http://regulator", "--at", "http://broker")
    assert (status, told["nodes"]["http://broker"]) == (1, "00" * 32)
