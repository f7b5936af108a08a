"""Holds every answer of a test to the packaged OpenAPI description."""

import json
import re
from functools import cache

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from api.openapi import read_description

DESCRIPTION = json.loads(read_description())
_REGISTRY = Registry().with_resource("urn:api", Resource(contents=DESCRIPTION, specification=DRAFT202012))


@cache
def _validator(pointer):
    return Draft202012Validator({"$ref": f"urn:api#{pointer}"}, registry=_REGISTRY)


def _escape(part):
    return part.replace("~", "~0").replace("/", "~1")


def check_answer(rule, method, answer):
    """Fail when an answer is not what the description says of its route, status and content type."""
    if rule is None or (answer.status_code in (404, 405) and not rule):
        return
    path = re.sub(r"<(\w+)>", r"{\1}", rule)
    responses = DESCRIPTION["paths"][path][method.lower()]["responses"]
    media = answer.content_type.split(";")[0]
    status = str(answer.status_code)
    if media == "application/problem+json":
        _validator("/components/schemas/Problem").validate(answer.get_json())
        return
    assert status in responses, f"{method} {path} answered {status}"
    assert media in responses[status]["content"], f"{method} {path} {status} answered {media}"
    pointer = f"/paths/{_escape(path)}/{method.lower()}/responses/{status}/content/{_escape(media)}/schema"
    if media == "application/json":
        _validator(pointer).validate(answer.get_json())
    elif media == "application/x-ndjson":
        for line in answer.data.splitlines():
            _validator(pointer).validate(json.loads(line))
