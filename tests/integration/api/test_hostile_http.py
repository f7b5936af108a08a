"""What no client of ours sends: wrong content types and encodings, numbers too long, half characters, doubled names.

Each operation of the description gets each of them, as a role that may call it; the tests' node holds every answer to
the description, and none may be a crash.
"""

import gzip
import json

import pytest

from api.resources.openapi import read_description
from tests.world.lived import is_unknown_yet, lived

DESCRIPTION = json.loads(read_description())
OPERATIONS = [
    pytest.param(path, method.upper(), operation, id=f"{method.upper()} {path}")
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
]
POSTS = [case for case in OPERATIONS if case.values[1] == "POST"]
JSON = "application/json"
DEEP = 100_000
BODIES = {
    "nothing": b"",
    "white space": b" \n\t ",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "nul": b"\0",
    "a text with nul": b'{"subject": "\\u0000", "reason": "\\u0000", "client_ref": "a\\u0000b", "did": "\\u0000"}',
    "half a character": b'{"subject": "\\ud800", "client_ref": "\\ud800", "did": "\\udfff", "name": "\\ud800x"}',
    "half a name": b'{"\\ud800": 1}',
    "not utf-8": b'{"subject": "\xff\xfe"}',
    "utf-16": '{"subject": "a"}'.encode("utf-16"),
    "utf-32": '{"subject": "a"}'.encode("utf-32"),
    "gb18030": '{"subject": "客户"}'.encode("gb18030"),
    "a byte order mark": b'\xef\xbb\xbf{"subject": "a"}',
    "overlong utf-8": b'{"subject": "\xc0\x80"}',
    "a float without end": b'{"at": 1e400, "deadline": -1e400, "status_list": 1e400}',
    "not a number": b'{"at": NaN, "deadline": Infinity}',
    "an integer of 5,000 digits": b'{"deadline": ' + b"9" * 5000 + b', "clients": ' + b"9" * 5000 + b"}",
    "minus nothing": b'{"deadline": -0, "at": -0.0}',
    "a name twice": b'{"subject": "a", "subject": "b"}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep inside": b'{"payload": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a long name": b'{"' + b"n" * 100_000 + b'": 1}',
    "a comment": b'{"subject": "a" /* b */}',
    "two documents": b'{"subject": "a"}{"subject": "b"}',
    "lines": b'{}\n\n[]\nnull\n{"subject": "\\ud800"}\n\xff\n{"deadline": 1e400}\n',
}
TYPES = (
    None,
    "",
    JSON,
    "application/x-ndjson",
    "application/json; charset=utf-16",
    'APPLICATION/JSON; charset="nothing"; charset=utf-8',
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=" + "b" * 300,
    "application/xml",
    "application/octet-stream",
    "x",
    "/",
    "application/json, application/x-ndjson",
    "a/b;" + "x=y;" * 500,
)
ENCODINGS = ("gzip", "x-gzip", "GZIP", "gzip, gzip", "br", "identity", "", "deflate", "compress", "\x7f")
QUERIES = (
    "",
    "client_ref=a&client_ref=b",
    "key=a&key=b&start=1&start=2&count=1&count=x&at=1&at=2&after=&after=a&limit=1&limit=0&block=1&block=x",
    "start=-1&count=-1&block=-1&limit=-1&after=-1&at=-1",
    "start=" + "9" * 5000 + "&count=" + "9" * 5000 + "&block=" + "9" * 5000 + "&limit=" + "9" * 5000,
    "start=1.0&count=1e3&block=0x10&limit=%2B1&after=1.0&at=now",
    "start=%D9%A1&count=%D9%A1&block=%D9%A1&limit=%D9%A1",
    "client_ref=%00&key=%00&at=%00&after=%00&start=%00",
    "client_ref=%FF%FE&key=%FF&at=%FF&after=%FF",
    "client_ref=%ED%A0%80&key=%ED%A0%80&at=%ED%A0%80&after=%ED%A0%80",
    "client_ref&key&at&after&start&count&limit&block",
    "%00=1&%FF=2&=3&&&;;",
    "client_ref=" + "a" * 5000,
    "client_ref[]=a&client_ref[0]=a",
)
SEGMENTS = (
    "x", "%00", "%FF", "%ED%A0%80", "%2F", "..", ".", "%2E%2E", "%0A", "0", "-1", "9" * 5000, "1e400", "%D9%A1", "a;b",
    "did:ethr:0x7a69:0x" + "0" * 40, "did:ethr:0x7a69:0x" + "f" * 40, "did:ethr:0x0:0x", "null", "00" * 32, "FF" * 32,
)  # fmt: skip
HEADERS = (
    {"Idempotency-Key": ""},
    {"Idempotency-Key": "k" * 5000},
    {"Idempotency-Key": "\xe4"},
    {"Accept": "nothing/nothing;q=x"},
    {"Accept-Encoding": "gzip;q=nan, *;q=-1"},
    {"If-None-Match": '"', "If-Modified-Since": "yesterday", "Range": "bytes=5-1,,-"},
    {"X-HTTP-Method-Override": "DELETE", "X-Forwarded-For": "\xff, ::1", "Forwarded": "for=_x"},
    {"Cookie": "a" * 4000},
    {"Content-Length": "5"},
    {"Transfer-Encoding": "chunked"},
    {"Expect": "200-ok", "Connection": "upgrade", "Upgrade": "h2c"},
)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = lived(tmp_path_factory.mktemp("hostile"))
    yield node
    node.broker.store.dispose()


def caller(node, operation):
    """The header of a role that may call an operation."""
    token = next((node.tokens[role] for role in operation["x-roles"] if role in node.tokens), None)
    return {"Authorization": f"Bearer {token}"} if token else {}


def send(node, operation, path, method, query="", data=None, **headers):
    """Send, and return the answer; what the description does not say of it has failed already."""
    given = {name: value for name, value in {**caller(node, operation), **headers}.items() if value is not None}
    answer = node.broker.http.open(path, method=method, query_string=query, data=data, headers=given)
    problem = answer.get_json(silent=True) or {}
    assert answer.status_code < 500 or is_unknown_yet(answer.status_code, problem, answer.headers), answer.data
    described = operation["responses"].get(str(answer.status_code), {}).get("content", {})
    if answer.status_code >= 400 and answer.mimetype not in described:
        assert answer.content_type == "application/problem+json"
        assert problem["status"] == answer.status_code
    return answer


def at(path, segment="00" * 32):
    return "/".join(segment if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize(("path", "method", "operation"), POSTS)
def test_any_body_of_any_type(node, path, method, operation):
    for body in BODIES.values():
        for media in (JSON, "application/x-ndjson"):
            send(node, operation, at(path), method, data=body, **{"Content-Type": media})
    for media in TYPES:
        send(node, operation, at(path), method, data=b'{"subject": "a"}', **{"Content-Type": media})


@pytest.mark.parametrize(("path", "method", "operation"), POSTS)
def test_any_encoding_of_a_body(node, path, method, operation):
    for encoding in ENCODINGS:
        for body in (b"{}", gzip.compress(b"{}"), gzip.compress(b"{}")[:-4], gzip.compress(gzip.compress(b"{}")), b""):
            named = {"Content-Type": JSON, "Content-Encoding": encoding}
            send(node, operation, at(path), method, data=body, **named)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_any_query_and_any_header(node, path, method, operation):
    for query in QUERIES:
        send(node, operation, at(path), method, query)
    for headers in HEADERS:
        send(node, operation, at(path), method, data=b"{}", **{"Content-Type": JSON, **headers})


@pytest.mark.parametrize(("path", "method", "operation"), [case for case in OPERATIONS if "{" in case.values[0]])
def test_any_name_in_a_path(node, path, method, operation):
    for segment in SEGMENTS:
        send(node, operation, at(path, segment), method, data=b"{}", **{"Content-Type": JSON})
