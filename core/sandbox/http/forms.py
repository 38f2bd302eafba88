"""Stripe's form encoding, `items[0][price]=…`, read into nested dicts and lists."""

from typing import Any
from urllib.parse import parse_qsl

from core.sandbox.engine.errors import invalid

MAX_DEPTH = 12


def decode_form(body: bytes) -> dict[str, Any]:
    """Later values win; raises a 400 for a malformed or very deep name."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=2000)
    except ValueError as error:
        raise invalid("Invalid request body: it is not a form that can be read.") from error
    root: dict[str, Any] = {}
    for name, value in pairs:
        _place(root, _parts(name), value)
    return {name: _lists(value) for name, value in root.items()}


def _parts(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    if not bracket:
        return [head]
    if not rest.endswith("]") or not head:
        raise invalid(f"Invalid parameter name: {name[:80]}", name[:80])
    parts = [head, *rest[:-1].split("][")]
    if len(parts) > MAX_DEPTH:
        raise invalid(f"Invalid parameter name: {name[:80]}", name[:80])
    return parts


def _place(node: dict[str, Any], parts: list[str], value: str) -> None:
    for part in parts[:-1]:
        inner = node.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = node[part] = {}
        node = inner
    last = parts[-1] or str(len(node))
    node[last] = value


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    read = {name: _lists(value) for name, value in node.items()}
    if read and all(name.isdigit() for name in read):
        return [read[name] for name in sorted(read, key=int)]
    return read
