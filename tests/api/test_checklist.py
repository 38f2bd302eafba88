"""The deployment checklist: a right installation passes, and each planted mistake fails its own line and no other."""

import json
import select
import socket
import ssl
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from typer.testing import CliRunner

from core.checklist import lines
from core.checklist.finding import State
from core.cli import app
from core.db.deploy import fingerprint
from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused
from core.sandbox import process as sandbox_process
from core.services import Services
from core.settings import load_settings
from core.staff import flags
from core.staff.roles import Actor, Role
from core.stripe_gateway import API_VERSION, StripeGateway
from tests.api.conftest import TOKEN

FIRST, SECOND = "whsec_first_0123456789abcdef", "whsec_second_0123456789abcdef"
ADMIN = Actor("staff:ada", Role.ADMIN)
LIVE_KEY = "sk_" + "live_" + "x" * 24


def certificate(folder, days: int):
    """A key and a certificate of 127.0.0.1 that trusts itself and ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{days} days left")])
    ends = datetime.now(UTC) + timedelta(days=days, hours=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=400))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = folder / f"{days}.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


class Tls:
    """Ends TLS in front of an address, as a load balancer does."""

    def __init__(self, certificate, target: int):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._context, self._target = context, target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        """One thread a connection: OpenSSL crashes where one thread reads what another writes."""
        try:
            with self._context.wrap_socket(plain, server_side=True) as near:
                with socket.create_connection(("127.0.0.1", self._target)) as far:
                    self._pass_on(near, far)
        except OSError:
            pass

    @staticmethod
    def _pass_on(near, far):
        while True:
            ready = [near] if near.pending() else select.select([near, far], [], [])[0]
            for source in ready:
                if not (data := source.recv(65_536)):
                    return
                (far if source is near else near).sendall(data)

    def close(self):
        self._listener.close()


class Account(StripeGateway):
    """Stripe as the sandbox answers, with what a test says of a live account."""

    def __init__(self, sandbox, endpoint):
        super().__init__(sandbox.secret_key, api_base=sandbox.base_url, record=lambda _: None)
        self.says = {"balance": {"livemode": True}, "account": {}}
        self.endpoint, self.refused, self.ahead = endpoint, (), timedelta(0)

    def _call(self, method, path, params):
        if path in self.refused:
            raise Refused("stripe_key_refused", "Stripe refused our key. Tell an admin.")
        if path == "webhook_endpoints":
            return {"data": [self.endpoint] if self.endpoint else [], "has_more": False}
        return super()._call(method, path, params) | self.says.get(path, {})

    def clock_difference(self):
        return super().clock_difference() + self.ahead


@pytest.fixture(scope="module")
def production(serve, server, tmp_path_factory):
    """An API of production settings behind https, and those settings."""
    folder = tmp_path_factory.mktemp("certificates")
    given = {
        "ENVIRONMENT": "production",
        "STRIPE_SECRET_KEY": LIVE_KEY,
        "STRIPE_WEBHOOK_SECRETS": f"{FIRST},{SECOND}",
        "COOKIE_KEY": "k" * 32,
        "PUBLIC_BASE_URL": "https://127.0.0.1",
        "API_BASE_URL": "https://127.0.0.1",
        "ALERT_URLS": "json://127.0.0.1",
    }
    with serve(**given) as http:
        good, old = (Tls(certificate(folder, days), http.base_url.port) for days in (90, 5))
        bundle = folder / "trusted.pem"
        bundle.write_text("".join((folder / f"{days}.pem").read_text() for days in (90, 5)))
        addresses = {"PUBLIC_BASE_URL": good.address, "API_BASE_URL": good.address}
        sentry = {"SENTRY_DSN": f"http://key@127.0.0.1:{http.base_url.port}/1"}
        more = {"DATABASE_URL": server.app_conninfo, "API_TOKENS": TOKEN, "DATA_DIR": str(folder)}
        settings = load_settings(given | addresses | sentry | more, env_file=None)
        yield settings, bundle, old.address, f"http://127.0.0.1:{http.base_url.port}"
        good.close(), old.close()


@pytest.fixture
def right(production, database, owner, shop, sandbox, monkeypatch):
    """A right installation: every line passes."""
    settings, bundle, _, _ = production
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    owner.execute("update payops.deployment set fingerprint = %s", (fingerprint(),))
    now = datetime.now(UTC)
    person = {"actor": "cli:test", "actor_role": "admin", "now": now}
    database.call(
        "add_user",
        **person,
        name="ana",
        role="admin",
        email="ana@clinic.org",
        password_hash="x" * 60,
        must_change_password=False,
    )
    owner.execute("update payops.staff set second_factor_sealed = 'sealed'")
    licences = [{"state": "TX", "number": "A1", "expires_on": "2099-12-31"}]
    ann = {"name": "Ann", "email": "ann@clinic.org", "npi": "1234567893", "active": True, "capacity": 5}
    database.call("put_providers", **person, documents=[ann | {"specialties": ["dermatology"], "licences": licences}])
    owner.execute("insert into payops.jobs (name, held_until) values ('recount', clock_timestamp())")
    subscribe(owner, shop.plan())
    for secret in (FIRST, SECOND):
        use(database, secret, now - timedelta(days=30))
        use(database, secret, now, times=1 if secret == FIRST else 2)
    endpoint = {"id": "we_1", "url": settings.api_base_url + "/api/webhooks/stripe", "status": "enabled"}
    account = Account(sandbox, endpoint | {"enabled_events": ["*"], "api_version": API_VERSION})
    return made(settings, database, account)


def made(settings, database, account, secrets=(FIRST, SECOND)):
    running = Services(settings, database, lambda: datetime.now(UTC), secrets)
    running.__dict__["stripe"] = account
    return running


def subscribe(owner, price):
    owner.execute(
        "insert into payops.subscriptions (id, livemode, created, as_of, state_rank, event_id, status, items)"
        " values (%s, true, now(), now(), 1, 'evt_1', 'active', %s)",
        (f"sub_{price}", json.dumps([{"price_id": price}])),
    )


def use(database, secret, at, times=1):
    from core.events.webhook_counters import fingerprint

    database.call(
        "record_webhook_counters",
        rejections=[],
        verified=[{"fingerprint": fingerprint(secret), "times": times, "last_used_at": at}],
        now=at,
    )


def found(running):
    return {finding.name: finding for finding in lines.check(running)}


def failing(running):
    return {name for name, finding in found(running).items() if finding.state is not State.PASSED}


def test_a_right_installation_passes_every_line(right):
    wrong = [finding for finding in found(right).values() if finding.state is not State.PASSED]
    assert wrong == []


def settings_with(**changed):
    return lambda right, production: made(right.settings.model_copy(update=changed), right.db, right.stripe)


def stripe_says(path, **fields):
    def plant(right, production):
        right.stripe.says[path] = right.stripe.says.get(path, {}) | fields
        return right

    return plant


def endpoint_is(**fields):
    def plant(right, production):
        right.stripe.endpoint |= fields
        return right

    return plant


def stripe_is(**attributes):
    def plant(right, production):
        for name, value in attributes.items():
            setattr(right.stripe, name, value)
        return right

    return plant


def database_has(statement):
    def plant(right, production, owner):
        owner.execute(statement)
        return right

    return plant


MISTAKES = {
    "sandbox mode": (settings_with(payment_mode="sandbox"), {"Live mode", "Stripe key's mode", "Webhook end to end"}),
    "charges are disabled": (stripe_says("account", charges_enabled=False), {"Stripe account"}),
    "payouts are disabled": (stripe_says("account", payouts_enabled=False), {"Stripe account"}),
    "a test key": (stripe_says("balance", livemode=False), {"Stripe key's mode"}),
    "a key without a right": (stripe_is(refused=("disputes",)), {"Stripe key's rights"}),
    "a wrong clock": (stripe_is(ahead=timedelta(minutes=4)), {"Clock"}),
    "an endpoint elsewhere": (
        endpoint_is(url="https://old.example.org/hook"),
        {"Webhook endpoint", "Webhook event types", "Webhook API version"},
    ),
    "a disabled endpoint": (endpoint_is(status="disabled"), {"Webhook endpoint"}),
    "too few event types": (endpoint_is(enabled_events=["charge.succeeded"]), {"Webhook event types"}),
    "an old API version": (endpoint_is(api_version="2020-08-27"), {"Webhook API version"}),
    "an API version of the account": (endpoint_is(api_version=None), {"Webhook API version"}),
    "payments suspended": (settings_with(payments_suspended=True), {"Payment flows"}),
    "no error monitoring": (settings_with(sentry_dsn=None), {"Error monitoring"}),
    "no alerts": (settings_with(alert_urls=()), {"Alerts"}),
    "background work that ended": (
        database_has("update payops.jobs set held_until = clock_timestamp() - interval '1 hour'"),
        {"Background work"},
    ),
    "a demo user": (database_has("update payops.staff set email = 'ana@example.com'"), {"Users"}),
    "an admin without a second factor": (
        database_has("update payops.staff set second_factor_sealed = null"),
        {"Second factor"},
    ),
    "no admin": (database_has("update payops.staff set role = 'ops'"), {"Users"}),
    "a demo provider": (database_has("update payops.providers set email = 'ann@practice.example'"), {"Providers"}),
    "no licence": (database_has("delete from payops.availability"), {"Providers"}),
    "a secret of two years": (
        database_has("update payops.webhook_secret_uses set day = day - 730 where day < current_date - 10"),
        {"Webhook secrets' ages"},
    ),
    "another schema": (
        database_has("update payops.deployment set fingerprint = 'older'"),
        {"Database schema"},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_fails_its_line_and_no_other(right, production, owner, mistake):
    plant, named = MISTAKES[mistake]
    running = plant(right, production, owner) if "statement" in plant.__code__.co_freevars else plant(right, production)
    assert failing(running) == named


# What each of the mistakes below is called by its line; nothing else is wrong with that set-up.
NAMED = {
    "Stripe account": ("it cannot take payments", "it is not paid out"),
    "Stripe key's mode": ("for test payments",),
    "Stripe key's rights": ("disputes",),
    "Clock": ("differs from Stripe's by 2",),
    "Webhook endpoint": ("we_1 is disabled",),
    "Webhook event types": ("types of event that payops works with",),
    "Webhook API version": ("2020-08-27",),
    "Webhook end to end": ("secret 3: answered 400",),
    "Webhook secrets' ages": ("secret 1 for 76",),
    "Unused webhook secrets": ("webhook secret 2 ",),
    "Prices": ("not at Stripe: price_gone", "not active: price_"),
    "Payment flows": ("PAYMENTS_SUSPENDED", "Paused: refunds"),
    "Addresses": ("PUBLIC_BASE_URL is http://",),
    "Certificates": ("5 days left",),
    "Error monitoring": ("does not answer",),
    "Alerts": ("ALERT_URLS",),
    "Database schema": ("another version",),
    "Database access": ("public may reach the table staff",),
    "Background work": ("1:00:0",),
    "Providers": ("1 active provider of the demo: Ann", "No active provider has a licence"),
    "Users": ("ana", "No admin"),
    "Second factor": ("ana",),
}


def test_a_set_up_with_all_these_mistakes_at_once_has_each_named_and_nothing_else(right, production, owner, shop):
    _, _, old, plain = production
    assert sum(map(len, NAMED.values())) >= 20
    right.stripe.says = {
        "balance": {"livemode": False},
        "account": {"charges_enabled": False, "payouts_enabled": False},
    }
    right.stripe.refused, right.stripe.ahead = ("disputes",), timedelta(minutes=4)
    few = {"status": "disabled", "enabled_events": ["charge.succeeded"], "api_version": "2020-08-27"}
    right.stripe.endpoint |= few | {"url": f"{old}/api/webhooks/stripe"}
    subscribe(owner, "price_gone")
    off = shop.plan()
    subscribe(owner, off)
    shop.write(f"prices/{off}", active=False)
    flags.switch(
        right.db, ADMIN, flags.Flow.REFUNDS, open=False, sentence="Soon.", reason="audit", now=datetime.now(UTC)
    )
    owner.execute("update payops.webhook_secret_uses set day = day - 730 where day < current_date - 10")
    owner.execute("delete from payops.webhook_secret_uses where times = 2")  # SECOND was rolled a month ago
    owner.execute("update payops.deployment set fingerprint = 'older'")
    owner.execute("update payops.jobs set held_until = clock_timestamp() - interval '1 hour'")
    owner.execute("update payops.providers set email = 'ann@practice.example'; delete from payops.availability")
    owner.execute("update payops.staff set email = 'ana@example.com', role = 'finance', second_factor_sealed = null")
    wrong = {"public_base_url": plain, "api_base_url": old, "alert_urls": (), "payments_suspended": True}
    wrong |= {"sentry_dsn": SecretStr("http://key@127.0.0.1:9/1")}
    running = made(
        right.settings.model_copy(update=wrong), right.db, right.stripe, (FIRST, SECOND, "whsec_" + "3" * 24)
    )
    owner.execute("grant select on payops.staff to public")
    try:
        said = found(running)
    finally:
        owner.execute("revoke all on payops.staff from public")
    assert {name for name, finding in said.items() if finding.state is not State.PASSED} == set(NAMED)
    assert {name: [part for part in parts if part not in said[name].detail] for name, parts in NAMED.items()} == {
        name: [] for name in NAMED
    }
    assert all(said[name].mend for name in NAMED)


def test_facts_shared_by_several_lines_are_fetched_once(right, monkeypatch):
    monkeypatch.delitem(lines.LINES, "Payment log")  # it waits for something new
    asked = Counter()

    class Counting:
        def call(self, function, /, **arguments):
            asked[function] += 1
            return right.db.call(function, **arguments)

    found(made(right.settings, Counting(), right.stripe))
    assert asked["checklist_facts"] == 1


def test_addresses_and_certificates(right, production):
    _, _, old, plain = production
    soon = made(right.settings.model_copy(update={"public_base_url": old}), right.db, right.stripe)
    assert failing(soon) == {"Certificates"}
    assert "5 days left" in found(soon)["Certificates"].detail
    bare = made(right.settings.model_copy(update={"public_base_url": plain}), right.db, right.stripe)
    assert failing(bare) == {"Addresses"}
    away = made(right.settings.model_copy(update={"sentry_dsn": None}), right.db, right.stripe)
    assert failing(away) == {"Error monitoring"}


def test_missing_and_inactive_prices_are_reported(right, owner, shop):
    subscribe(owner, "price_gone")
    off = shop.plan()
    subscribe(owner, off)
    shop.write(f"prices/{off}", active=False)
    said = found(right)["Prices"]
    assert said.state is State.FAILED
    assert "not at Stripe: price_gone" in said.detail and f"not active: {off}" in said.detail


def test_a_secret_that_the_api_does_not_have(right):
    other = made(right.settings, right.db, right.stripe, (FIRST, "whsec_unknown_0123456789"))
    said = found(other)["Webhook end to end"]
    assert said.state is State.FAILED and "secret 2: answered 400" in said.detail and "secret 1" not in said.detail


def test_an_api_that_does_not_answer(right):
    nobody = made(right.settings.model_copy(update={"api_base_url": "http://127.0.0.1:9"}), right.db, right.stripe)
    said = found(nobody)
    assert {said["Webhook end to end"].state, said["Payment API"].state} == {State.FAILED}


def test_excess_database_permissions_are_reported(right, owner, server):
    owner.execute("create role anon")
    try:
        owner.execute("grant execute on function payops_api.business_timezone() to anon")
        owner.execute("grant select on payops.staff to public")
        said = found(right)["Database access"].detail
        assert "anon may run business_timezone" in said and "public may reach the table staff" in said
        owner.execute("revoke all on all functions in schema payops_api from anon")
        owner.execute("revoke all on payops.staff from public")
        assert found(right)["Database access"].state is State.PASSED
    finally:
        owner.execute("drop owned by anon; drop role anon")
    as_owner = PsycopgDatabase(server.owner_conninfo)
    said = found(made(right.settings, as_owner, right.stripe))["Database access"]
    as_owner.close()
    assert "owns its tables" in said.detail


def test_a_defect_of_one_line_hides_no_other(right, monkeypatch):
    monkeypatch.setitem(lines.LINES, "Clock", lambda running: 1 / 0)
    assert {name: finding.state for name, finding in found(right).items() if finding.state is not State.PASSED} == {
        "Clock": State.NOT_CHECKED
    }


def test_the_command_prints_every_line_and_fails_where_one_does(server, tmp_path, monkeypatch):
    for name, value in {"DATABASE_URL": server.app_conninfo, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    try:
        answer = CliRunner().invoke(app, ["check", "--json"])
    finally:
        sandbox_process.stop(tmp_path)  # the command starts one where none runs
    assert answer.exit_code == 1
    items = json.loads(answer.stdout)["items"]
    assert [item["name"] for item in items] == list(lines.LINES)
    assert {item["state"] for item in items} <= set(State)
    assert all(item["mend"] for item in items if item["state"] != "passed")
