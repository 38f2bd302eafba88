"""Every setting with its type and its default; `core.settings` reads and checks them."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.money import Money
from core.settings.values import (
    AlertUrls,
    Hosts,
    Origins,
    PostgresAddress,
    Secret,
    SentryDsn,
    StandardWebhookSecrets,
    StripeWebhookSecrets,
    TimeZone,
    Tokens,
    Url,
)


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class PaymentMode(StrEnum):
    SANDBOX = "sandbox"
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Every setting under its variable's name in lower case; made only by `load_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    environment: Environment = Environment.DEVELOPMENT
    payment_mode: PaymentMode = PaymentMode.SANDBOX
    stripe_secret_key: Secret | None = None
    stripe_publishable_key: str | None = None
    stripe_webhook_secrets: StripeWebhookSecrets = ()
    stripe_api_base: Url | None = None
    supabase_url: Url | None = None
    supabase_secret_key: Secret | None = None
    database_url: PostgresAddress | None = None
    read_database_url: PostgresAddress | None = None
    migration_database_url: PostgresAddress | None = None
    data_dir: Path = Path(".payops")
    intake_webhook_secrets: StandardWebhookSecrets = ()
    api_tokens: Tokens = ()
    supabase_jwt_issuer: Url | None = None
    oidc_issuer: Url | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: Secret | None = None
    oidc_name: str = Field(default="single sign-on", max_length=40)
    cookie_key: Secret | None = None
    session_hours: float = Field(default=12, gt=0, le=8760)
    business_timezone: TimeZone = "America/New_York"
    alert_urls: AlertUrls = ()
    sentry_dsn: SentryDsn | None = None
    otel_exporter_otlp_endpoint: Url | None = None
    otel_traces_exporter: Literal["otlp", "console", "none"] | None = None
    otel_sdk_disabled: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    payments_suspended: bool = False
    checkout_return_origins: Origins = ()
    cors_origins: Origins = ()
    allowed_hosts: Hosts = ()
    rate_limit_per_minute: int = Field(default=600, gt=0)
    public_base_url: Url = "http://localhost:8501"
    api_base_url: Url = "http://localhost:8000"
    events_kept_days: int = Field(default=730, ge=30)
    calls_kept_days: int = Field(default=400, ge=30)
    backfill_requests_per_second: float = Field(default=20, ge=0.1, le=100)
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
        """The refund limit in cents; it is set in US dollars."""
        return Money.from_major(self.refund_limit, "usd").minor
