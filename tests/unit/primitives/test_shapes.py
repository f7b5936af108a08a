import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidInput
from primitives.shapes import (
    AnyOf,
    Anything,
    Base64Url,
    Boolean,
    Bytes,
    Cases,
    Constant,
    Decimal,
    Fields,
    Hex,
    Integer,
    Line,
    ListOf,
    MapOf,
    Moment,
    Named,
    Nullable,
    Object,
    OneOf,
    Text,
    Time,
    named_schemas,
)
from tests.json_schema import Validator

CODE = Text(max=4, pattern="[a-c]+|x")
PERSON = Fields({"name": Text(max=5), "role": OneOf("reviewer", "committee")}, {"since": Nullable(Integer(0, 9))})
EXACT = {
    "text": Text(controls=True),
    "text of a length": Text(max=3, min=2, controls=True),
    "empty text": Text(max=1, min=0),
    "text with a bound": Text(max=3),
    "text with a pattern": CODE,
    "line": Line(3),
    "constant": Constant("bonafides.act/1"),
    "choice": OneOf("a", "b"),
    "integer": Integer(-3, 3),
    "boolean": Boolean(),
    "bytes": Bytes(2),
    "bytes of any number": Bytes(),
    "hex": Hex(1),
    "anything": Anything(),
    "null or": Nullable(OneOf("a")),
    "null or text": Nullable(Text(max=2)),
    "list": ListOf(Integer(0, 3), 1, 3),
    "list without repeats": ListOf(OneOf("a", "b", "c"), 0, 3, unique=True),
    "map": MapOf(CODE, Boolean(), 1, 2),
    "object": PERSON,
    "open object": Fields({"a": Boolean()}, open=True),
    "either": AnyOf(Boolean(), Integer(0, 1), PERSON),
    "bytes with a prefix": Bytes(1, "0x"),
    "any object": Object(),
    "decimal": Decimal(),
    "cases": Cases(
        Fields({"name": OneOf("a", "b")}, {"role": Anything()}), "name", "role", {"a": Boolean(), "b": PERSON}
    ),
    "nested": Fields({"a": ListOf(PERSON, 0, 2)}, {"b": MapOf(Text(max=2), Nullable(CODE))}),
}
LOOSER = {
    "base64url": Base64Url(2),
    "multibase": Base64Url(1, "u"),
    "moment": Moment(),
    "time": Time(),
}  # their schema takes more than `read` does

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=6),
    st.text("abcx\n\t 09f", max_size=6),
    st.sampled_from(
        ["0xab", "reviewer", "committee", "bonafides.act/1", "\ufffd", "a\u202eb", "ab\n", "", "\U0001ffff"]
    ),
)
NAMES = st.sampled_from(["name", "role", "since", "a", "b", "x", "ab\n"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-10, 10), st.just(2**53), st.just(0.5), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(NAMES, inner, max_size=3),
        st.fixed_dictionaries({"name": TEXTS, "role": TEXTS}, optional={"since": SCALARS}),
    ),
    max_leaves=8,
)


def takes(shape, value):
    try:
        shape.read(value, "value")
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize("name", EXACT)
@given(value=VALUES)
def test_a_shape_reads_exactly_what_its_schema_takes(name, value):
    shape = EXACT[name]
    assert takes(shape, value) == Validator(shape.json_schema()).is_valid(value)


@pytest.mark.parametrize("name", EXACT | LOOSER)
@given(value=VALUES)
def test_a_quick_yes_is_a_reading_that_changes_nothing(name, value):
    shape = (EXACT | LOOSER)[name]
    if shape.test()(value):
        read = shape.read(value, "value")
        assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (Text(max=2), "ab", ["", "abc", "a\n", "a\ud800", 1, None]),
        (Text(max=2, controls=True), "a\n", ["abc", 1]),
        (CODE, "abc", ["d", "abcab", "a\n"]),
        (Line(3), "a b", ["", "abcd", "a\n", "\ufffd", 1]),
        (Constant("a"), "a", ["b", None, ["a"]]),
        (OneOf("a", "b"), "b", ["c", ["a"], {}]),
        (Integer(1, 2), 2, [0, 3, True, 1.0, "1"]),
        (Boolean(), False, [0, 1, None]),
        (Hex(1), "0f", ["0F", "0", "0f0f", "0f\n", b"0f"]),
        (Nullable(Integer()), None, ["", False]),
        (Named("Code", CODE.note("letters")), "a", ["d"]),
        (ListOf(Integer(0, 3), 1, 2, unique=True), [0, 3], [[], [0, 0], [4], (0, 3), [0, 1, 2], "01"]),
    ],
    ids=repr,
)
def test_the_quick_test_of_a_shape_says_yes_and_no(shape, good, bad):
    test = shape.test()
    assert test(good)
    assert not any(map(test, bad))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base64url", "AAA"),
        ("multibase", "uAA"),
        ("moment", "2026-11-21T09:16:38.123+08:00"),
        ("time", "1970-01-01T08:00:00.000+08:00"),
    ],
)
def test_a_looser_schema_takes_what_is_read(name, value):
    assert takes(LOOSER[name], value)
    assert Validator(LOOSER[name].json_schema()).is_valid(value)


@pytest.mark.parametrize(("name", "value"), [("base64url", "AAB"), ("time", "2026-02-30T09:16:38.123+08:00")])
def test_reading_is_stricter_where_a_schema_cannot_say_it(name, value):
    assert not takes(LOOSER[name], value)
    assert Validator(LOOSER[name].json_schema()).is_valid(value)


