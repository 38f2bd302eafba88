"""From settings to running services; the only place that picks implementations."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import structlog

from core.db import Database, embedded, timezone
from core.db.counted import CountedDatabase
from core.db.deploy import deploy
from core.db.replica import CONNECT_SECONDS, ReplicaReads
from core.db.time_limits import APPLIER, HEALTH, REPORT, WEBHOOK, TimeLimits
from core.db.via_psycopg import PsycopgDatabase
from core.errors import PayopsError, Refused, Unavailable
from core.events.api_responses import records_of
from core.monitoring.incidents import IncidentLog, database_outage
from core.payments.context import PaymentContext
from core.periods import Clock, wall_clock
from core.privacy.clinical_words import ClinicalWords
from core.privacy.outgoing import Screen
from core.providers.documents import FOLDER, DocumentStore, FolderStore
from core.providers.history_import import PastConsultation
from core.settings import PaymentMode, Settings
from core.staff.flags import Flags
from core.stripe_gateway import StripeCall, StripeGateway

START_ATTEMPTS = 6
START_PAUSE_SECONDS = 0.5
T = TypeVar("T")

log = structlog.get_logger(__name__)


class DemoSandbox(Protocol):
    """The sandbox as `payops serve` uses it; see `core.sandbox.demo_bootstrap`."""

    def write_history(self, data_dir: Path) -> bool: ...
    def objects(self, data_dir: Path, object_type: str) -> Iterable[dict[str, Any]]: ...
    def events(self, data_dir: Path, types: Sequence[str]) -> Iterable[dict[str, Any]]: ...
    def payout_contents(self, data_dir: Path) -> Iterable[tuple[str, list[str]]]: ...
    def directory_file(self, today: date) -> str: ...
    def consultations(self, data_dir: Path, *, days: int, now: datetime) -> Iterable[PastConsultation]: ...
    def bank_statement(self, data_dir: Path, since: date, until: date) -> bytes | None: ...
    def open_for_business(
        self, data_dir: Path, api_url: str, *, intake_secret: str, speed: float = 1.0, opening: bool = False
    ) -> str: ...
    def is_running(self, data_dir: Path) -> bool: ...
    def close(self, data_dir: Path) -> None: ...


@dataclass(frozen=True)
class Services:
    """The database, Stripe, clock, and secrets that a process works with; close it when the process ends."""

    settings: Settings
    db: Database
    clock: Clock
    webhook_secrets: tuple[str, ...]
    intake_secrets: tuple[str, ...] = ()

    @cached_property
    def stripe(self) -> StripeGateway:
        """Stripe, or the sandbox, which is started at the first use; each call is recorded in the database.

        Raises `Unavailable` where the sandbox does not start.
        """
        base, key = self.settings.stripe_api_base, self.settings.stripe_secret_key
        if key is not None and self.settings.payment_mode is not PaymentMode.SANDBOX:
            return StripeGateway(
                key.get_secret_value(), api_base=base, record=self._record_call, screen=self.private_text
            )
        from core.sandbox.process import ensure_running

        try:
            sandbox = ensure_running(self.settings.data_dir)
        except TimeoutError as error:
            raise Unavailable("stripe_unavailable", "The sandbox did not start.") from error
        return StripeGateway(
            sandbox.secret_key, api_base=sandbox.base_url, record=self._record_call, screen=self.private_text
        )

    @cached_property
    def private_text(self) -> Screen:
        """Refuses to tell Stripe about a patient's health or identity."""
        return Screen(ClinicalWords(self.db).all, lambda: self.clock().date())

    @cached_property
    def payment_context(self) -> PaymentContext:
        """The parts that operations on payments need."""
        return PaymentContext(
            db=self.db,
            stripe=self.stripe,
            clock=self.clock,
            flags=Flags(self.db, suspended=self.settings.payments_suspended),
            records_of=lambda answer: records_of(answer, as_of=self.clock(), livemode=self.livemode),
            refund_limit_minor=self.settings.refund_limit_minor,
        )

    @cached_property
    def licence_documents(self) -> DocumentStore:
        """Where documents that prove licences lie: in Supabase Storage, or in DATA_DIR."""
        if self.settings.supabase_url and self.settings.supabase_secret_key:
            from core.providers.supabase_documents import SupabaseStore

            return SupabaseStore(self.settings.supabase_url, self.settings.supabase_secret_key.get_secret_value())
        return FolderStore(self.settings.data_dir / FOLDER)

    def _record_call(self, call: StripeCall) -> None:
        try:
            self.db.call("record_stripe_call", **vars(call), now=self.clock())
        except PayopsError:
            log.warning("a call to Stripe could not be recorded", **vars(call))

    @property
    def livemode(self) -> bool:
        return self.settings.payment_mode is PaymentMode.PRODUCTION

    @property
    def zone(self) -> ZoneInfo:
        return self.settings.business_zone

    def pool_stats(self) -> dict[str, int]:
        """How the process uses its connections to the database; empty for a transport without a pool."""
        return self.db.pool_stats() if isinstance(self.db, CountedDatabase) else {}

    def close(self) -> None:
        self.db.close()


