"""The checklist's lines about Stripe: account, key, endpoint, prices, clock. Each docstring says what must be true."""

from collections.abc import Callable
from datetime import timedelta

from core.checklist import endpoint_checks
from core.checklist.finding import Verdict, failed, not_checked, passed
from core.checklist.installation import Installation
from core.errors import Refused
from core.figures.wording import counted
from core.services import Services
from core.settings import PaymentMode
from core.stripe_gateway import Json

WEBHOOK_PATH = "/api/webhooks/stripe"
# The lists that payops reads. The right to write cannot be tested without an effect.
LISTS = (
    "charges",
    "payment_intents",
    "refunds",
    "disputes",
    "payouts",
    "balance_transactions",
    "customers",
    "subscriptions",
    "invoices",
    "prices",
    "events",
    "webhook_endpoints",
    "radar/early_fraud_warnings",
)
CLOCK_LIMIT = timedelta(seconds=30)  # Stripe's signatures are refused after 300 s


def account(here: Installation) -> Verdict:
    """The account may take payments and receives payouts."""
    found = here.running.stripe.retrieve("account")
    missing = [words for field, words in ACCOUNT_FIELDS.items() if not found.get(field)]
    if missing:
        return failed(
            f"Stripe says of the account {found['id']}: {', '.join(missing)}.",
            "Finish what Stripe asks for under Settings, Business, in its dashboard.",
        )
    return passed(f"The account {found['id']} takes payments and is paid out.")


ACCOUNT_FIELDS = {
    "charges_enabled": "it cannot take payments",
    "payouts_enabled": "it is not paid out",
    "details_submitted": "its details are incomplete",
}


def key_mode(here: Installation) -> Verdict:
    """The key is a live key in production, and a test key everywhere else."""
    live = bool(here.running.stripe.retrieve("balance").get("livemode"))
    kind = "live" if live else "test"
    if live == here.running.livemode:
        return passed(f"The key is for {kind} payments, as PAYMENT_MODE says.")
    return failed(
        f"The key is for {kind} payments, but PAYMENT_MODE is {here.running.settings.payment_mode}.",
        "Set STRIPE_SECRET_KEY to a key of the same mode.",
    )


def key_rights(here: Installation) -> Verdict:
    """The key may read every list that payops mirrors."""
    refused = [path for path in LISTS if not _may_list(here, path)]
    if refused:
        return failed(
            f"The key may not read: {', '.join(refused)}.",
            "Give the restricted key these rights in Stripe's dashboard, under Developers, API keys.",
        )
    return passed(f"The key may read the {len(LISTS)} lists that payops mirrors.")


def _may_list(here: Installation, path: str) -> bool:
    try:
        here.running.stripe.page(path, limit=1)
    except Refused as error:
        if error.code == "stripe_key_refused":
            return False
        raise
    return True


def endpoint_exists(here: Installation) -> Verdict:
    """An enabled endpoint sends Stripe's events to this installation's URL."""
    return endpoint_checks.exists(_endpoint(here), webhook_address(here))


def endpoint_events(here: Installation) -> Verdict:
    """The endpoint is sent every type of event that payops works with."""
    return _of_endpoint(here, endpoint_checks.events)


def endpoint_version(here: Installation) -> Verdict:
    """The endpoint sends events in the API version that payops reads."""
    return _of_endpoint(here, endpoint_checks.version)


def prices(here: Installation) -> Verdict:
    """Every price that a running subscription uses exists at Stripe and is active."""
    used = here.facts["prices"]
    if not used:
        return not_checked("No subscription runs yet, so no price is in use.", "Check again when the first one runs.")
    states = {price["id"]: bool(price["active"]) for price in here.running.stripe.each("prices")}
    gone = sorted(set(used) - set(states))
    off = sorted(price for price in used if states.get(price) is False)
    if gone or off:
        said = [f"not at Stripe: {', '.join(gone)}"] * bool(gone) + [f"not active: {', '.join(off)}"] * bool(off)
        return failed(
            f"Prices in use are {'; '.join(said)}.",
            "Activate them in Stripe's product catalog, or move their subscriptions to other prices.",
        )
    return passed(f"{counted(len(used), 'price')} in use, each active at Stripe.")


def clock(here: Installation) -> Verdict:
    """This machine's clock agrees with Stripe's; signatures and due dates depend on it."""
    difference = here.running.stripe.clock_difference()
    if difference is None:
        return not_checked("Stripe's answer had no time.", "Check again; a proxy may remove the header Date.")
    seconds = abs(difference.total_seconds())
    if abs(difference) > CLOCK_LIMIT:
        return failed(
            f"This machine's clock differs from Stripe's by {seconds:,.0f} seconds.",
            "Set the clock by a time server (NTP).",
        )
    return passed(f"This machine's clock is within {CLOCK_LIMIT.seconds} seconds of Stripe's.")


def live(here: Installation) -> Verdict:
    """The payment mode is production, so payments are real."""
    mode = here.running.settings.payment_mode
    if mode is PaymentMode.PRODUCTION:
        return passed("Payments are real: PAYMENT_MODE is production.")
    return failed(
        f"PAYMENT_MODE is {mode}: no real money moves.",
        "Set ENVIRONMENT=production and STRIPE_SECRET_KEY to a live key.",
    )


def webhook_address(here: Installation) -> str:
    """The URL to which Stripe should send this installation's events."""
    return address_of(here.running)


def address_of(running: Services) -> str:
    return running.settings.api_base_url.rstrip("/") + WEBHOOK_PATH


def _endpoint(here: Installation) -> Json | None:
    return endpoint_checks.of_address(here.webhook_endpoints, webhook_address(here))


def _of_endpoint(here: Installation, check: Callable[[Json], Verdict]) -> Verdict:
    found = _endpoint(here)
    if found is None:
        return not_checked("There is no webhook endpoint to look at.", "Add the webhook endpoint first.")
    return check(found)
