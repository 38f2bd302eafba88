"""The kinds of incidents: what each is called, what to do about it, and when it counts as resolved by itself."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Kind:
    """`next_step` is one sentence for whoever is on duty; `page` is where to act, with the filters of its address.

    `quiet_seconds` without another occurrence resolve the incident; None waits for a person.
    """

    title: str
    next_step: str
    page: str | None = None
    quiet_seconds: int | None = None


KINDS = {
    "alert_undelivered": Kind(
        "Alerts", "Check this target of ALERT_URLS: it is tried again for a day.", "errors?tab=Alerts", HOUR
    ),
    "api_failed": Kind(
        "Defect in the API", "Give the error ID and its sample to an engineer. The caller got an error and may retry."
    ),
    "audit_chain_broken": Kind(
        "Audit log altered",
        "Keep a copy of the database, tell an admin at once, and find out who had the owner's login.",
        "audit-log",
    ),
    "closed_month_changed": Kind(
        "Reconciliation",
        "Have finance look at what changed: correct the journal of a later month, or open the month again.",
        "reconciliation",
    ),
    "exclusion_candidate": Kind(
        "Excluded provider?",
        "Compare the birth date in the OIG's list with the provider's, then confirm or dismiss the match.",
        "providers?show=all",
    ),
    "flow_plan_not_done": Kind(
        "Planned switch",
        "See on the page Settings whether the flow should run; resume it by hand, or plan it anew.",
        "settings",
    ),
    "flow_paused_by_guard": Kind(
        "Paused by its guard",
        "Look at the alert that fired; when it is over, resume the flow on the page Settings, with the reason.",
        "settings",
    ),
    "consultation_waiting": Kind(
        "Patients wait too long",
        "Assign them by hand, or activate a provider with a licence in this state.",
        "assignments?show=waiting",
    ),
    "database_refuses": Kind(
        "Database connection",
        "Run `payops check`, whose lines on the database say what is missing; what failed is repeated by itself.",
        quiet_seconds=10 * MINUTE,
    ),
    "database_too_slow": Kind(
        "Database connection",
        "Ask for shorter periods, and look in the database's log for what was slow or locked at this time.",
        quiet_seconds=HOUR,
    ),
    "database_unavailable": Kind(
        "Database connection",
        "Check that Postgres runs and has free connections; what failed meanwhile is repeated by itself.",
        quiet_seconds=10 * MINUTE,
    ),
    "event_changed": Kind(
        "Webhook",
        "Compare the event with Stripe's dashboard: the same ID came with another body, and the first one was kept.",
        "events",
    ),
    "event_dead": Kind("Webhook", "Open the event, fix what its reason says, and replay it.", "events?outcome=dead"),
    "event_failed": Kind(
        "Webhook",
        "It is retried by itself; read its reason, and replay it once that is fixed.",
        "events?outcome=failed",
    ),
    "events_missed": Kind(
        "Webhook",
        "Check the endpoint's failed deliveries in Stripe's dashboard; the missed events were fetched and applied.",
        "events",
        24 * HOUR,
    ),
    "intake_failed": Kind(
        "Assignment", "The intake form sends it again; give the error ID to an engineer if it repeats.", "assignments"
    ),
    "mirror_differed": Kind(
        "Mirror differs from Stripe",
        "See which days differed; if it was left as it was, check that the secret key is of the right account.",
        "events",
    ),
    "mismatch": Kind(
        "Reconciliation",
        "Find in the reconciliation why the two sides differ; finance accepts it with a reason or has it fixed.",
        "reconciliation",
    ),
    "mode_mismatch": Kind(
        "Mode mismatch",
        "Remove our webhook endpoint from the other mode in Stripe's dashboard, or correct PAYMENT_MODE and the keys.",
        "events?outcome=quarantined",
    ),
    "npi_deactivated": Kind(
        "Deactivated NPI",
        "Ask the provider why, and reassign their open consultations; they are assigned no new ones.",
        "providers?show=all",
    ),
    "object_skipped": Kind(
        "Background work",
        "Open the object in Stripe's dashboard and see why it cannot be read; it is tried again.",
        "events",
    ),
    "page_failed": Kind("Defect in the console", "Give the error ID and the place in the sample to an engineer."),
    "payment_api_failed": Kind(
        "Payment API",
        "Callers were told to try again later; the code says what is missing or away.",
        "payments",
        30 * MINUTE,
    ),
    "process_ended": Kind(
        "Background work",
        "See in the System tab that another one runs; look for the reason in the logs, such as memory.",
        "errors?tab=System",
        10 * MINUTE,
    ),
    "provider_excluded": Kind(
        "Excluded provider",
        "Reassign their open consultations, and have compliance look at what they were assigned since the exclusion.",
        "providers?show=all",
    ),
    "refund_failed": Kind(
        "Failed refund",
        "Agree with the customer on another way to pay them back: Stripe returned the money to our balance.",
        "refunds",
    ),
    "sign_in_locked": Kind(
        "Refused sign-ins",
        "Ask the user whether it was them; if not, have an admin end their sessions and reset the password.",
        "users",
        HOUR,
    ),
    "spool_failed": Kind(
        "Disk",
        "Free space in DATA_DIR or fix its permissions; incidents are kept in memory and lost if the process ends.",
        quiet_seconds=15 * MINUTE,
    ),
    "stripe_failed": Kind(
        "Stripe",
        "Look at status.stripe.com; unanswered actions are settled by themselves once Stripe answers.",
        None,
        15 * MINUTE,
    ),
    "unknown_reporting_category": Kind(
        "Balance", "Have finance place the category: until then it is shown as other.", "reconciliation"
    ),
    "webhook_attack": Kind(
        "Webhook",
        "If the sender is Stripe, check the webhook secret; otherwise block the sender's address at the edge.",
        "events",
        HOUR,
    ),
    "webhook_delayed": Kind(
        "Webhook",
        "Look at the endpoint's deliveries in Stripe's dashboard; nothing is lost, figures were late.",
        "events",
        HOUR,
    ),
    "webhook_failed": Kind(
        "Webhook", "Stripe sends it again; give the error ID to an engineer if it repeats.", "events"
    ),
    "worker_failed": Kind(
        "Background work", "The step is repeated by itself; give the sample to an engineer if it goes on.", None, HOUR
    ),
}
UNKNOWN = Kind("Other", "Give the sample to an engineer.")


def kind(name: str) -> Kind:
    return KINDS.get(name, UNKNOWN)


def quiet_seconds() -> dict[str, float]:
    """The kinds that resolve by themselves, with the quiet time of each."""
    return {name: each.quiet_seconds for name, each in KINDS.items() if each.quiet_seconds is not None}


@dataclass(frozen=True)
class NamedObject:
    """An object that a sample names, its page in the console and its place in Stripe's dashboard."""

    what: str
    id: str
    page: str | None
    at_stripe: str | None