@pytest.mark.parametrize("shape", [*EXACT.values(), *LOOSER.values()], ids=repr)
def test_schemas_are_json_schema_and_words_are_words(shape):
    Validator.check_schema(shape.json_schema())
    assert shape.describe()


@pytest.mark.parametrize(
    ("shape", "value", "where", "rule"),
    [
        (Text(max=3), 1, "v", "text"),
        (Text(max=3), "", "v", "length"),
        (Text(max=3), "abcd", "v", "length"),
        (Text(max=3), "a\x1f", "v", "control-character"),
        (Text(max=3), "\ud800", "v", "unicode"),
        (CODE, "abd", "v", "pattern"),
        (CODE, "ab\n", "v", "control-character"),
        (Text(pattern="0x[0-9a-f]+", rule="address"), "0X1", "v", "address"),
        (Line(9), None, "v", "text"),
        (Line(9), "0123456789", "v", "length"),
        (Line(9), "a\nb", "v", "one-line"),
        (Constant("a"), "b", "v", "constant"),
        (OneOf("a"), "b", "v", "one-of"),
        (OneOf("a"), ["a"], "v", "one-of"),
        (Integer(), True, "v", "integer"),
        (Integer(), 1.0, "v", "integer"),
        (Integer(1, 2), 3, "v", "range"),
        (Boolean(), 1, "v", "boolean"),
        (Bytes(2), "AB01", "v", "hex"),
        (Hex(2), "ab", "v", "length"),
        (Base64Url(2), "AAB", "v", "base64"),
        (Time(), "2026-11-21T09:16:38+08:00", "v", "record-time"),
        (Moment(), "2026-02-30T09:16:38.123+08:00", "v", "date-time"),
        (ListOf(Boolean()), {}, "v", "list"),
        (ListOf(Boolean(), 1), [], "v", "length"),
        (ListOf(Boolean()), [True, 1], "v[1]", "boolean"),
        (ListOf(Text(), unique=True), ["a", "a"], "v", "unique"),
        (MapOf(CODE, Boolean()), [], "v", "object"),
        (MapOf(CODE, Boolean(), 1), {}, "v", "length"),
        (MapOf(CODE, Boolean()), {"d": True}, "v key", "pattern"),
        (MapOf(CODE, Boolean()), {"a": 1}, "v.a", "boolean"),
        (PERSON, [], "v", "object"),
        (PERSON, {"name": "a", "role": "reviewer", "rank": 1}, "v.rank", "unknown-member"),
        (PERSON, {"name": "a"}, "v.role", "required"),
        (PERSON, {"name": "a", "role": "reviewer", "since": 10}, "v.since", "range"),
        (Bytes(1, "0x"), "01", "v", "hex"),
        (Base64Url(1, "u"), "AA", "v", "multibase"),
        (Decimal(), "01", "v", "decimal"),
        (Decimal(), 1, "v", "decimal"),
        (Object(), [], "v", "object"),
        (EXACT["cases"], {"name": "a", "role": 1}, "v.role", "boolean"),
        (EXACT["cases"], {"name": "b", "role": {}}, "v.role.name", "required"),
        (AnyOf(Boolean(), Integer(0, 1)), 2, "v", "range"),
    ],
    ids=repr,
)
def test_a_refusal_names_place_and_rule(shape, value, where, rule):
    with pytest.raises(InvalidInput) as caught:
        shape.read(value, "v")
    assert (caught.value.field, caught.value.rule) == (where, rule)


def test_the_place_of_a_members_name_is_bounded():
    with pytest.raises(InvalidInput) as caught:
        PERSON.read({"x" * 100_000: 1}, "v")
    assert len(caught.value.field) < 1000


def test_a_whole_document_has_no_place_before_its_members():
    with pytest.raises(InvalidInput) as caught:
        PERSON.read({}, "")
    assert caught.value.field == "name"


def test_what_was_read_keeps_spelling_and_order():
    value = {"role": "reviewer", "since": None, "name": "Li"}
    read = PERSON.read(value, "v")
    assert list(read.items()) == list(value.items())
    assert read is not value


def test_bytes_and_moments_are_read_as_what_they_mean():
    assert Bytes(2).read("ab01", "v") == b"\xab\x01"
    assert Moment().read("1970-01-01T08:00:01.000+08:00", "v") == 1000


def test_a_function_makes_a_value_of_what_was_read_or_refuses_it():
    def halve(value, where):
        if value % 2:
            raise InvalidInput(where, "range", "must be even")
        return value // 2

    half = Integer(0, 9).then(halve)
    assert half.read(4, "v") == 2
    with pytest.raises(InvalidInput, match="even"):
        half.read(3, "v")


def test_an_open_object_leaves_out_what_it_does_not_know():
    assert Fields({"a": Boolean()}, open=True).read({"a": True, "b": 1}, "v") == {"a": True}


def test_shapes_are_values():
    assert Fields({"a": Text(max=3)}) == Fields({"a": Text(max=3)})
    assert Text(max=3) != Text(max=4)


def test_names_become_references_and_components():
    did = Named("Did", Text(max=9).note("Whose."))
    shape = Fields({"did": did, "others": ListOf(did)})
    assert shape.json_schema()["properties"]["did"] == {"$ref": "#/components/schemas/Did"}
    assert named_schemas(shape) == {"Did": {**Text(max=9).json_schema(), "description": "Whose."}}


def test_one_name_is_of_one_shape():
    with pytest.raises(ValueError, match="Did"):
        named_schemas(ListOf(Named("Did", Text())), Named("Did", Line(3)))
