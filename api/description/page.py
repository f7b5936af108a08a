"""The page that shows the description: one static file, without a script and without anything from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from api.description.build import Description

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1b1f24; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #c9ced6; }
h3 { margin-bottom: 0; font-family: ui-monospace, monospace; font-size: 1rem; }
p { margin: .3rem 0; }
code, pre { font-family: ui-monospace, monospace; font-size: .85rem; }
pre { background: #f4f5f7; padding: .8rem; overflow-x: auto; }
table { border-collapse: collapse; margin: .4rem 0; }
td { padding: .1rem .8rem .1rem 0; vertical-align: top; }
.roles { color: #57606a; }
"""
_REFERENCE = re.compile(r"&quot;#/components/schemas/(\w+)&quot;")


def render(description: Description) -> bytes:
    """Return the page as UTF-8."""
    info = description["info"]
    body = "\n".join([*_operations(description), *_schemas(description)])
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(info["title"])}</title>\n'
        f"<style>{_STYLE}</style>\n<h1>{escape(info['title'])}, version {escape(info['version'])}</h1>\n"
        f"<p>{escape(info['summary'])}</p>\n<p>{escape(info['description'])}</p>\n{body}\n</html>\n"
    ).encode()


def _operations(description: Description) -> Iterator[str]:
    groups: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, item in description["paths"].items():
        for method, operation in item.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    for tag, operations in groups.items():
        yield f"<h2>{escape(tag)}</h2>"
        for method, path, operation in operations:
            yield from _operation(method, path, operation)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{operation["operationId"]}">{method} {escape(path)}</h3>'
    yield f"<p>{escape(operation['summary'])}</p>"
    yield f'<p class="roles">for: {escape(", ".join(operation["x-roles"]))}</p>'
    rows = [
        _row(parameter["name"], parameter["schema"]) for parameter in operation["parameters"] if "name" in parameter
    ]
    if "requestBody" in operation:
        rows += [_row(f"body, {media}", one["schema"]) for media, one in operation["requestBody"]["content"].items()]
    for status, answer in operation["responses"].items():
        if status != "default":
            rows += [_row(f"{status}, {media}", one["schema"]) for media, one in answer["content"].items()]
    yield f"<table>{''.join(rows)}</table>"


def _row(name: str, schema: Mapping[str, Any]) -> str:
    return f"<tr><td>{escape(name)}<td><code>{_linked(json.dumps(schema))}</code></tr>"


def _schemas(description: Description) -> Iterator[str]:
    yield "<h2>Schemas</h2>"
    for name, schema in description["components"]["schemas"].items():
        text = _linked(json.dumps(schema, indent=1, ensure_ascii=True))
        yield f'<details id="{name}"><summary><code>{name}</code></summary><pre>{text}</pre></details>'


def _linked(text: str) -> str:
    return _REFERENCE.sub(r'<a href="#\1">\1</a>', escape(text))
