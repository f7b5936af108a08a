"""One table from errors to problems."""

import pytest

from api.problems import CONTENT_TYPE, problem_of, status_of
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.problem_types import kind_of_type


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("a.b", "range", "x"), 422),
        (InvalidInput("body", "json", "x"), 400),
        (InvalidInput("body", "max-bytes", "x"), 413),
        (Refused("duplicate", "x"), 409),
        (Refused("unauthenticated", "x"), 401),
        (Refused("wrong-role", "x"), 403),
        (Refused("member-suspended", "x"), 403),
        (Refused("record-not-found", "x"), 404),
        (VerificationFailed("signature", "x"), 422),
        (CouldNotCheck("store-busy", "x"), 503),
        (CouldNotCheck("store-full", "x"), 507),
    ],
)
def test_each_kind_has_its_status(error, status):
    assert status_of(error) == status
    problem = problem_of(error)
    assert (problem["status"], problem["code"], problem["detail"]) == (status, error.code, "x")
    assert kind_of_type(problem["type"]) is type(error)
    assert problem["type"].endswith(error.code)
    assert CONTENT_TYPE == "application/problem+json"


def test_malformed_input_names_field_and_rule():
    problem = problem_of(InvalidInput("payload.level", "one-of", "must be a level"))
    assert (problem["field"], problem["rule"]) == ("payload.level", "one-of")
    assert "field" not in problem_of(Refused("duplicate", "x"))


def test_every_leaf_of_the_error_tree_is_in_the_table():
    for kind in BonafidesError.__subclasses__():
        error = kind("f", "r", "d") if kind is InvalidInput else kind("code", "d")
        assert 400 <= status_of(error) < 600
