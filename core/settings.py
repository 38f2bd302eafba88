"""The settings: read once from the environment and `.env`, and refused with every problem at once."""

import hashlib
import os
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from core.money import Money


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class PaymentMode(StrEnum):
    SANDBOX = "sandbox"
    DEVELOPMENT = "development"
    PRODUCTION = "production"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one variable, and how to mend it; never its value."""

    variable: str
    what: str
    mend: str
    needs_mode: bool = False  # true only of the payment mode that was told or detected

    def __str__(self) -> str:
        return f"{self.variable}: {self.what} {self.mend}"


class SettingsError(Exception):
    """The settings do not fit together; `problems` names all of them."""

    def __init__(self, problems: tuple[Problem, ...]):
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.username is not None:
        raise ValueError("an address carries no login")
    _ = parts.port  # raises ValueError on a port that is no number
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an http(s) address")
    return value.rstrip("/")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, LookupError) as error:
        raise ValueError("not a time zone") from error
    return value


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


Url = Annotated[str, AfterValidator(_url)]
List = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MENDS = {
    "environment": "Use development, staging or production.",
    "payment_mode": "Use sandbox, development or production.",
    "log_format": "Use console or json.",
    "log_level": "Use DEBUG, INFO, WARNING or ERROR.",
    "payments_suspended": "Use true or false.",
    "business_timezone": "Use a name such as America/New_York.",
    "session_hours": "Use a number of hours above 0.",
    "rate_limit_per_minute": "Use a whole number above 0.",
    "refund_limit": "Use an amount in the major unit, such as 200.",
}
LEGACY = {
    "STRIPE_WEBHOOK_SECRET": "STRIPE_WEBHOOK_SECRETS",
    "REACT_APP_PAYMENT_MODE": "PAYMENT_MODE",
    "REACT_APP_ENVIRONMENT": "ENVIRONMENT",
    "REACT_APP_STRIPE_PUBLISHABLE_KEY": "STRIPE_PUBLISHABLE_KEY",
    "REACT_APP_API_BASE_URL": "API_BASE_URL",
}


class Settings(BaseSettings):
    """Every setting by its variable's name in lower case; made by `load_settings`, never by hand."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    environment: Environment = Environment.DEVELOPMENT
    payment_mode: PaymentMode = PaymentMode.SANDBOX
    stripe_secret_key: SecretStr | None = None
    stripe_publishable_key: str | None = None
    stripe_webhook_secrets: SecretList = ()
    stripe_api_base: Url | None = None
    supabase_url: Url | None = None
    supabase_secret_key: SecretStr | None = None
    database_url: SecretStr | None = None
    migration_database_url: SecretStr | None = None
    data_dir: Path = Path(".payops")
    intake_webhook_secrets: SecretList = ()
    api_tokens: SecretList = ()
    supabase_jwt_issuer: Url | None = None
    cookie_key: SecretStr | None = None
    session_hours: float = Field(default=12, gt=0, le=8760)
    business_timezone: Annotated[str, AfterValidator(_zone)] = "America/New_York"
    alert_urls: SecretList = ()
    sentry_dsn: SecretStr | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    payments_suspended: bool = False
    checkout_return_origins: List = ()
    cors_origins: List = ()
    allowed_hosts: List = ()
    rate_limit_per_minute: int = Field(default=600, gt=0)
    public_base_url: Url = "http://localhost:8501"
    api_base_url: Url = "http://localhost:8000"
    refund_limit: Decimal = Field(default=Decimal(200), ge=0, le=10_000_000)
    warnings: tuple[str, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @property
    def database_kind(self) -> Literal["supabase", "postgres", "embedded"]:
        if self.supabase_url:
            return "supabase"
        return "postgres" if self.database_url else "embedded"

    @property
    def business_zone(self) -> ZoneInfo:
        return ZoneInfo(self.business_timezone)

    @property
    def refund_limit_minor(self) -> int:
        """In cents: the limit is in usd."""
        return Money.from_major(self.refund_limit, "usd").minor


def load_settings(env: Mapping[str, str] | None = None, env_file: str | Path | None = ".env") -> Settings:
    """The environment wins over `env_file`; raises `SettingsError` with all problems and no secret's value."""
    problems: list[Problem] = []
    from_file = _read(Path(env_file), problems) if env_file else {}
    given = {**from_file, **(os.environ if env is None else env)}
    raw = {name: value.strip() for name, value in given.items() if value and value.strip()}
    warnings, switched_off = _take_legacy_names(raw)
    if "LOG_LEVEL" in raw:
        raw["LOG_LEVEL"] = raw["LOG_LEVEL"].upper()
    fields: dict[str, Any] = {
        name: raw[name.upper()] for name in Settings.model_fields if name != "warnings" and name.upper() in raw
    }
    if "payment_mode" not in fields and (mode := _detected_mode(fields, problems)):
        fields["payment_mode"] = mode
    fields.setdefault("data_dir", str(_default_data_dir()))
    if switched_off:
        fields["payments_suspended"] = "true"
    settings, misread = _parsed({**fields, "warnings": warnings}, problems)
    known = {problem.variable for problem in problems}
    mode_unknown = not misread.isdisjoint({"environment", "payment_mode"}) or "PAYMENT_MODE" in known
    problems += [
        problem
        for problem in _refusals(settings)
        if problem.variable not in known and not (mode_unknown and problem.needs_mode)
    ]
    if problems:
        raise SettingsError(tuple(problems))
    return _with_origins_and_hosts(settings)


def _read(env_file: Path, problems: list[Problem]) -> dict[str, str | None]:
    try:
        return dotenv_values(env_file, interpolate=False)
    except UnicodeDecodeError:
        problems.append(Problem(env_file.name, "is no UTF-8 text.", "Save it as UTF-8."))
        return {}


def _take_legacy_names(raw: dict[str, str]) -> tuple[tuple[str, ...], bool]:
    """Move the replaced system's names to ours; also whether its emergency switch suspends payments."""
    live = raw.get("STRIPE_SECRET_KEY", "").startswith(("sk_live_", "rk_live_"))
    in_production = "production" in {raw.get("ENVIRONMENT", raw.get("REACT_APP_ENVIRONMENT")), raw.get("PAYMENT_MODE")}
    switched_off = live and in_production and raw.get("REACT_APP_PAYMENT_MODE") == "sandbox"
    warnings = []
    if switched_off:
        del raw["REACT_APP_PAYMENT_MODE"]
        warnings.append("REACT_APP_PAYMENT_MODE=sandbox with live keys: new payments are suspended.")
    for old, new in LEGACY.items():
        if old in raw and raw.setdefault(new, raw[old]) != raw[old]:
            warnings.append(f"{old} and {new} differ: {new} is used. Remove {old}.")
    return tuple(warnings), switched_off


def _detected_mode(fields: Mapping[str, str], problems: list[Problem]) -> PaymentMode | None:
    key, environment = fields.get("stripe_secret_key", ""), fields.get("environment", "development")
    if environment == "production":
        return PaymentMode.PRODUCTION
    if key.startswith(("sk_test_", "rk_test_")):
        return PaymentMode.DEVELOPMENT
    if key or environment != "staging":
        return PaymentMode.SANDBOX  # a key or an environment that does not belong is refused in its own words
    problems.append(Problem("PAYMENT_MODE", "cannot be told from the other settings.", MENDS["payment_mode"]))
    return None


def _parsed(fields: dict[str, Any], problems: list[Problem]) -> tuple[Settings, frozenset[str]]:
    """The settings without the values that are not understood, so that the others are judged too; and their names."""
    try:
        return Settings(**fields), frozenset()
    except ValidationError as error:
        misread = frozenset(str(one["loc"][0]) for one in error.errors(include_input=False, include_context=False))
    for name in sorted(misread):
        mend = MENDS.get(name, "Use an address such as https://example.com.")
        problems.append(Problem(name.upper(), "is not understood.", mend))
    return Settings(**{name: value for name, value in fields.items() if name not in misread}), misread


def _refusals(settings: Settings) -> list[Problem]:
    return [
        *_key_refusals(settings),
        *_secret_refusals(settings),
        *_chosen(
            [
                (
                    not _can_be_used(settings.data_dir),
                    "DATA_DIR",
                    "is no folder that can be written to.",
                    "Name one that can.",
                )
            ]
        ),
        *_production_refusals(settings),
    ]


def _can_be_used(folder: Path) -> bool:
    """Whether the folder, or the nearest one above it that is there, is one that this user may write to."""
    try:
        nearest = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.exists())
        return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    except (OSError, RuntimeError, ValueError):  # a loop, a name that is too long or none at all
        return False


