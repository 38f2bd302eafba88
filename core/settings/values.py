"""The types of settings: how each value is read from text, and the error for an invalid one."""

import logging
import re
from base64 import b64decode
from typing import Annotated, NoReturn
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

EXPLAINED = "explained"  # the type of an error made by `refuse`, which has its own sentences
SEPARATE = "Separate several with commas, without quotes or brackets."
TOKEN_MIN_LENGTH = 6
STRIPE_SECRET_MIN_LENGTH = len("whsec_") + 8


def refuse(what: str, fix: str) -> NoReturn:
    """Raise an error with two sentences for whoever starts payops. Neither may contain the value: it may be secret."""
    raise PydanticCustomError(EXPLAINED, "{what} {fix}", {"what": what, "fix": fix})


def _time_zone(value: str) -> str:
    fix = "Use a name such as America/New_York."
    first = value.split("/")[0].lower()
    if first in {"localtime", "posixrules", "factory"}:
        refuse(f"is {first}, which differs from machine to machine or names no zone.", fix)
    if first in {"right", "posix"}:
        refuse(f"starts with {first}/, which is another way of counting the same zones.", fix)
    try:
        ZoneInfo(value)
    except (OSError, LookupError, ValueError):
        refuse("is not the name of a time zone.", fix)
    return value


def _parts(value: object) -> object:
    """The entries of a comma-separated list. JSON and quotes are refused, since they would become part of an entry."""
    if not isinstance(value, str):
        return value
    if value.startswith(("[", "{", '"', "'")):
        refuse("is written as JSON or in quotes.", SEPARATE)
    parts = tuple(part.strip() for part in value.split(",") if part.strip())
    if any(len(part.split()) > 1 for part in parts):
        refuse("holds an entry with a space in it.", SEPARATE)
    if any(";" in part for part in parts):
        refuse("separates its entries with a semicolon.", SEPARATE)
    return parts


def _standard_webhook_parts(value: object) -> object:
    """The secrets of a list; accepts Supabase's notation, `v1,whsec_…`, with `|` between several."""
    parts = _parts(value.replace("|", ",") if isinstance(value, str) else value)
    if not isinstance(parts, tuple):
        return parts
    secrets = tuple(part for part in parts if part != "v1")
    if parts and not secrets:
        refuse("holds a version without its secret.", "Each is whsec_ and base64; separate several with commas.")
    return secrets


def _alert_urls(value: object) -> object:
    """The addresses, split by Apprise because one may contain commas; refuses any that Apprise does not understand."""
    if not isinstance(value, str):
        return value
    from apprise import Apprise
    from apprise.utils.parse import parse_urls

    if value.startswith(("[", "{")):
        refuse("is written as JSON.", SEPARATE)
    found = tuple(each.rstrip(",") for line in value.splitlines() for each in parse_urls(line))  # type: ignore[no-untyped-call]
    apprise_log = logging.getLogger("apprise")
    apprise_log.disabled = True  # it would log an address that it does not know, passwords included
    known = [Apprise.instantiate(each, suppress_exceptions=True) is not None for each in found]
    apprise_log.disabled = False
    if not all(known):
        refuse("holds an address that Apprise does not know.", "Each names a service, such as slack:// or mailto://.")
    return found


