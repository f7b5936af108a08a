"""The description and the routes are the same, in both directions."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

from api import idempotency
from api.app import create_app
from api.auth import PUBLIC_ROUTES
from api.description.build import build, routes_of, to_bytes
from api.description.page import render
from api.resources.openapi import read_description
from evidence.version2.documents import claim, receipt, trust
from suitability.records import RECORD_TYPES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "openapi.html"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def description():
    return json.loads(read_description())


@pytest.fixture(scope="module")
def routes():
    app = create_app(SimpleNamespace())
    return {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
    }


def operations(description):
    return {(method, path): op for path, item in description["paths"].items() for method, op in item.items()}


def test_every_route_is_described_and_every_description_is_a_route(description, routes):
    assert set(operations(description)) == routes


def test_what_is_checked_in_is_what_is_built():
    built = build(routes_of(create_app(SimpleNamespace())))
    assert read_description() == to_bytes(built)
    assert PAGE.read_bytes() == render(built)


def test_the_page_shows_every_operation_and_takes_nothing_from_elsewhere(description):
    page = PAGE.read_text("utf-8")
    for op in operations(description).values():
        assert f'<h3 id="{op["operationId"]}">' in page
    for name in description["components"]["schemas"]:
        assert f'<details id="{name}">' in page
    assert re.findall(r"<script|<link|<img|src=|@import|url\(|href=\"(?!#)", page) == []


def test_what_a_schema_holds_cannot_become_markup():
    words = "<script>alert(1)</script>"
    built = build(routes_of(create_app(SimpleNamespace())))
    built["paths"]["/healthz"]["get"]["summary"] = words
    built["components"]["schemas"]["Did"] = {"description": words}
    assert words.encode() not in render(built)


def test_a_route_that_is_not_described_is_told():
    with pytest.raises(ValueError, match="/v1/new"):
        build({**routes_of(create_app(SimpleNamespace())), ("GET", "/v1/new"): ("public",)})


def test_each_record_type_has_the_schema_of_its_payload(description):
    cases = {
        case["properties"]["type"]["const"]: case["properties"]["payload"]
        for case in description["components"]["schemas"]["Fact"]["anyOf"]
    }
    assert cases.keys() == RECORD_TYPES.keys()
    for code, reference in cases.items():
        schema = description["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
        assert schema["required"] == list(RECORD_TYPES[code].fields)


def test_public_routes_are_described_as_public(description):
    public = {key for key, op in operations(description).items() if op["x-roles"] == ["public"]}
    assert public == {(method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)) for method, rule in PUBLIC_ROUTES}


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


def test_every_parameter_says_what_it_takes(description):
    limits = {"$ref", "pattern", "enum", "const", "maximum", "maxLength"}
    for operation in operations(description).values():
        for parameter in operation["parameters"]:
            assert "$ref" in parameter or parameter["schema"].keys() & limits, (operation["operationId"], parameter)


def test_the_key_of_a_request_is_described_as_it_is_read(description):
    pattern = description["components"]["parameters"]["IdempotencyKey"]["schema"]["pattern"]
    for key, taken in {"k" * 200: True, "!~": True, "": False, "k" * 201: False, "a b": False, "\xe4": False}.items():
        assert (re.search(pattern, key) is not None) == taken
        assert (idempotency._KEY.fullmatch(key) is not None) == taken


@pytest.mark.parametrize(
    ("name", "shape"), [("Receipt", receipt.RECEIPT), ("TrustFile", trust.TRUST), ("Claim", claim.CLAIM)]
)
def test_a_document_is_described_member_by_member_as_it_is_read(description, name, shape):
    schema = description["components"]["schemas"][name]
    assert schema["required"] == list(shape.required)
    assert loose(schema) == []


def loose(schema, place=""):
    """The places of a schema that say no more than "an object"."""
    if isinstance(schema, list):
        return [found for index, inner in enumerate(schema) for found in loose(inner, f"{place}/{index}")]
    if not isinstance(schema, dict):
        return []
    bare = schema.get("type") == "object" and not schema.keys() & {"properties", "propertyNames"}
    return [place] * bare + [found for name, inner in schema.items() for found in loose(inner, f"{place}/{name}")]


# What another reader reads, or is free by its nature: documents of other standards, fields by type, what people write.
LOOSE = {
    "Bundle": 1, "Credential": 1, "CredentialToVerify": 2, "CredentialVerdict": 1, "DataUses": 1, "DatasetRequest": 1,
    "DidResolution": 3, "Draft": 1, "DraftRequest": 2, "ExportRequest": 1, "Fact": 2, "FactAnswer": 1, "GateRequest": 1,
    "IssueWitness": 1, "MemberResolution": 3, "PeerAnswer": 1, "PeerMessage": 1, "Proof": 3, "ReplayReport": 1,
    "ReplayRequest": 1, "RulesetRequest": 1, "Rulesets": 1, "Task": 1,
}  # fmt: skip


def test_no_other_schema_says_only_that_there_is_an_object(description):
    found = {name: len(loose(schema)) for name, schema in description["components"]["schemas"].items()}
    assert {name: count for name, count in found.items() if count} == LOOSE
