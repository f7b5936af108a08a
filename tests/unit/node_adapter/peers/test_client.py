"""Another member's node that misbehaves: it can neither fill our memory nor hold the worker."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from node_adapter.peers import client
from primitives.errors import CouldNotCheck, InvalidInput, Refused


@pytest.fixture
def peer():
    """A server that answers with `status` and the parts of `parts()`, as long as somebody reads."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self):
            self.send_response(self.server.status)
            self.end_headers()
            try:
                for part in self.server.parts():
                    self.wfile.write(part)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.parts = 200, lambda: [b'{"status": "accepted"}']
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_an_answer_is_parsed(peer):
    assert client.post_message(peer.url, {"kind": "x"}) == {"status": "accepted"}
    assert client.get_document(peer.url + "/list") == {"status": "accepted"}


@pytest.mark.parametrize(("status", "kind"), [(409, Refused), (503, CouldNotCheck), (404, Refused)])
def test_a_refusal_is_told_from_a_peer_that_could_not(peer, status, kind):
    peer.status = status
    with pytest.raises(kind):
        client.post_message(peer.url, {})


def test_what_is_no_json_is_refused(peer):
    peer.parts = lambda: [b"<html>"]
    with pytest.raises(InvalidInput):
        client.get_document(peer.url)


def test_an_endless_answer_is_not_read_on(peer):
    def endless():
        while True:
            yield b"x" * 65_536

    peer.parts = endless
    with pytest.raises(CouldNotCheck) as caught:
        client.get_document(peer.url)
    assert caught.value.code == "peer-failed"


def test_an_answer_that_comes_drop_by_drop_is_not_waited_for(peer, monkeypatch):
    def drops():
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.2)
    peer.parts = drops
    begun = time.monotonic()
    with pytest.raises(CouldNotCheck) as caught:
        client.get_document(peer.url)
    assert caught.value.code == "peer-unreachable"
    assert time.monotonic() - begun < 2


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(peer, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert client.get_document(peer.url) == {"status": "accepted"}


def test_a_peer_that_is_down_is_unreachable():
    with pytest.raises(CouldNotCheck) as caught:
        client.get_document("http://127.0.0.1:9")
    assert caught.value.code == "peer-unreachable"
