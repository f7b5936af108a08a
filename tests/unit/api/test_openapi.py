"""The description and the routes are the same, in both directions."""

import json
import re
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

from api.app import create_app
from api.auth import PUBLIC_ROUTES
from api.openapi import read_description

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def description():
    return json.loads(read_description())


@pytest.fixture(scope="module")
def routes():
    app = create_app(SimpleNamespace())
    return {
        (method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
    }


def operations(description):
    return {(method, path): op for path, item in description["paths"].items() for method, op in item.items()}


def test_every_route_is_described_and_every_description_is_a_route(description, routes):
    assert set(operations(description)) == routes


def test_public_routes_are_described_as_public(description):
    public = {key for key, op in operations(description).items() if op["x-roles"] == ["public"]}
    assert public == {(method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule)) for method, rule in PUBLIC_ROUTES}


def test_every_reference_resolves(description):
    text = json.dumps(description)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        found = description
        for part in reference.split("/"):
            found = found[part]


def test_no_schema_is_left_over(description):
    text = json.dumps(description)
    unused = [name for name in description["components"]["schemas"] if f'/schemas/{name}"' not in text]
    assert unused == []


def test_schemas_are_json_schema(description):
    for schema in description["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_operation_ids_are_unique(description):
    ids = [op["operationId"] for op in operations(description).values()]
    assert len(set(ids)) == len(ids)


def test_every_operation_says_what_a_problem_looks_like(description):
    assert all("default" in op["responses"] for op in operations(description).values())
