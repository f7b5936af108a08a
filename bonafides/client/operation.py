"""Which operation of the description a method calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])
_NAME = "operation_id"


def operation(operation_id: str) -> Callable[[Method], Method]:
    """Say of a method which operation it calls, by the `operationId` of api/openapi.json."""

    def mark(method: Method) -> Method:
        setattr(method, _NAME, operation_id)
        return method

    return mark


def operations_of(client: type[object]) -> dict[str, str]:
    """Return the operation of each method that calls one, by the method's name."""
    methods = {name: getattr(client, name) for name in dir(client)}
    return {name: getattr(method, _NAME) for name, method in methods.items() if hasattr(method, _NAME)}
