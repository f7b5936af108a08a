"""How the RPC client reaches a node, and what it takes from one: credentials, certificates, sockets, bounds."""

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import logging
import socket
import ssl
import subprocess
import threading
import traceback

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from node_adapter.chain import providers
from node_adapter.chain import rpc as module
from node_adapter.chain.embedded import find_anvil
from node_adapter.chain.errors import ChainUnavailable, JsonRpcError
from node_adapter.chain.rpc import HttpRpc, JsonRpc
from node_adapter.chain.rpc_endpoint import RpcEndpoint, has_secrets, shown_url
from primitives.errors import InvalidInput
from tests.waiting import wait_until

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
SECRETS = ("hunter2", "s3cr3t-key", "path-t0ken")


class Node(http.server.ThreadingHTTPServer):
    """Answers every call with 1, or as `answer(handler, request)` wants; keeps what it was asked."""

    daemon_threads = True

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.asked, self.answer = [], None
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def handle_error(self, *_):
        """A client that refuses the certificate is no error of the test."""

    @property
    def at(self):
        return f"127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), request))
        status, data = (200, result(request)) if self.server.answer is None else self.server.answer(request)
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header("Location", f"http://{self.server.at}/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)

    def log_message(self, *_):
        pass


def result(request, value=1):
    if isinstance(request, list):
        return b"[" + b",".join(result(one) for one in request) + b"]"
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": value}).encode()


def error(request, message):
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": message}}).encode()


@contextlib.contextmanager
def running(context=None):
    node = Node(context)
    try:
        yield node
    finally:
        node.shutdown()
        node.server_close()


@pytest.fixture
def node():
    with running() as made:
        yield made


@contextlib.contextmanager
def client(url, **options):
    rpc = JsonRpc(RpcEndpoint(url, **options), timeout_seconds=2)
    try:
        yield rpc
    finally:
        rpc.close()


def test_credentials_path_and_query_reach_the_node(node):
    with client(f"http://broker:hunter%402@{node.at}/v3/token?apikey=s3cr3t&x=1") as rpc:
        assert rpc.call("eth_chainId") == 1
    path, authorization, _request = node.asked[0]
    assert path == "/v3/token?apikey=s3cr3t&x=1"
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"broker:hunter@2"


@pytest.mark.parametrize("answer", [(401, b"no"), (200, b"{"), (200, b""), (500, b""), (302, b"")])
def test_no_secret_of_the_url_is_told(node, answer, caplog):
    url = f"http://broker:hunter2@{node.at}/path-t0ken?key=s3cr3t-key"
    node.answer = lambda _request: answer
    caplog.set_level(logging.DEBUG)
    with client(url) as rpc:
        assert repr(rpc) == f"JsonRpc(http://{node.at})"
        with pytest.raises(ChainUnavailable) as caught:
            rpc.call("eth_chainId")
        told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(rpc._transport)
    assert f"http://{node.at}" in told
    assert not [secret for secret in SECRETS if secret in told.replace("raise", "")]


def test_no_secret_is_told_of_a_node_that_is_not_there(caplog):
    caplog.set_level(logging.DEBUG)
    with client("http://broker:hunter2@127.0.0.1:9/path-t0ken?key=s3cr3t-key") as rpc:
        with pytest.raises(ChainUnavailable, match=r"http://127\.0\.0\.1:9 cannot be reached") as caught:
            rpc.call("eth_chainId")
        told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in SECRETS if secret in told]


def test_a_url_that_is_refused_is_not_told():
    with pytest.raises(InvalidInput) as caught:
        RpcEndpoint("htp://broker:hunter2@chain")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(RpcEndpoint("http://broker:hunter2@chain"))
    assert shown_url("https://broker:hunter2@chain.example:8545/t?k=1") == "https://chain.example:8545"
    with_secrets = [url for url in ("http://a", "http://a?b", "http://u@a", "/run/a.ipc") if has_secrets(url)]
    assert with_secrets == ["http://a?b", "http://u@a"]


def test_a_redirect_is_not_followed(node):
    """It would turn the call into another one, and hand the credentials on."""
    node.answer = lambda _request: (302, b"")
    with client(f"http://{node.at}") as rpc, pytest.raises(ChainUnavailable, match="302"):
        rpc.call("eth_chainId")
    assert len(node.asked) == 1