def _stripe_webhook_secrets(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        value = secret.get_secret_value()
        if not value.startswith("whsec_") or len(value) < STRIPE_SECRET_MIN_LENGTH or not value.isascii():
            refuse(
                "holds an entry that is not a webhook secret.", "Each starts with whsec_; separate several with commas."
            )
    return secrets


def _standard_webhook_secrets(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        prefix, _, encoded = secret.get_secret_value().partition("_")
        try:
            valid = prefix == "whsec" and len(encoded) >= 8 and bool(b64decode(encoded, validate=True))
        except ValueError:
            valid = False
        if not valid:
            refuse(
                "holds an entry that is not a Standard Webhooks secret.",
                "Each is whsec_ and base64; separate several with commas.",
            )
    return secrets


def _tokens(tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(token.get_secret_value()) < TOKEN_MIN_LENGTH for token in tokens):
        refuse("holds a token that can be guessed.", "Make each with: openssl rand -hex 32")
    return tokens


def _one_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().split()) != 1 or secret.get_secret_value().startswith(('"', "'", "[")):
        refuse("is more than one word, or in quotes.", "Set exactly one, as it was given to you.")
    return secret


def _url(value: str) -> str:
    parts = split_address(value)
    if parts.username is not None:
        refuse("holds a login.", "Use an address such as https://example.com.")
    if parts.query or parts.fragment:
        refuse("holds a query or a fragment.", "Use an address such as https://example.com.")
    return value.rstrip("/")


def split_address(value: str) -> SplitResult:
    """The parts of an http or https URL; refuses anything else."""
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError for a port that is not a number
    except ValueError:
        refuse("is not an address.", "Use an address such as https://example.com.")
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(value.split()) != 1:
        refuse("is not an http or https address.", "Use an address such as https://example.com.")
    return parts


def origin_of(url: str) -> str:
    """The scheme, host and port of a URL, as a browser sends them in `Origin`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """The origins (scheme, host and port) in lower case, as browsers send them; a slash at the end is ignored."""
    return tuple(map(_origin, values))


def _origin(value: str) -> str:
    fix = "An origin is a scheme and a host, such as https://shop.example.com."
    try:
        parts = urlsplit(value.rstrip("/"))
        _ = parts.port
    except ValueError:
        refuse("holds an entry that is not an origin.", fix)
    if parts.scheme not in {"http", "https"} or not _is_host(parts.hostname or ""):
        refuse("holds an entry without http:// or https://, or without a host.", fix)
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        refuse("holds an entry with more than an origin, such as a path.", fix)
    return origin_of(value.rstrip("/").lower())


def _hosts(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _is_host(value.removeprefix("*.")) and value != "*":
            refuse(
                "holds an entry that is not a host name.",
                "Leave out the scheme, port and path: pay.example.com or *.example.com.",
            )
    return tuple(value.lower() for value in values)


def _is_host(name: str) -> bool:
    """Whether this is a host name of letters, digits, dots and hyphens, or an IPv6 address with or without brackets."""
    bare = name.removeprefix("[").removesuffix("]")
    if ":" in bare:
        return all(character in "0123456789abcdefABCDEF:." for character in bare)
    labels = bare.split(".")
    return all(label and label.replace("-", "").replace("_", "").isalnum() and label.isascii() for label in labels)


def _sentry_dsn(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.username or not parts.path.strip("/"):
        refuse("is not a Sentry DSN.", "It looks like https://key@host/project.")
    return secret


def _postgres_address(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.startswith(("postgres://", "postgresql://")) or "host=" in value or "dbname=" in value):
        refuse("is not a Postgres address.", "It looks like postgresql://login:password@host:5432/database.")
    hosts = value.partition("://")[2].partition("/")[0].rpartition("@")[2] if "://" in value else ""
    if any(not re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(:\d{1,5})?", host) for host in hosts.split(",")):
        refuse("has a port that is not a number.", "It looks like postgresql://login:password@host:5432/database.")
    return secret


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Url = Annotated[str, AfterValidator(_url)]
Secret = Annotated[SecretStr, AfterValidator(_one_secret)]
SentryDsn = Annotated[SecretStr, AfterValidator(_sentry_dsn)]
PostgresAddress = Annotated[SecretStr, AfterValidator(_postgres_address)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts), AfterValidator(_origins)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts), AfterValidator(_hosts)]
Tokens = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_parts), AfterValidator(_tokens)]
StripeWebhookSecrets = Annotated[
    tuple[SecretStr, ...], NoDecode, BeforeValidator(_parts), AfterValidator(_stripe_webhook_secrets)
]
StandardWebhookSecrets = Annotated[
    tuple[SecretStr, ...], NoDecode, BeforeValidator(_standard_webhook_parts), AfterValidator(_standard_webhook_secrets)
]
AlertUrls = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_alert_urls)]