def start_console(settings: Settings, limits: TimeLimits) -> Services:
    """The same for the console, whose reads go to the replica if there is one."""
    running = start(settings, limits)
    if settings.read_database_url is None:
        return running
    address = settings.read_database_url.get_secret_value()
    of_replica = replace(limits, connection_seconds=CONNECT_SECONDS)
    return replace(running, db=ReplicaReads(running.db, lambda: PsycopgDatabase(address, limits=of_replica)))


def start(settings: Settings, limits: TimeLimits = REPORT) -> Services:
    """Open what `settings` name; the embedded database is started and brought up to date.

    Raises `Unavailable` where the embedded database does not start, `Refused` where DATA_DIR cannot be made; or the
    database counts its days in another time zone. Another database may be away at this moment.
    """
    make_data_dir(settings.data_dir)
    db = _persistently(partial(_opened, settings, limits))
    incidents = IncidentLog(db, settings.data_dir)
    clock = business_clock(settings)
    db.tell_of_outages(lambda error: incidents.spool(database_outage(error, clock())))
    return Services(settings, db, clock, _webhook_secrets(settings), intake_secrets(settings))


def _opened(settings: Settings, limits: TimeLimits) -> CountedDatabase:
    db = CountedDatabase(_database(settings, limits), business_clock(settings))
    try:
        if settings.database_kind == "embedded":
            zone, now = settings.business_timezone, wall_clock()
            timezone.choose(db, zone, actor="system:start", role="system", now=now, unless_chosen=True)
        _require_timezone(db, settings)
    except PayopsError:
        db.close()
        raise
    return db


def timezone_script(settings: Settings, chosen: str | None) -> str:
    """What `payops migrate --print` ends with: the zone in which days are
    counted, the setting's on a fresh database.
    """
    zone = (chosen or settings.business_timezone).replace("'", "''")
    return (
        f"select payops_api.choose_business_timezone('{zone}', 'cli:migrate', 'admin', now(), "
        f"p_unless_chosen => {'false' if chosen else 'true'});\n"
    )


def _require_timezone(db: Database, settings: Settings) -> None:
    """Another database may be away or wait for its schema: then `/readyz` says so, and checks the zone later."""
    try:
        timezone.require(db, settings.business_timezone, wall_clock())
    except PayopsError as error:
        if settings.database_kind == "embedded" or error.code in timezone.REFUSALS:
            raise
        log.warning("the time zone could not be checked yet", detail=error.detail)


def _persistently(opened: Callable[[], T]) -> T:
    """Try again for a few seconds: an embedded server that is being restarted answers a moment later."""
    for _ in range(START_ATTEMPTS - 1):
        try:
            return opened()
        except Unavailable as error:
            log.warning("the database is not there yet", detail=error.detail)
            time.sleep(START_PAUSE_SECONDS)
    return opened()


def make_data_dir(data_dir: Path) -> None:
    """Make the folder for this user alone; raises `Refused` where that is impossible."""
    try:
        embedded.make_data_dir(data_dir)
    except OSError as error:
        raise Refused(
            "data_dir_unusable", f"DATA_DIR cannot be made: {error.strerror}. Name a folder that can be written to."
        ) from error


def demo_sandbox(settings: Settings) -> DemoSandbox:
    """What the sandbox offers beyond Stripe's API: a history to start with, and live customers."""
    assert settings.payment_mode is PaymentMode.SANDBOX
    from core.sandbox import demo_bootstrap

    return demo_bootstrap


