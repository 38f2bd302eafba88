"""The checklist's lines about this installation's own HTTP addresses, error monitoring, and alert targets."""

import hashlib
import hmac
import json
import socket
import ssl
import time
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx

from core import services
from core.checklist.finding import Verdict, failed, not_checked, passed
from core.checklist.installation import Installation
from core.checklist.stripe_checks import WEBHOOK_PATH
from core.events.webhook_counters import CHECK_TYPE
from core.figures.wording import counted

SECONDS = 5.0
CERTIFICATE_LEFT = timedelta(days=14)
TAKEN = frozenset({"recorded", "applied", "ignored", "duplicate"})
# The payment API's operations. Each is sent an empty request, which it must refuse, so that nothing happens.
OPERATIONS = (
    ("POST", "create-checkout-session"),
    ("POST", "process-payment"),
    ("GET", "verify-status/nobody@example.invalid"),
    ("POST", "handle-failure"),
    ("POST", "validate-discount"),
    ("GET", "payment-methods"),
    ("POST", "create-subscription"),
    ("POST", "cancel-subscription"),
)
LOGGED = "verify_status"


def addresses(here: Installation) -> Verdict:
    """The console and the API are reached by https."""
    plain = [f"{name} is {address}" for name, address in _addresses(here).items() if not address.startswith("https:")]
    if plain:
        return failed(f"{', '.join(plain)}: not https.", "Set both to the https addresses that people and Stripe use.")
    return passed("PUBLIC_BASE_URL and API_BASE_URL are https.")


def certificates(here: Installation) -> Verdict:
    """The certificates of the https addresses are trusted and stay valid for two weeks at least."""
    hosts = {urlsplit(address).netloc for address in _addresses(here).values() if address.startswith("https:")}
    if not hosts:
        return not_checked("There is no https address.", "Set PUBLIC_BASE_URL and API_BASE_URL to https addresses.")
    left = {host: _days_left(host) for host in sorted(hosts)}
    wrong = [f"{host}: {problem}" for host, problem in left.items() if isinstance(problem, str)]
    soon = [
        f"{host} has {counted(days, 'day')} left"
        for host, days in left.items()
        if isinstance(days, int) and days < CERTIFICATE_LEFT.days
    ]
    if wrong or soon:
        return failed(f"{'; '.join(wrong + soon)}.", "Renew the certificate, and see that it renews itself.")
    return passed(f"Certificates: {', '.join(f'{host} has {days:,} days left' for host, days in left.items())}.")


def _days_left(netloc: str) -> int | str:
    """Days until the certificate expires, or a text about what is wrong with it or with the connection."""
    host, _, port = netloc.partition(":")
    try:
        with (
            socket.create_connection((host, int(port or 443)), timeout=SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as wire,
        ):
            certificate = wire.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError):
        return "does not answer"
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    return (ends - datetime.now(UTC)).days


def webhook(here: Installation) -> Verdict:
    """A test event, signed with each of our secrets and sent to the webhook, is accepted; it changes nothing."""
    if not here.running.webhook_secrets:
        return failed("STRIPE_WEBHOOK_SECRETS is not set.", "Set it to the signing secret of Stripe's endpoint.")
    address = here.running.settings.api_base_url.rstrip("/") + WEBHOOK_PATH
    refused = []
    for number, secret in enumerate(here.running.webhook_secrets, start=1):
        outcome = _post_event(address, secret, livemode=here.running.livemode)
        if outcome not in TAKEN:
            refused.append(f"secret {number}: {outcome}")
    if refused:
        return failed(
            f"An event signed with a configured secret was not accepted at {address}: {'; '.join(refused)}.",
            "See that the API runs at API_BASE_URL with the same STRIPE_WEBHOOK_SECRETS as this command.",
        )
    secrets = counted(len(here.running.webhook_secrets), "secret")
    return passed(f"An event signed with each of {secrets} is verified and recorded at {address}.")


