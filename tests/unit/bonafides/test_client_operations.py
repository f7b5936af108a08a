"""The client has one method for each operation of the description, with the types that the description gives."""

import inspect
import json
import re
from pathlib import Path

import httpx
import pytest

from bonafides.client import Client, type_of, types
from bonafides.client.operation import operations_of
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed

ROOT = Path(__file__).resolve().parents[3]
DESCRIPTION = json.loads((ROOT / "api" / "openapi.json").read_text("utf-8"))
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in DESCRIPTION["paths"].items()
    for method, operation in operations.items()
}
METHODS = operations_of(Client)
KEY = "a-key-of-this-request"
TEXT = "lines of text\n"
# what is verified, or read by something else, is bytes or text
BYTES = {
    *("checkpoint", "trust_file", "former_trust_file", "metrics", "export", "log_tile", "growth", "add_checkpoint"),
    *(f"{of}_{what}" for of in ("replay", "related") for what in ("bundle", "summary", "report")),
}

SPELLED = {"answer_order"}  # these take a document as it is spelled: its digest counts


def test_each_operation_is_called_by_one_method():
    assert sorted(METHODS.values()) == sorted(OPERATIONS)


def arguments_of(name):
    """Return an argument for each parameter of a method, as its type says."""
    given = {}
    for parameter in list(inspect.signature(getattr(Client, name)).parameters.values())[1:]:
        annotation = parameter.annotation
        if parameter.name == "idempotency_key":
            given[parameter.name] = KEY
        elif annotation.startswith("Iterable["):
            given[parameter.name] = [{"a": 1}, {"a": 2}]
        elif annotation == "bytes":  # a document whose spelling counts
            given[parameter.name] = b'{"a":1}'
        elif annotation.startswith("types."):
            is_text = getattr(types, annotation.removeprefix("types.")) == "str"
            given[parameter.name] = TEXT if is_text else {"a": 1}
        else:
            given[parameter.name] = 7 if annotation.startswith("int") else "with/slash"
    return given


@pytest.mark.parametrize("name", METHODS)
def test_a_method_calls_its_operation_with_all_that_it_is_given(name):
    method, path, operation = OPERATIONS[METHODS[name]]
    seen = []

    def answer(request):
        seen.append(request)
        lines = request.headers.get("Content-Type") == "application/x-ndjson"
        return httpx.Response(200, content=b'{"status":"accepted"}\n' * (2 if lines else 1))

    with Client("http://node", "token", transport=httpx.MockTransport(answer)) as client:
        given = arguments_of(name)
        told = getattr(client, name)(**given)
        told = list(told) if inspect.isgenerator(told) else told
    (request,) = seen
    assert request.method == method
    # a tile's place has slashes, and an identity's number none
    expected = re.sub(r"\{\w+\}", "with%2Fslash", path.replace("{place}", "with/slash").replace("{number}", "7"))
    assert request.url.raw_path.decode().partition("?")[0] == expected
    parameters = [shown(parameter) for parameter in operation.get("parameters", [])]
    assert set(request.url.params) == {one["name"] for one in parameters if one["in"] == "query"}
    keyed = any(one["name"] == "Idempotency-Key" for one in parameters)
    content = shown(operation["requestBody"])["content"] if "requestBody" in operation else {}
    if "application/x-ndjson" in content:
        assert request.content == b'{"a":1}\n{"a":2}\n'
        assert told == [{"status": "accepted"}] * 2
    elif "text/plain" in content:
        assert request.content == TEXT.encode()
    elif content:
        assert json.loads(request.content) == {"a": 1}
    if "application/x-ndjson" not in content:
        assert request.headers.get("Idempotency-Key") == (KEY if keyed else None)
        assert told is not None


def shown(part):
    """Return a part of the description, or what it refers to."""
    while "$ref" in part:
        found = DESCRIPTION
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def schema_name(content):
    """Return the name of a schema, or of the one beside `RefusedLine` where there are lines."""
    schemas = [found["schema"] for found in content.values()]
    names = {
        one["$ref"].rpartition("/")[2] for schema in schemas for one in schema.get("anyOf", [schema]) if "$ref" in one
    }
    return next(iter(names - {"RefusedLine"}), None)


@pytest.mark.parametrize("name", METHODS)
def test_its_types_are_those_of_the_description(name):
    _, _, operation = OPERATIONS[METHODS[name]]
    signature = inspect.signature(getattr(Client, name))
    content = shown(operation["requestBody"])["content"] if "requestBody" in operation else {}
    lines = "application/x-ndjson" in content
    named = [schema_name(shown(a).get("content", {})) for s, a in operation["responses"].items() if s.startswith("2")]
    (answer,) = set(named)
    if name not in BYTES and answer is not None:
        assert signature.return_annotation == (f"types.Answers[types.{answer}]" if lines else f"types.{answer}")
    if content:
        taken = f"types.{schema_name(content)}"
        wanted = f"Iterable[{taken}]" if lines else "bytes" if name in SPELLED else taken
        assert wanted in [one.annotation for one in signature.parameters.values()]
        assert hasattr(types, schema_name(content))


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("urn:bonafides:problem:invalid-input", InvalidInput),
        ("urn:bonafides:problem:refused:task-unknown", Refused),
        ("urn:bonafides:problem:failed:signature", VerificationFailed),
        ("urn:bonafides:problem:unknown:store-busy", CouldNotCheck),
    ],
)
def test_errors_are_told_apart_by_their_type_alone(type_, kind):
    body = {"type": type_, "title": "标题", "status": 418, "detail": "why", "code": type_.rpartition(":")[2]}
    more = {"field": "a", "rule": "text"} if kind is InvalidInput else {}
    told = httpx.Response(418, json=body | more, headers={"Content-Type": "application/problem+json"})
    with Client("http://node", transport=httpx.MockTransport(lambda _: told)) as client, pytest.raises(kind) as caught:
        client.propose_task({"task_id": "00" * 32})
    assert type_of(caught.value) == type_
