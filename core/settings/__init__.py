"""The settings: read once from the environment and `.env`; all problems are reported together."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import ValidationError

from core.settings.model import Environment, PaymentMode, Settings
from core.settings.values import EXPLAINED, origin_of

__all__ = ["Environment", "PaymentMode", "Problem", "Settings", "SettingsError", "load_settings"]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one variable, and how to fix it; never its value."""

    variable: str
    what: str
    fix: str
    needs_mode: bool = False  # applies only in the payment mode that was set or detected

    def __str__(self) -> str:
        return f"{self.variable}: {self.what} {self.fix}"


class SettingsError(Exception):
    """The settings are invalid or contradict each other; `problems` lists everything that is wrong."""

    def __init__(self, problems: tuple[Problem, ...]):
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
FIXES = {
    "environment": "Use development, staging or production.",
    "payment_mode": "Use sandbox, development or production.",
    "log_format": "Use console or json.",
    "otel_traces_exporter": "Use otlp, console or none.",
    "otel_sdk_disabled": "Use true or false.",
    "log_level": "Use DEBUG, INFO, WARNING or ERROR.",
    "payments_suspended": "Use true or false.",
    "business_timezone": "Use a name such as America/New_York.",
    "oidc_name": "Use a name of up to 40 characters, such as Okta.",
    "session_hours": "Use a number of hours above 0, at most 8760.",
    "rate_limit_per_minute": "Use a whole number above 0.",
    "events_kept_days": "Use a whole number of days, at least 30.",
    "calls_kept_days": "Use a whole number of days, at least 30.",
    "backfill_requests_per_second": "Use a number from 0.1 to 100.",
    "refund_limit": "Use an amount in the major unit, such as 200.",
}
LEGACY = {
    "STRIPE_WEBHOOK_SECRET": "STRIPE_WEBHOOK_SECRETS",
    "REACT_APP_PAYMENT_MODE": "PAYMENT_MODE",
    "REACT_APP_ENVIRONMENT": "ENVIRONMENT",
    "REACT_APP_STRIPE_PUBLISHABLE_KEY": "STRIPE_PUBLISHABLE_KEY",
    "REACT_APP_API_BASE_URL": "API_BASE_URL",
}


def load_settings(env: Mapping[str, str] | None = None, env_file: str | Path | None = ".env") -> Settings:
    """Read the settings; the environment wins over `env_file`. Raises `SettingsError` with all problems, no values."""
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
        problems.append(Problem(env_file.name, "is not UTF-8 text.", "Save it as UTF-8."))
        return {}


def _take_legacy_names(raw: dict[str, str]) -> tuple[tuple[str, ...], bool]:
    """Rename the former system's variables to ours; returns warnings, and whether its kill switch suspends payments."""
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
        return PaymentMode.SANDBOX  # another check refuses a key or environment that does not fit this mode
    problems.append(Problem("PAYMENT_MODE", "cannot be derived from the other settings.", FIXES["payment_mode"]))
    return None


def _parsed(fields: dict[str, Any], problems: list[Problem]) -> tuple[Settings, frozenset[str]]:
    """The settings without the invalid ones, so that the others can be checked too; and the invalid ones' names."""
    try:
        return Settings(**fields), frozenset()
    except ValidationError as error:
        found = {str(one["loc"][0]): one for one in error.errors(include_input=False)}
    for name, one in sorted(found.items()):
        what, fix = "is invalid.", FIXES.get(name, "Use an address such as https://example.com.")
        if one["type"] == EXPLAINED:
            what, fix = one["ctx"]["what"], one["ctx"]["fix"]
        problems.append(Problem(name.upper(), what, fix))
    return Settings(**{name: value for name, value in fields.items() if name not in found}), frozenset(found)


def _refusals(settings: Settings) -> list[Problem]:
    return [
        *_key_refusals(settings),
        *_secret_refusals(settings),
        *_oidc_refusals(settings),
        *_chosen(
            [
                (
                    not _can_be_used(settings.data_dir),
                    "DATA_DIR",
                    "is not a folder that can be written to.",
                    "Name one that can.",
                )
            ]
        ),
        *_production_refusals(settings),
    ]


def _can_be_used(folder: Path) -> bool:
    """Whether this user may write to the folder or, if it does not exist, to its nearest existing parent."""
    try:
        nearest = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.exists())
        return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name that is too long or invalid
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
            "is not a live key, which production needs.",
            "Set the key sk_live_… or rk_live_…",
        ),
        (
            mode is PaymentMode.DEVELOPMENT and not test and not live,
            secret,
            "is not a test key, which development needs.",
            "Set sk_test_…",
        ),
        (other_mode, public, f"does not belong to PAYMENT_MODE {mode}.", "Use the key of the same mode."),
    ]
    return _chosen(always) + _chosen(by_mode, needs_mode=True)


def _chosen(checks: Sequence[tuple[object, str, str, str]], *, needs_mode: bool = False) -> list[Problem]:
    """The problems whose condition is true, at most one (the first) for each variable."""
    found: dict[str, Problem] = {}
    for wrong, variable, what, fix in checks:
        if wrong:
            found.setdefault(variable, Problem(variable, what, fix, needs_mode))
    return list(found.values())


def _secret_refusals(settings: Settings) -> list[Problem]:
    cookie_key = settings.cookie_key.get_secret_value() if settings.cookie_key else None
    issuer = settings.supabase_jwt_issuer
    return _chosen(
        [
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
            (
                issuer and issuer.startswith("http:") and urlsplit(issuer).hostname not in LOOPBACK,
                "SUPABASE_JWT_ISSUER",
                "is not https.",
                "Plain http is accepted only for this machine.",
            ),
        ]
    )


def _oidc_refusals(settings: Settings) -> list[Problem]:
    """Problems with the OpenID provider; its three settings must be set together, or none of them."""
    issuer = settings.oidc_issuer
    given = {
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": settings.oidc_client_id,
        "OIDC_CLIENT_SECRET": settings.oidc_client_secret,
    }
    fix = "Set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET together, or none of them."
    checks: list[tuple[object, str, str, str]] = [
        (any(given.values()) and not value, name, "is missing.", fix) for name, value in given.items()
    ]
    plain = issuer and issuer.startswith("http:") and urlsplit(issuer).hostname not in LOOPBACK
    checks.append((plain, "OIDC_ISSUER", "is not https.", "Plain http is accepted only for this machine."))
    return _chosen(checks)


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
            "checkout_return_origins": settings.checkout_return_origins
            or (origin_of(settings.public_base_url), *local),
            "allowed_hosts": settings.allowed_hosts or tuple(dict.fromkeys(host for host in hosts if host)),
        }
    )


def _default_data_dir() -> Path:
    if os.geteuid() != 0:
        return Path(".payops")
    checkout = Path(__file__).resolve().parents[2]
    return Path("/var/lib/payops") / hashlib.sha256(str(checkout).encode()).hexdigest()[:8]
