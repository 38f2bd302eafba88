"""Verifies the signature of a Stripe webhook over the raw bytes before parsing the event."""

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core.errors import Refused
from core.events.event_rows import Json
from core.events.field_allowlist import event_id

# https://docs.stripe.com/webhooks#verify-manually
TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 16
MAX_HEADER_CHARACTERS = 4096
MAX_NESTING = 64
MAX_DIGITS = 18
MAX_NAME_CHARACTERS = 255
_UNSTORABLE_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# Turns every digit into 0 and anything else into a space, so that a number too long for an amount is a run of zeros.
_DIGITS = bytes(ord("0") if 48 <= code <= 57 else ord(" ") for code in range(256))
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True)
class SignedEvent:
    """An event with a valid signature, and which of the configured secrets verified it (0 is the first)."""

    event: Json
    secret_index: int


def read_signed_event(body: bytes, header: str, secrets: Sequence[str], *, now: datetime) -> SignedEvent:
    """The event in `body`; raises `Refused` with `bad_signature`, `stale_timestamp` or `malformed_body`.

    Any of `secrets` verifies, so that a secret can be rolled with no gap. `now` is wall time.
    """
    timestamp, signatures = _parse_header(header)
    secret_index = _verifying_secret(body, timestamp, signatures, secrets)
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise Refused("stale_timestamp", "The signature's timestamp is more than 300 seconds from now.")
    return SignedEvent(_parse_event(body), secret_index)


def sign(body: bytes, secret: str, *, timestamp: int) -> str:
    """The `Stripe-Signature` header for `body`: hex HMAC-SHA256 of `timestamp.body`."""
    return f"t={timestamp},v1={_digest(body, str(timestamp), secret)}"


def _parse_header(header: str) -> tuple[str, list[str]]:
    if not header or len(header) > MAX_HEADER_CHARACTERS or not header.isascii():
        raise _bad_signature()
    pairs = [item.strip().partition("=")[::2] for item in header.split(",")]
    timestamps = [value for name, value in pairs if name == "t"]
    signatures = [value for name, value in pairs if name == "v1"]
    if len(timestamps) != 1 or not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise _bad_signature()
    if not timestamps[0].isdigit() or len(timestamps[0]) > 12:
        raise _bad_signature()
    return timestamps[0], signatures


def _verifying_secret(body: bytes, timestamp: str, signatures: list[str], secrets: Sequence[str]) -> int:
    for index, secret in enumerate(secrets):
        expected = _digest(body, timestamp, secret)
        if any([hmac.compare_digest(expected, signature) for signature in signatures]):
            return index
    raise _bad_signature()


def _digest(body: bytes, timestamp: str, secret: str) -> str:
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()


def _parse_event(body: bytes) -> Json:
    event = _parse(body)
    if not isinstance(event, dict) or not _is_name(event.get("id")) or not _is_name(event.get("type")):
        raise Refused("malformed_body", "The body is not an event: it has no id or no type.")
    event["id"] = event_id(event["id"])
    return event


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARACTERS


def _parse(body: bytes) -> Any:
    """Parse with the fast parser if the body is surely harmless, else with one that checks depth, numbers and text."""
    escaped = b"\\" in body and b"\\u" in body and _UNSTORABLE_ESCAPE.search(body)
    needs_checks = escaped or b"0" * (MAX_DIGITS + 1) in body.translate(_DIGITS)
    if not needs_checks and _surely_shallow(body):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # the other parser finds out what is wrong
    try:
        text = body.decode("utf-8")
        _refuse_deep_nesting(body)
        event = json.loads(text, parse_int=_bounded_int, parse_float=_bounded_float, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("malformed_body", "The body is not a valid JSON document of an event.") from error
    return _storable(event)


def _surely_shallow(body: bytes) -> bool:
    """Whether removing innermost pairs of brackets soon leaves none. Brackets in strings can make it answer False."""
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(MAX_NESTING // 2):
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets


def _refuse_deep_nesting(body: bytes) -> None:
    """Count the depth outside of strings, in one pass, before a parser recurses."""
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", _STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_NESTING:
            raise ValueError("nested too deeply")


def _bounded_int(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError("an integer too long for an amount")
    return int(digits)


def _bounded_float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number too large")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _storable(value: Any) -> Any:
    """The value with characters replaced that Postgres cannot store (NUL, lone surrogates)."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value


def _bad_signature() -> Refused:
    return Refused("bad_signature", "The signature does not match this body and any configured secret.")