def _key_refusals(settings: Settings) -> list[Problem]:
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    live, test = key.startswith(("sk_live_", "rk_live_")), key.startswith(("sk_test_", "rk_test_"))
    published, mode = settings.stripe_publishable_key or "", settings.payment_mode
    production = mode is PaymentMode.PRODUCTION
    secret, public = "STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"
    unknown_public = published and not published.startswith(("pk_test_", "pk_live_"))
    other_mode = published.startswith("pk_test_") if production else published.startswith("pk_live_")
    always = [
        (
            key and not live and not test,
            secret,
            "is not a Stripe secret key.",
            "It starts with sk_ or rk_, then test_ or live_.",
        ),
        (live and settings.stripe_api_base, "STRIPE_API_BASE", "is refused with a live key.", "Remove it."),
        (unknown_public, public, "is not a publishable key.", "It starts with pk_test_ or pk_live_."),
    ]
    by_mode = [
        (
            live and not production,
            secret,
            "is a live key outside of production.",
            "Use a test key, or set ENVIRONMENT=production.",
        ),
        (
            production and not live,
            secret,
            "is no live key, which production needs.",
            "Set the key sk_live_… or rk_live_…",
        ),
        (
            mode is PaymentMode.DEVELOPMENT and not test and not live,
            secret,
            "is no test key, which development needs.",
            "Set sk_test_…",
        ),
        (other_mode, public, f"does not belong to PAYMENT_MODE {mode}.", "Use the key of the same mode."),
    ]
    return _chosen(always) + _chosen(by_mode, needs_mode=True)


