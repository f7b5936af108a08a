"""The in-process cache: a value is used only for the version that it was made from."""

from node_adapter.views import Views


def test_a_value_is_made_once_per_version():
    views, made = Views(), []

    def make():
        made.append(len(made))
        return made[-1]

    assert [views.get("k", "a", 1, make), views.get("k", "a", 1, make), views.get("k", "a", 2, make)] == [0, 0, 1]
    assert views.get("k", "b", 2, make) == 2
    assert views.get("other", "a", 2, make) == 3


def test_peek_tells_what_is_kept_whatever_its_version():
    views = Views()
    assert views.peek("k", "a") is None
    views.get("k", "a", 1, lambda: "value")
    assert views.peek("k", "a") == "value"


def test_the_least_used_entry_makes_room():
    views = Views(max_entries=2)
    for key in "abac":
        views.get("k", key, 1, lambda key=key: key)
    assert [views.peek("k", key) for key in "abc"] == ["a", None, "c"]