def test_a_json_rpc_error_beside_a_status_of_its_own_is_what_the_node_said(node):
    node.answer = lambda request: (400, error(request, "no such method"))
    with client(f"http://{node.at}") as rpc, pytest.raises(JsonRpcError, match="no such method"):
        rpc.call("eth_nonsense")


def test_an_answer_is_bounded_before_it_is_parsed(node, monkeypatch):
    monkeypatch.setattr(providers, "MAX_ANSWER_BYTES", 1000)
    node.answer = lambda request: (200, result(request, "x" * 2000))
    with client(f"http://{node.at}") as rpc, pytest.raises(ChainUnavailable, match="more than 1000 bytes"):
        rpc.call("eth_chainId")


@pytest.mark.parametrize(
    ("value", "rule"),
    [(b"[" * 100_000 + b"]" * 100_000, "depth"), (b'{"a": 1, "a": 2}', "duplicate-key"), (b"NaN", "finite-number")],
)
def test_an_answer_that_no_honest_node_gives_is_refused(node, value, rule):
    node.answer = lambda request: (200, b'{"jsonrpc": "2.0", "id": %d, "result": %b}' % (request["id"], value))
    with client(f"http://{node.at}") as rpc, pytest.raises(ChainUnavailable, match=rule):
        rpc.call("eth_chainId")


def test_an_answer_that_drips_is_given_up(node, monkeypatch):
    monkeypatch.setattr(providers, "_WHOLE_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(providers, "_CHUNK_BYTES", 1)
    node.answer = lambda request: (200, result(request, "x" * 500_000))
    with client(f"http://{node.at}") as rpc, pytest.raises(ChainUnavailable, match="end its answer"):
        rpc.call("eth_chainId")


@pytest.mark.parametrize("message", ["BlockOutOfRangeError: block height is 64, requested was 63", "header not found"])
def test_an_answer_that_passes_is_asked_for_again(node, message):
    """anvil loses `latest` under the caller while the next block is made: that is neither a refusal nor silence."""
    node.answer = lambda request: (200, error(request, message) if len(node.asked) < 4 else result(request, 7))
    with client(f"http://{node.at}") as rpc:
        assert rpc.call("eth_call", {}, "latest") == 7
    assert len(node.asked) == 4


def test_it_is_asked_for_again_in_a_batch(node):
    def answer(requests):
        first = error(requests[0], "BlockOutOfRangeError") if len(node.asked) == 1 else result(requests[0], 1)
        return 200, b"[" + first + b"," + result(requests[1], 2) + b"]"

    node.answer = answer
    with client(f"http://{node.at}") as rpc:
        assert rpc.batch([("eth_call", [{}, "latest"]), ("eth_chainId", [])]) == [1, 2]


def test_what_never_passes_is_what_the_node_says(node, monkeypatch):
    monkeypatch.setattr(module, "_PAUSES", (0.0, 0.0))
    node.answer = lambda request: (200, error(request, "BlockOutOfRangeError"))
    with client(f"http://{node.at}") as rpc, pytest.raises(JsonRpcError, match="BlockOutOfRange"):
        rpc.call("eth_call", {}, "latest")
    assert len(node.asked) == 3


@pytest.mark.parametrize(("method", "times"), [("eth_chainId", 6), ("eth_sendRawTransaction", 1)])
def test_a_read_is_asked_again_when_the_node_says_so_and_a_write_is_not(node, monkeypatch, method, times):
    monkeypatch.setattr(module, "_PAUSES", (0.0,) * 5)
    node.answer = lambda _request: (503, b"later")
    with client(f"http://{node.at}") as rpc, pytest.raises(ChainUnavailable, match="503"):
        rpc.call(method)
    assert len(node.asked) == times


def test_a_proxy_of_the_environment_is_not_meant_for_this_machine(node, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with client(f"http://{node.at}") as rpc:
        assert rpc.call("eth_chainId") == 1


class Authority:
    """A certificate authority of its own, as a broker's IT runs one."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._certify(self.key.public_key(), self.key, name, is_authority=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name):
        """Return a file with a certificate for this machine, and one with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certify(key.public_key(), self.key, name, is_authority=False)
        files = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        unsealed = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *unsealed))
        return files

    def _certify(self, public, signer, name, *, is_authority):
        now = datetime.datetime.now(datetime.UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([LOOPBACK]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )


@pytest.fixture
def authority(tmp_path, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    return Authority(tmp_path, "authority")


@pytest.fixture
def context(authority):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority.issue("node"))
    return made


def test_a_certificate_of_the_brokers_own_authority(authority, context, tmp_path, monkeypatch):
    with running(context) as node:
        with client(f"https://{node.at}") as rpc, pytest.raises(ChainUnavailable, match=r"chain\.ca_file"):
            rpc.call("eth_chainId")
        with client(f"https://{node.at}", ca_file=authority.file) as rpc:
            assert rpc.call("eth_chainId") == 1
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        with client(f"https://{node.at}") as rpc:
            assert rpc.call("eth_chainId") == 1
        other = Authority(tmp_path, "other")
        with client(f"https://{node.at}", ca_file=other.file) as rpc, pytest.raises(ChainUnavailable, match="trusted"):
            rpc.call("eth_chainId")  # what the setting says counts, not the environment


def test_a_client_certificate(authority, context):
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    certificate, key = authority.issue("broker")
    with running(context) as node:
        with client(f"https://{node.at}", ca_file=authority.file) as rpc, pytest.raises(ChainUnavailable):
            rpc.call("eth_chainId")
        ours = {"ca_file": authority.file, "client_certificate": certificate, "client_key": key}
        with client(f"https://{node.at}", **ours) as rpc:
            assert rpc.call("eth_chainId") == 1


def test_a_certificate_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="ca_file"):
        RpcEndpoint("https://chain", ca_file=tmp_path / "nothing.pem")