def _chosen(checks: Sequence[tuple[object, str, str, str]], *, needs_mode: bool = False) -> list[Problem]:
    """The problems whose condition holds, the first one of each variable."""
    found: dict[str, Problem] = {}
    for wrong, variable, what, mend in checks:
        if wrong:
            found.setdefault(variable, Problem(variable, what, mend, needs_mode))
    return list(found.values())


def _secret_refusals(settings: Settings) -> list[Problem]:
    webhook_mend = "Each starts with whsec_; separate several with commas."
    database_mend = "It looks like postgresql://login:password@host:5432/database."
    cookie_key = settings.cookie_key.get_secret_value() if settings.cookie_key else None
    issuer = settings.supabase_jwt_issuer
    return _chosen(
        [
            (
                not all(map(_webhook_secret, settings.stripe_webhook_secrets)),
                "STRIPE_WEBHOOK_SECRETS",
                "holds something that is no webhook secret.",
                webhook_mend,
            ),
            (
                not all(map(_standard_secret, settings.intake_webhook_secrets)),
                "INTAKE_WEBHOOK_SECRETS",
                "holds something that is no Standard Webhooks secret.",
                "Each is whsec_ and base64; separate several with commas.",
            ),
            (
                cookie_key is not None and len(cookie_key.encode()) < 32,
                "COOKIE_KEY",
                "is shorter than 32 bytes.",
                "Make one with: openssl rand -hex 32",
            ),
            (
                settings.supabase_url and not settings.supabase_secret_key,
                "SUPABASE_SECRET_KEY",
                "is missing.",
                "SUPABASE_URL needs the project's secret key.",
            ),
            (_no_conninfo(settings.database_url), "DATABASE_URL", "is no Postgres address.", database_mend),
            (
                _no_conninfo(settings.migration_database_url),
                "MIGRATION_DATABASE_URL",
                "is no Postgres address.",
                database_mend,
            ),
            (
                issuer and issuer.startswith("http:") and urlsplit(issuer).hostname not in LOOPBACK,
                "SUPABASE_JWT_ISSUER",
                "is not https.",
                "Plain http is taken only for this machine.",
            ),
        ]
    )


def _webhook_secret(secret: SecretStr) -> bool:
    value = secret.get_secret_value()
    return value.startswith("whsec_") and len(value) >= 14 and value.isascii()


def _standard_secret(secret: SecretStr) -> bool:
    try:
        return _webhook_secret(secret) and bool(b64decode(secret.get_secret_value()[6:], validate=True))
    except ValueError:
        return False


def _no_conninfo(address: SecretStr | None) -> bool:
    if address is None:
        return False
    value = address.get_secret_value()
    return not (value.startswith(("postgres://", "postgresql://")) or "host=" in value or "dbname=" in value)


def _production_refusals(settings: Settings) -> list[Problem]:
    if settings.payment_mode is not PaymentMode.PRODUCTION:
        return []
    checks: Sequence[tuple[object, str, str, str]] = [
        (
            settings.environment is not Environment.PRODUCTION,
            "ENVIRONMENT",
            "must be production too.",
            "Set ENVIRONMENT=production.",
        ),
        (not settings.stripe_webhook_secrets, "STRIPE_WEBHOOK_SECRETS", "is missing.", "Set the endpoint's whsec_…"),
        (settings.database_kind == "embedded", "DATABASE_URL", "is missing.", "Set it, or SUPABASE_URL."),
        (not settings.cookie_key, "COOKIE_KEY", "is missing.", "Make one with: openssl rand -hex 32"),
        (
            not settings.public_base_url.startswith("https:"),
            "PUBLIC_BASE_URL",
            "is not https.",
            "Set an https address.",
        ),
        (not settings.api_base_url.startswith("https:"), "API_BASE_URL", "is not https.", "Set an https address."),
    ]
    return _chosen(checks, needs_mode=True)


def _with_origins_and_hosts(settings: Settings) -> Settings:
    local = () if settings.payment_mode is PaymentMode.PRODUCTION else ("http://localhost", "http://127.0.0.1")
    hosts = (
        urlsplit(settings.public_base_url).hostname,
        urlsplit(settings.api_base_url).hostname,
        "localhost",
        "127.0.0.1",
    )
    return settings.model_copy(
        update={
            "checkout_return_origins": settings.checkout_return_origins or (_origin(settings.public_base_url), *local),
            "allowed_hosts": settings.allowed_hosts or tuple(dict.fromkeys(host for host in hosts if host)),
        }
    )


def _default_data_dir() -> Path:
    if os.geteuid() != 0:
        return Path(".payops")
    checkout = Path(__file__).resolve().parent.parent
    return Path("/var/lib/payops") / hashlib.sha256(str(checkout).encode()).hexdigest()[:8]
