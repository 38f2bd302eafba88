"""The checklist's lines about Stripe: account, key, webhook endpoint, prices and clock."""

from collections.abc import Callable
from datetime import timedelta

from core.checklist.finding import Verdict, failed, not_checked, passed
from core.checklist.installation import Installation
from core.errors import Refused
from core.events.registry import projected_types
from core.figures.wording import counted
from core.settings import PaymentMode
from core.stripe_gateway import API_VERSION, Json

WEBHOOK_PATH = "/api/webhooks/stripe"
ADD_ENDPOINT = (
    "Create it under Settings, First steps, or in Stripe's dashboard, under Developers, Webhooks. "
    "Then put its signing secret into STRIPE_WEBHOOK_SECRETS."
)
# What payops reads. Its writes cannot be tried without an effect.
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
    """Stripe lets the account take payments and pays it out."""
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
    """The key's money is real in production, and nowhere else."""
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
    """Stripe sends its events to this installation's address."""
    address = webhook_address(here)
    found = _endpoint(here)
    if found is None:
        return failed(
            f"Stripe has no webhook endpoint with the address {address}.",
            ADD_ENDPOINT,
        )
    if found["status"] != "enabled":
        return failed(
            f"Stripe's webhook endpoint {found['id']} is {found['status']}, so no event is sent.",
            "Enable it in Stripe's dashboard, under Developers, Webhooks.",
        )
    return passed(f"Stripe sends events to {address}.")


def endpoint_events(here: Installation) -> Verdict:
    """The endpoint is sent every type of event that payops works with."""

    def check(found: Json) -> Verdict:
        missing = sorted(set(projected_types()) - set(found["enabled_events"]))
        if "*" in found["enabled_events"] or not missing:
            return passed("Stripe sends every type of event that payops works with.")
        named = ", ".join(missing[:5]) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
        return failed(
            f"Stripe does not send {counted(len(missing), 'type')} of event that payops works with: {named}.",
            "Choose the types of docs/events.md for the endpoint in Stripe's dashboard.",
        )

    return _of_endpoint(here, check)


def endpoint_version(here: Installation) -> Verdict:
    """Events have the shape that payops reads."""

    def check(found: Json) -> Verdict:
        if found["api_version"] == API_VERSION:
            return passed(f"Events are sent in API version {API_VERSION}.")
        return failed(
            f"Events are sent in API version {found['api_version'] or 'of the account'}; payops reads {API_VERSION}.",
            f"Add an endpoint with API version {API_VERSION} in Stripe's dashboard, then remove the old one.",
        )

    return _of_endpoint(here, check)


def prices(here: Installation) -> Verdict:
    """Every price that a running subscription has exists at Stripe and is active."""
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
    """This machine's clock agrees with Stripe's: signatures and due dates depend on it."""
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
    """Payments are real."""
    mode = here.running.settings.payment_mode
    if mode is PaymentMode.PRODUCTION:
        return passed("Payments are real: PAYMENT_MODE is production.")
    return failed(
        f"PAYMENT_MODE is {mode}: no real money moves.",
        "Set ENVIRONMENT=production and STRIPE_SECRET_KEY to a live key.",
    )


def webhook_address(here: Installation) -> str:
    """Where Stripe is to send this installation's events."""
    return here.running.settings.api_base_url.rstrip("/") + WEBHOOK_PATH


def _endpoint(here: Installation) -> Json | None:
    address = webhook_address(here)
    found = [each for each in here.webhook_endpoints if each["url"].rstrip("/") == address]
    return next((each for each in found if each["status"] == "enabled"), found[0] if found else None)


def _of_endpoint(here: Installation, check: Callable[[Json], Verdict]) -> Verdict:
    found = _endpoint(here)
    if found is None:
        return not_checked("There is no webhook endpoint to look at.", "Add the webhook endpoint first.")
    return check(found)
