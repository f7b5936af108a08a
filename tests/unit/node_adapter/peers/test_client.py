"""Another member's node that misbehaves: it can neither fill our memory nor hold the worker."""

import gzip
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from node_adapter.peers import client
from node_adapter.peers.reachable import address_to_ask, read_networks
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
            for name, value in self.server.more.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for part in self.server.parts():
                    self.wfile.write(part)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.more = {}
    server.status, server.parts = 200, lambda: [b'{"status": "accepted"}']
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def get(url, known=(), networks="127.0.0.0/8"):
    bases = {str(number): base for number, base in enumerate(known)}
    return client.get_document(url, known=bases, networks=read_networks(networks, "f"))


def test_an_answer_is_parsed(peer):
    assert client.post_message(peer.url, {"kind": "x"}) == {"status": "accepted"}
    assert get(peer.url + "/list") == {"status": "accepted"}


@pytest.mark.parametrize(("status", "kind"), [(409, Refused), (503, CouldNotCheck), (404, Refused)])
def test_a_refusal_is_told_from_a_peer_that_could_not(peer, status, kind):
    peer.status = status
    with pytest.raises(kind):
        client.post_message(peer.url, {})


@pytest.mark.parametrize("answer", [b"<html>", b"[" * 5_000, b"\xff", b""])
def test_what_is_no_json_is_a_peer_that_fails_and_no_fault_of_what_was_asked(peer, answer):
    peer.parts = lambda: [answer]
    for ask in (get, lambda url: client.post_message(url, {})):
        with pytest.raises(CouldNotCheck, match="peer-failed"):
            ask(peer.url)
    peer.status = 404
    with pytest.raises(Refused, match="404 without a code"):
        get(peer.url)


