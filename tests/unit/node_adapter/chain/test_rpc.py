"""JSON-RPC against a server that misbehaves in each way."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from node_adapter.chain.errors import ChainUnavailable, JsonRpcError
from node_adapter.chain.rpc import HttpRpc, quantity
from primitives.errors import InvalidInput


@pytest.fixture
def server():
    """A server whose `answer(request)` gives the body, or None to hang up; it counts connections."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            self.server.connections += 1

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = self.server.answer(request)
            if body is None:
                self.close_connection = True
                return
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            if self.server.hang_up:
                self.close_connection = True  # without saying so: as a node that restarts
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.connections, server.hang_up = 0, False
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def rpc(server):
    rpc = HttpRpc(server.url, timeout_seconds=0.5)
    yield rpc
    rpc.close()


def result(request, value):
    return {"jsonrpc": "2.0", "id": request["id"], "result": value}


def test_a_call_gives_its_result_over_one_connection(server, rpc):
    server.answer = lambda request: result(request, [request["method"], request["params"]])
    assert rpc.call("eth_x", 1, "y") == ["eth_x", [1, "y"]]
    assert rpc.call("eth_z") == ["eth_z", []]
    assert server.connections == 1


def test_answers_of_a_batch_stand_in_the_order_of_the_calls(server, rpc):
    server.answer = lambda requests: [result(request, request["params"][0]) for request in reversed(requests)]
    assert rpc.batch([("a", [1]), ("b", [2]), ("c", [3])]) == [1, 2, 3]
    assert rpc.batch([]) == []


def test_a_connection_that_was_closed_meanwhile_is_made_anew(server, rpc):
    server.answer = lambda request: result(request, 1)
    server.hang_up = True
    assert [rpc.call("a"), rpc.call("b")] == [1, 1]
    assert server.connections == 2


def test_the_nodes_error_is_kept(server, rpc):
    error = {"code": 3, "message": "execution reverted", "data": "0x12"}
    server.answer = lambda request: {"id": request["id"], "error": error}
    with pytest.raises(JsonRpcError) as caught:
        rpc.call("eth_call")
    assert (caught.value.rpc_code, caught.value.data) == (3, "0x12")
    server.answer = lambda request: {"id": request["id"], "error": "a text"}
    with pytest.raises(JsonRpcError, match="a text"):
        rpc.call("eth_call")
    server.answer = lambda requests: {"id": None, "error": {"code": -32600, "message": "no batches"}}
    with pytest.raises(JsonRpcError, match="no batches"):
        rpc.batch([("a", [])])


@pytest.mark.parametrize("body", [None, b"<html>", b"[]", b"7"])
def test_what_is_no_answer_is_unavailable(server, rpc, body):
    server.answer = lambda request: body
    with pytest.raises(ChainUnavailable):
        rpc.call("eth_x")


@pytest.mark.parametrize("answers", [[], [{"id": 999, "result": 1}, {"id": 998, "result": 1}], [1, 2]])
def test_a_batch_that_lacks_answers_is_unavailable(server, rpc, answers):
    server.answer = lambda requests: answers
    with pytest.raises(ChainUnavailable):
        rpc.batch([("a", []), ("b", [])])


def test_silence_is_unavailable_in_time(server, rpc):
    server.answer = lambda request: time.sleep(1.5)
    begin = time.monotonic()
    with pytest.raises(ChainUnavailable, match="in time"):
        rpc.call("eth_x")
    assert time.monotonic() - begin < 1.4


def test_nobody_there_is_unavailable():
    rpc = HttpRpc("http://127.0.0.1:9", timeout_seconds=0.5)
    with pytest.raises(ChainUnavailable, match="cannot be reached"):
        rpc.call("eth_x")


def test_quantities_have_no_leading_zeros():
    assert [quantity(number) for number in (0, 10, 255)] == ["0x0", "0xa", "0xff"]


@pytest.mark.parametrize("answer", [{}, {"title": "Unauthorized", "status": 401}, [], "x", 7, None])
def test_a_server_that_speaks_no_json_rpc_is_unavailable(server, rpc, answer):
    server.answer = lambda requests: json.dumps(answer).encode()
    with pytest.raises(ChainUnavailable):
        rpc.call("eth_chainId")
    with pytest.raises(ChainUnavailable):
        rpc.batch([("a", []), ("b", [])])


@pytest.mark.parametrize("url", ["nonsense", "", "ftp://x", "http://", "http://h:port", "http://h:99999", "http://[1"])
def test_what_is_no_url_is_refused_by_name(url):
    with pytest.raises(InvalidInput) as caught:
        HttpRpc(url)
    assert (caught.value.field, caught.value.rule) == ("chain.rpc_url", "url")