def api_tokens(settings: Settings) -> tuple[str, ...]:
    """The tokens that servers call the payment API with; the sandbox makes its own."""
    given = tuple(token.get_secret_value() for token in settings.api_tokens)
    if given or settings.payment_mode is not PaymentMode.SANDBOX:
        return given
    from core.sandbox.secrets import sandbox_secrets

    return (sandbox_secrets(settings.data_dir).api_token,)


def embedded_database(settings: Settings) -> tuple[Callable[[], bool], Callable[[], object]]:
    """Whether the embedded Postgres runs, and what starts it again."""
    return partial(embedded.is_running, settings.data_dir), partial(embedded.ensure_running, settings.data_dir)


def end(settings: Settings) -> None:
    """Stop the sandbox and the embedded database, which outlive the process that started them."""
    if settings.payment_mode is PaymentMode.SANDBOX:
        demo_sandbox(settings).close(settings.data_dir)
    if settings.database_kind == "embedded":
        embedded.stop(settings.data_dir)


def owner_conninfo(settings: Settings) -> str:
    """The login that may change the schema. Raises `Refused` where only Supabase's HTTP address is set."""
    if settings.database_kind == "embedded":
        return embedded.ensure_running(settings.data_dir).owner_conninfo
    secret = settings.migration_database_url or settings.database_url
    if secret is None:
        raise Refused(
            "no_owner_login",
            "MIGRATION_DATABASE_URL is not set, so the schema cannot be changed from here. Set it, or paste the output "
            "of `payops migrate --print` into Supabase's SQL editor; payops_api must be an exposed schema.",
        )
    return secret.get_secret_value()


def inbox_database(settings: Settings) -> Database:
    """The database over connections of the inbox alone, so that no other work delays an event."""
    return _persistently(lambda: CountedDatabase(_database(settings, WEBHOOK, max_connections=2)))


def applier_database(settings: Settings) -> Database:
    """The database over a connection of the applier alone, which applies the events that are recorded."""
    return _persistently(lambda: CountedDatabase(_database(settings, APPLIER, max_connections=1)))


def health_database(settings: Settings) -> Database:
    """The database over a connection of the health check alone, so that it answers while all others are in use."""
    return _persistently(lambda: CountedDatabase(_database(settings, HEALTH, max_connections=1)))


def _database(settings: Settings, limits: TimeLimits, **how: Any) -> Database:
    if settings.database_kind == "supabase":
        from core.db.via_supabase import SupabaseDatabase

        assert settings.supabase_url and settings.supabase_secret_key  # the settings refuse one without the other
        return SupabaseDatabase(settings.supabase_url, settings.supabase_secret_key.get_secret_value(), limits)
    if settings.database_kind == "postgres":
        assert settings.database_url
        conninfo = settings.database_url.get_secret_value()
    else:
        conninfo = _embedded(settings.data_dir)
    return PsycopgDatabase(conninfo, direct=settings.database_kind == "embedded", limits=limits, **how)


def _embedded(data_dir: Path) -> str:
    server = embedded.ensure_running(data_dir)
    deploy(server.owner_conninfo)
    embedded.allow_app_login(server)
    return server.app_conninfo


def business_clock(settings: Settings) -> Clock:
    """The clock of the business: wall time, or the sandbox's, which can be advanced."""
    if settings.payment_mode is not PaymentMode.SANDBOX:
        return wall_clock
    from core.sandbox.engine.clock import clock_offset_seconds

    return lambda: datetime.now(UTC) + timedelta(seconds=clock_offset_seconds(settings.data_dir))


def _webhook_secrets(settings: Settings) -> tuple[str, ...]:
    """The configured secrets; the sandbox makes its own. Empty means that the route is not configured."""
    given = tuple(secret.get_secret_value() for secret in settings.stripe_webhook_secrets)
    if given or settings.payment_mode is not PaymentMode.SANDBOX:
        return given
    from core.sandbox.secrets import sandbox_secrets

    return (sandbox_secrets(settings.data_dir).webhook_secret,)


def intake_secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets the intake form signs with; the sandbox makes its own.
    Empty means that the route is not configured.
    """
    given = tuple(secret.get_secret_value() for secret in settings.intake_webhook_secrets)
    if given or settings.payment_mode is not PaymentMode.SANDBOX:
        return given
    from core.sandbox.secrets import sandbox_secrets

    return (sandbox_secrets(settings.data_dir).intake_webhook_secret,)
