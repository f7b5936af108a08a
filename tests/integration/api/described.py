"""Holds every request that is accepted, and every answer, of a test to the packaged OpenAPI description."""

import gzip
import json
from functools import cache

from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from api.description.build import described_path
from api.resources.openapi import read_description
from tests.json_schema import Validator

DESCRIPTION = json.loads(read_description())
_REGISTRY = Registry().with_resource("urn:api", Resource(contents=DESCRIPTION, specification=DRAFT202012))
_PROBLEM = "application/problem+json"
_LINES = "application/x-ndjson"


@cache
def _validator(pointer):
    return Validator({"$ref": f"urn:api#{pointer}"}, registry=_REGISTRY)


def _escape(part):
    return part.replace("~", "~0").replace("/", "~1")


def _operation(rule, method):
    path = described_path(rule)
    return DESCRIPTION["paths"][path][method.lower()], f"/paths/{_escape(path)}/{method.lower()}"


def check_answer(rule, method, answer):
    """Fail when an answer is not what the description says of its route, status and content type."""
    if rule is None or (answer.status_code in (404, 405) and not rule):
        return
    operation, pointer = _operation(rule, method)
    responses = operation["responses"]
    media = answer.content_type.split(";")[0]
    status = str(answer.status_code)
    if media == _PROBLEM:
        _validator("/components/schemas/Problem").validate(answer.get_json())
        return
    assert status in responses, f"{method} {rule} answered {status}"
    assert media in responses[status]["content"], f"{method} {rule} {status} answered {media}"
    pointer += f"/responses/{status}/content/{_escape(media)}/schema"
    data = _unpacked(answer)
    if media == "application/json":
        _validator(pointer).validate(json.loads(data))
    elif media == _LINES:
        for line in data.splitlines():
            _validator(pointer).validate(json.loads(line))


def _unpacked(answer):
    return gzip.decompress(answer.data) if answer.content_encoding == "gzip" else answer.data


def check_request(rule, method, sent, answer):
    """Fail when a request that was accepted, or a line of it, is one that the description refuses.

    Args:
        rule: the route.
        method: its method.
        sent: (media type, content encoding, body).
        answer: the answer to it, of success.
    """
    media, encoding, body = sent
    if rule is None or method != "POST" or not body:
        return
    operation, pointer = _operation(rule, method)
    data = gzip.decompress(body) if "gzip" in encoding else body
    if media != _LINES:
        assert "requestBody" in operation, f"{method} {rule} takes no body"
        if "application/json" in operation["requestBody"]["content"]:
            _validator(f"{pointer}/requestBody/content/application~1json/schema").validate(json.loads(data))
        return
    lines = [line for line in data.split(b"\n") if line.rstrip(b"\r")]
    for line, told in zip(lines, _unpacked(answer).splitlines(), strict=True):
        if "problem" not in json.loads(told):
            _validator(f"{pointer}/requestBody/content/{_escape(_LINES)}/schema").validate(json.loads(line))