class SocketNode:
    """A node behind a Unix socket whose `answers` are the bytes of each answer, in pieces."""

    def __init__(self, path, answers):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.answers, self.asked = answers, []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError):
                for line in lines:
                    self.asked.append(json.loads(line))
                    pieces = self.answers(self.asked[-1])
                    if pieces is None:
                        break
                    for piece in pieces:
                        connection.sendall(piece)


@pytest.fixture
def make_socket_node(tmp_path):
    made = []

    def make(answers):
        path = tmp_path / "node.ipc"
        made.append(SocketNode(path, answers))
        return str(path), made[-1]

    yield make
    for node in made:
        node.listener.close()


def test_a_socket_answers_in_whatever_pieces(make_socket_node):
    def answers(request):
        data = result(request, "x}" * 100_000)
        return [data[:7], data[7:150_000], data[150_000:] + b"\n"]

    path, _node = make_socket_node(answers)
    with client(path) as rpc:
        assert rpc.call("eth_chainId") == "x}" * 100_000
        assert rpc.batch([]) == []


def test_a_socket_that_was_closed_meanwhile_is_opened_anew(make_socket_node):
    path, node = make_socket_node(lambda request: None if len(node.asked) == 2 else [result(request)])
    with client(path) as rpc:
        assert [rpc.call("eth_chainId") for _ in range(2)] == [1, 1]
    assert len(node.asked) == 3


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([b"[" * 100_000 + b"]" * 100_000], "depth"),
        ([b"{", b'"a": '], "in time"),
        ([b'{"a": 1} x]'], "in time"),
        ([b" " * 3000], "more than 1000 bytes"),
    ],
)
def test_what_a_socket_may_not_answer(make_socket_node, pieces, told, monkeypatch):
    if "bytes" in told:
        monkeypatch.setattr(providers, "MAX_ANSWER_BYTES", 1000)
    path, _node = make_socket_node(lambda _request: pieces)
    rpc = JsonRpc(RpcEndpoint(path), timeout_seconds=0.3)
    with pytest.raises(ChainUnavailable, match=told):
        rpc.call("eth_chainId")
    rpc.close()


def test_a_socket_that_is_not_there(tmp_path):
    with client(str(tmp_path / "nothing.ipc")) as rpc, pytest.raises(ChainUnavailable, match="No such file"):
        rpc.call("eth_chainId")


@pytest.mark.chain
def test_a_real_node_behind_a_socket(tmp_path):
    path = tmp_path / "anvil.ipc"
    command = [find_anvil(), "--ipc", path, "--port", "0", "--accounts", "0", "--chain-id", "77", "--quiet"]
    anvil = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with client(str(path)) as rpc:
            wait_until(path.exists, "anvil's socket", processes=[anvil])
            assert rpc.call("eth_chainId") == "0x4d"
            assert rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])]) == ["0x4d", "0x0"]
    finally:
        anvil.terminate()
        anvil.wait()


def test_a_client_is_made_of_a_url_alone(node):
    rpc = HttpRpc(f"http://{node.at}")
    assert rpc.call("eth_chainId") == 1
    rpc.close()