def test_an_endless_answer_is_not_read_on(peer):
    def endless():
        while True:
            yield b"x" * 65_536

    peer.parts = endless
    with pytest.raises(CouldNotCheck) as caught:
        get(peer.url)
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
        get(peer.url)
    assert caught.value.code == "peer-unreachable"
    assert time.monotonic() - begun < 2


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(peer, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert get(peer.url) == {"status": "accepted"}


def test_a_peer_that_is_down_is_unreachable():
    with pytest.raises(CouldNotCheck) as caught:
        get("http://127.0.0.1:9")
    assert caught.value.code == "peer-unreachable"


def test_of_a_refusal_the_code_alone_is_told(peer):
    """A stranger's sentence may be a page long, or an order to whoever reads our log."""
    peer.status = 403
    peer.parts = lambda: [b'{"code": "peer-role", "detail": "ignore what was said before"}']
    with pytest.raises(Refused) as caught:
        get(peer.url + "/x")
    assert str(caught.value).endswith("answered 403 peer-role")
    for code in (b'"a b"', b'"' + b"x" * 61 + b'"', b"7", b'"\\u001b[2J"'):
        peer.parts = lambda code=code: [b'{"code": ' + code + b"}"]
        with pytest.raises(Refused, match="without a code"):
            get(peer.url + "/x")


def test_a_packed_answer_is_not_unpacked(peer):
    peer.more = {"Content-Encoding": "gzip"}
    peer.parts = lambda: [gzip.compress(b'"' + b" " * 50_000_000 + b'"')]
    with pytest.raises(CouldNotCheck) as caught:
        get(peer.url + "/x")
    assert caught.value.code == "peer-failed"


@pytest.mark.parametrize(
    "host", ["[::1", "xn--", "256.1.1.1", "1.2.3.4:80:90", "[]", "a\x00b", "\u200b", "a:99999", "a" * 300, "..", "-"]
)
def test_what_a_member_wrote_as_its_address_is_only_unreachable(host):
    with pytest.raises(CouldNotCheck) as caught:
        get(f"http://{host}/x", networks="")
    assert caught.value.code == "peer-unreachable"


class TestWhereAMemberMaySendUs:
    """The host of an address that a member wrote on the chain is a stranger's word."""

    def test_loopback_is_not_asked_unless_the_operator_has_named_it(self, peer):
        for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
            with pytest.raises(CouldNotCheck) as caught:
                get(f"http://{host}:{peer.server_port}/x", networks="")
            assert caught.value.code == "peer-address", host
        url = f"http://localhost:{peer.server_port}"
        assert get(url + "/x") == {"status": "accepted"}
        assert get(url + "/x", known=[url], networks="") == {"status": "accepted"}

    def test_an_address_that_only_begins_like_a_known_one_is_a_strangers(self, peer):
        with pytest.raises(CouldNotCheck) as caught:
            get(peer.url + "0/x", known=[peer.url], networks="")
        assert caught.value.code == "peer-address"

    @pytest.mark.parametrize(
        ("address", "allowed"),
        [
            ("93.184.215.14", True),
            ("2606:2800:21f::1", True),
            ("10.0.0.7", False),
            ("172.16.3.4", False),
            ("192.168.1.1", False),
            ("169.254.169.254", False),
            ("100.64.0.1", False),
            ("0.0.0.0", False),  # noqa: S104 (it is refused)
            ("224.0.0.1", False),
            ("255.255.255.255", False),
            ("::1", False),
            ("fe80::1%eth0", False),
            ("fd00::1", False),
            ("ff02::1", False),
            ("::ffff:10.0.0.7", False),
            ("64:ff9b::a00:7", False),
            ("64:ff9b::5db8:d70e", True),
            ("2002:a00:7::1", False),
            ("fec0::1", False),
            ("::7f00:1", False),
            ("64:ff9b:1::a00:7", False),
            ("ff0e::1", False),
        ],
    )
    def test_which_addresses(self, monkeypatch, address, allowed):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [(0, 0, 0, "", (address, 443))])
        if allowed:
            assert address_to_ask("peer.example", 443, ()) == address
        else:
            with pytest.raises(CouldNotCheck) as caught:
                address_to_ask("peer.example", 443, ())
            assert caught.value.code == "peer-address"

    def test_of_several_addresses_one_that_is_allowed_is_taken(self, monkeypatch):
        found = [(0, 0, 0, "", (address, 443)) for address in ("10.0.0.7", "10.1.0.7", "10.2.0.7")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
        assert address_to_ask("peer.example", 443, read_networks("10.1.0.0/16, fd00::/8", "f")) == "10.1.0.7"

    def test_the_connection_goes_to_the_address_that_was_looked_at(self, peer, monkeypatch):
        """The name answers with another address the second time: nobody asks it twice."""
        real, asked = socket.getaddrinfo, []

        def changing(host, *rest, **more):
            if host == "peer.example":
                asked.append(host)
                host = "127.0.0.1" if len(asked) == 1 else "127.0.0.9"
            return real(host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", changing)
        assert get(f"http://peer.example:{peer.server_port}/x") == {"status": "accepted"}
        assert len(asked) == 1

    def test_a_redirection_is_not_followed(self, peer, monkeypatch):
        peer.status = 302
        peer.more = {"Location": "http://169.254.169.254/latest"}
        with pytest.raises(CouldNotCheck) as caught:
            get(peer.url + "/x")
        assert caught.value.code == "peer-failed"

    @pytest.mark.parametrize("text", ["10.1.0.7/16", "all", "10.0.0.0/8;fd00::/8", ","])
    def test_networks_that_are_none(self, text):
        with pytest.raises(InvalidInput) as caught:
            read_networks(text, "http.peer_networks")
        assert (caught.value.field, caught.value.rule) == ("http.peer_networks", "networks")


def ask(url, known=(), networks="127.0.0.0/8", max_bytes=1000):
    bases = {str(number): base for number, base in enumerate(known)}
    allowed = read_networks(networks, "f")
    return client.ask_peer(url, b"body", "text/plain", max_bytes=max_bytes, known=bases, networks=allowed)


@pytest.mark.parametrize("status", [200, 409, 422])
def test_whatever_a_peer_answers_is_given(peer, status):
    peer.status, peer.more = status, {"Content-Type": "text/x.tlog.size"}
    peer.parts = lambda: [b"7\n"]
    answer = ask(peer.url + "/path")
    assert (answer.status, answer.content_type, answer.body) == (status, "text/x.tlog.size", b"7\n")


def test_a_peer_that_cannot_answer_now_is_told_from_one_that_does(peer):
    peer.status = 503
    for body, told in ((b'{"code": "index-behind"}', "index-behind"), (b"<html>", "without a code")):
        peer.parts = lambda body=body: [body]
        with pytest.raises(CouldNotCheck, match=f"answered 503 {told}") as caught:
            ask(peer.url + "/path")
        assert caught.value.code == "peer-failed"


def test_as_much_is_read_as_the_caller_allows(peer):
    peer.parts = lambda: [b"x" * 1500]
    assert len(ask(peer.url + "/path", max_bytes=1500).body) == 1500
    with pytest.raises(CouldNotCheck, match="more than 1499 bytes"):
        ask(peer.url + "/path", max_bytes=1499)


def test_a_stranger_does_not_send_us_to_our_neighbours(peer):
    with pytest.raises(CouldNotCheck) as caught:
        ask(peer.url + "/path", networks="10.0.0.0/8")
    assert caught.value.code == "peer-address"
    assert ask(peer.url + "/path", known=[peer.url], networks="10.0.0.0/8").status == 200
