"""Evidence that we can fill in: from what is mirrored, and from the charge as Stripe has it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from core.money import Money
from core.payments.disputes.rows import DisputeFacts
from core.payments.payment_life import ConsultationRow
from core.payments.payment_methods import paid_with
from core.stripe_gateway import Json


def suggested(facts: DisputeFacts, at_stripe: Json, zone: ZoneInfo) -> dict[str, str]:
    """The fields that we can fill in from our database and from the charge at Stripe.

    They contain nothing about health, not even the kind of visit, which the charge's description would reveal.
    """
    billing = at_stripe.get("billing_details") or {}
    visit = facts["consultation"]
    texts = facts["texts"]
    address = billing.get("address") or {}
    parts = [address.get(name) for name in ("line1", "line2", "city", "state", "postal_code", "country")]
    seen = visit and (visit["ended_at"] or visit["assigned_at"])
    filled = {
        "product_description": texts.get("product_description"),
        "customer_name": billing.get("name"),
        "customer_email_address": billing.get("email") or at_stripe.get("receipt_email"),
        "billing_address": ", ".join(part for part in parts if part),
        "service_date": _day(seen, zone) if seen else None,
        "access_activity_log": _activity(visit, zone),
        "refund_policy_disclosure": texts.get("refund_policy_disclosure"),
        "cancellation_policy_disclosure": texts.get("cancellation_policy_disclosure"),
        "cancellation_rebuttal": _not_canceled(facts, zone),
        "duplicate_charge_id": facts["twin_charge_id"] if facts["dispute"]["reason"] == "duplicate" else None,
        "uncategorized_text": _summary(facts, at_stripe, zone),
    }
    return {name: text for name, text in filled.items() if text}


def _summary(facts: DisputeFacts, at_stripe: Json, zone: ZoneInfo) -> str:
    payment, visit = facts["payment"], facts["consultation"]
    amount = Money(facts["captured_minor"] or facts["dispute"]["amount_minor"], facts["dispute"]["currency"])
    when = f" on {_day(facts['charged_at'], zone)}" if facts["charged_at"] else ""
    order = f" for order {payment['order_id']}" if payment and payment["order_id"] else ""
    told = [f"The customer paid {amount}{when} with {paid_with(payment or {})}{order}."]
    if number := at_stripe.get("receipt_number"):
        told.append(f"Receipt {number} was sent for it.")
    if before := facts["undisputed_before"]:
        times = "once" if before == 1 else f"{before:,} times"
        told.append(f"The same customer had paid us {times} before without a dispute.")
    if visit and visit["status"] == "completed" and visit["ended_at"]:
        told.append(f"The visit paid for was completed on {_day(visit['ended_at'], zone)}.")
    for refund in facts["refunds"]:
        sent_back = Money(refund["amount_minor"], refund["currency"])
        told.append(f"We refunded {sent_back} on {_day(refund['created'], zone)}.")
    return " ".join(told)


def _activity(visit: ConsultationRow | None, zone: ZoneInfo) -> str:
    if visit is None:
        return ""
    steps = (
        (visit["received_at"], "The customer's request for a visit came in"),
        (visit["assigned_at"], "A licensed provider took the request"),
        (visit["ended_at"], f"The visit was {visit['status']}"),
    )
    return "\n".join(f"{_moment(at, zone)}: {words}." for at, words in steps if at)


def _not_canceled(facts: DisputeFacts, zone: ZoneInfo) -> str | None:
    plan = facts["subscription"]
    if plan is None or facts["charged_at"] is None:
        return None
    began = f"The subscription began on {_day(plan['start_date'], zone)}" if plan["start_date"] else "It"
    if plan["canceled_at"] is None:
        return f"{began} and was not canceled."
    if datetime.fromisoformat(plan["canceled_at"]) > datetime.fromisoformat(facts["charged_at"]):
        return f"{began} and was canceled on {_day(plan['canceled_at'], zone)}, after this payment."
    return None


def _day(moment: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%-d %B %Y}"


def _moment(moment: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%-d %B %Y %H:%M %Z}"