def _post_event(address: str, secret: str, *, livemode: bool) -> str:
    now = int(time.time())
    event = {
        "id": f"evt_check{uuid.uuid4().hex}",
        "object": "event",
        "type": CHECK_TYPE,
        "created": now,
        "livemode": livemode,
        "data": {"object": {"id": "check", "object": "check"}},
    }
    body = json.dumps(event).encode()
    signature = hmac.digest(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hex()
    try:
        answer = httpx.post(
            address, content=body, headers={"Stripe-Signature": f"t={now},v1={signature}"}, timeout=SECONDS
        )
        return str(answer.json()["outcome"]) if answer.is_success else f"answered {answer.status_code}"
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return "payops did not answer"


def operations(here: Installation) -> Verdict:
    """Each operation of the payment API answers, which is tested by an empty request that it must refuse."""
    tokens = services.api_tokens(here.running.settings)
    if not tokens:
        return not_checked("API_TOKENS is not set, so no operation can be asked.", "Set API_TOKENS for the shop.")
    base = here.running.settings.api_base_url.rstrip("/") + "/api/payments/"
    with httpx.Client(headers={"Authorization": f"Bearer {tokens[0]}"}, timeout=SECONDS) as http:
        wrong = {path: said for method, path in OPERATIONS if (said := _refusal(http, method, base + path))}
    if wrong:
        said = "; ".join(f"{path} {problem}" for path, problem in wrong.items())
        return failed(f"Operations that do not work: {said}.", "See that the API of this version runs at API_BASE_URL.")
    return passed(f"Each of the {len(OPERATIONS)} operations answers.")


def _refusal(http: httpx.Client, method: str, address: str) -> str | None:
    """What is wrong with the operation; None if it refuses an empty request, as it should."""
    try:
        answer = http.request(method, address, json={} if method == "POST" else None)
        code = answer.json().get("code")
    except (httpx.HTTPError, ValueError, AttributeError):
        return "does not answer"
    return None if answer.status_code == 422 else f"answered {answer.status_code} {code or ''}".strip()


def payment_log(here: Installation) -> Verdict:
    """The payment API records its requests: after one more request, the count is higher."""
    tokens = services.api_tokens(here.running.settings)
    if not tokens:
        return not_checked("API_TOKENS is not set, so no request could be made.", "Set API_TOKENS for the shop.")
    before = here.facts_now()["api_calls"].get(LOGGED, 0)
    address = here.running.settings.api_base_url.rstrip("/") + "/api/payments/verify-status/none"
    try:
        httpx.get(address, headers={"Authorization": f"Bearer {tokens[0]}"}, timeout=SECONDS)
    except httpx.HTTPError:
        return not_checked("The payment API does not answer.", "Fix the line Payment API first.")
    for _ in range(20):
        if here.facts_now()["api_calls"].get(LOGGED, 0) > before:
            return passed("Requests to the payment API are recorded.")
        time.sleep(0.2)
    return failed(
        "A request to the payment API was not recorded.",
        "See that the API at API_BASE_URL works with this database.",
    )


def error_monitoring(here: Installation) -> Verdict:
    """Errors are reported to Sentry, and its server answers."""
    dsn = here.running.settings.sentry_dsn
    if dsn is None:
        return failed("SENTRY_DSN is not set, so errors are in the logs alone.", "Set SENTRY_DSN.")
    parts = urlsplit(dsn.get_secret_value())
    try:
        httpx.get(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/", timeout=SECONDS)
    except httpx.HTTPError:
        return failed(f"{parts.hostname}, which SENTRY_DSN names, does not answer.", "Correct SENTRY_DSN.")
    return passed(f"Errors are reported to {parts.hostname}, which answers.")


def alerts(here: Installation) -> Verdict:
    """Alerts have at least one target."""
    urls = here.running.settings.alert_urls
    if not urls:
        return failed(
            "ALERT_URLS is not set, so nobody is notified of incidents.", "Set ALERT_URLS to where alerts go."
        )
    return passed(f"Alerts go to {counted(len(urls), 'target')}.")


def _addresses(here: Installation) -> dict[str, str]:
    settings = here.running.settings
    return {"PUBLIC_BASE_URL": settings.public_base_url, "API_BASE_URL": settings.api_base_url}
