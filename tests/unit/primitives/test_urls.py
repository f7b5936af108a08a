import pytest

from primitives.urls import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("https://user:geheim@node.example:8443/a/b?token=geheim#geheim", "https://node.example:8443/a/b"),
        ("https://geheim@node.example", "https://node.example"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://user:geheim@[::1", "a malformed URL"),
        ("http://user:geheim@host:no-port", "a malformed URL"),
        ("geheim", "a malformed URL"),
        ("//geheim/x", "a malformed URL"),
        ("http:geheim", "a malformed URL"),
        ("", "a malformed URL"),
    ],
)
def test_a_url_is_shown_without_what_opens_it(url, shown):
    assert shown_url(url) == shown