# By the prefix of the id: the kind of object, its page, and its place in Stripe's dashboard.
_OBJECTS = {
    "pi": ("payment", "payments?payment={}", "payments/{}"),
    "ch": ("charge", None, "payments/{}"),
    "py": ("charge", None, "payments/{}"),
    "re": ("refund", "refunds?refund={}", "refunds/{}"),
    "pyr": ("refund", "refunds?refund={}", "refunds/{}"),
    "evt": ("event", "events?event={}", "events/{}"),
    "dp": ("dispute", "disputes?dispute={}", "disputes/{}"),
    "du": ("dispute", "disputes?dispute={}", "disputes/{}"),
    "cus": ("customer", "customers?customer={}", "customers/{}"),
    "sub": ("subscription", "subscriptions?subscription={}", "subscriptions/{}"),
    "in": ("invoice", None, "invoices/{}"),
    "po": ("payout", None, "payouts/{}"),
    "txn": ("balance transaction", None, None),
    "cons": ("consultation", "assignments?consultation={}", None),
    "prov": ("provider", "providers?provider={}", None),
    "req": ("request", None, "logs/{}"),
}
_ID = re.compile(rf"\b({'|'.join(sorted(_OBJECTS, key=len, reverse=True))})_[A-Za-z0-9_]+")


def objects_in(sample: Mapping[str, Any] | None) -> list[NamedObject]:
    """Every object that the sample names, once, in its order."""
    found = {match[0]: match[1] for text in _texts(sample or {}) for match in _ID.finditer(text)}
    return [_object(object_id, prefix) for object_id, prefix in found.items()]


def named(object_id: str) -> NamedObject | None:
    """The object with this id; None if the id's prefix is not known."""
    found = _ID.fullmatch(object_id)
    return _object(object_id, found[1]) if found else None


def _object(object_id: str, prefix: str) -> NamedObject:
    what, page, at_stripe = _OBJECTS[prefix]
    return NamedObject(what, object_id, page and page.format(object_id), at_stripe and at_stripe.format(object_id))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
