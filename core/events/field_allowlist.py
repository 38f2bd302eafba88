"""The allowlist of what is stored of an event's object: fields for each kind, and nothing else.

A projection sees only these fields, so every field that it reads must be listed here.
"""

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Any

from core.events.registry import MAX_AMOUNT
from core.logs import REDACTED, redacted

# The allowed fields of one kind of object. A nested name allows those fields of an object, or of each object in a list;
# a plain name allows a number, a word or an id, and of an expanded object only its id.
Fields = dict[str, Any]
_NAMED_OTHERWISE = {
    "charge.dispute": "dispute",
    "charge.refund": "refund",
    "customer.subscription": "subscription",
    "customer.discount": "discount",
}
FREE_TEXT = object()  # text that the shop chooses and that may contain anything
BANK_NUMBER = object()  # a reference number of a bank transfer, which may look like a card number
MAX_LISTED = 100
_WORD = re.compile(r"[\w:./-]{0,255}", re.ASCII)
_NUMBERS = frozenset({int, float, bool})
_ID = re.compile(r"[\w:.-]{1,255}", re.ASCII)
# The most frequent values. All are ordinary words, so that `_is_plain` need not be called for them.
_COMMON = frozenset(
    "active automatic automatic_async card charge charge_automatically created credit customer debit failed invoice"
    " invoice_payment month off_session open paid payment payment_intent pending price product refund"
    " requested_by_customer requires_payment_method subscription subscription_create subscription_cycle"
    " subscription_details succeeded trialing US usd year visa mastercard amex discover normal authorized"
    " approved_by_network not_sent_to_network declined_by_network issuer_declined licensed recurring".split()
)
_KEYS = ("sk_", "rk_", "pk_", "whsec_")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# As many digits as a card number, and first digits that issuers use; no date or time in milliseconds matches.
_LIKE_A_CARD = re.compile(r"(?<!\d)(?:4|5[1-5]|2[2-7]|3[04-8]|6)(?:[._-]?\d){11,18}(?!\d)", re.ASCII)
_LIKE_A_PHONE = re.compile(r"(?<![\w-])[2-9]\d\d[.-][2-9]\d\d[.-]\d{4}(?![\w-])", re.ASCII)

_ALWAYS = "id object created livemode deleted status amount currency customer metadata.orderId metadata.patientId"
_CARD = "card.brand card.last4 card.exp_month card.exp_year card.country"
_REFUND = "charge payment_intent reason failure_reason pending_reason balance_transaction failure_balance_transaction"
_PRICE = (
    "active type product unit_amount unit_amount_decimal tiers_mode"
    " transform_quantity.divide_by transform_quantity.round"
    " recurring.interval recurring.interval_count recurring.usage_type tiers.up_to tiers.unit_amount"
    " tiers.unit_amount_decimal tiers.flat_amount tiers.flat_amount_decimal"
)
_PLAN = (
    "id currency product amount amount_decimal interval interval_count usage_type tiers_mode"
    " tiers.up_to tiers.unit_amount tiers.unit_amount_decimal tiers.flat_amount tiers.flat_amount_decimal"
    " transform_usage.divide_by transform_usage.round"
)
_COUPON = (
    "valid percent_off amount_off duration duration_in_months redeem_by max_redemptions times_redeemed"
    " applies_to.products"
)
_INVOICE_PAYMENT = (
    "invoice is_default amount_paid amount_requested payment.type payment.payment_intent payment.charge"
    " status_transitions.paid_at status_transitions.canceled_at"
)
_PERIOD = "current_period_start current_period_end"


def _below(name: str, fields: str) -> str:
    return " ".join(f"{name}.{field}" for field in fields.split())


_DISCOUNT = (
    "source.type promotion_code customer subscription subscription_item invoice invoice_item checkout_session start end"
    f" {_below('coupon', 'id created currency ' + _COUPON)} {_below('source.coupon', 'id created currency ' + _COUPON)}"
)

_NAMES = {
    "payment_intent": (
        "metadata.payopsCart amount_received amount_capturable payment_method latest_charge capture_method"
        " cancellation_reason canceled_at"
        " setup_future_usage review invoice charges.data.id last_payment_error.type last_payment_error.code"
        " last_payment_error.decline_code last_payment_error.advice_code last_payment_error.charge"
    ),
    "charge": (
        "amount_captured amount_refunded captured paid refunded disputed payment_intent payment_method invoice"
        " failure_code balance_transaction outcome.network_status outcome.type outcome.reason outcome.risk_level"
        " outcome.advice_code outcome.network_advice_code outcome.network_decline_code"
        f" {_below('payment_method_details', 'type ' + _CARD)}"
        f" refunds.has_more {_below('refunds.data', 'id created status amount currency ' + _REFUND)}"
    ),
    "refund": _REFUND,
    "dispute": (
        "charge payment_intent reason network_reason_code is_charge_refundable evidence_details.due_by"
        " evidence_details.has_evidence evidence_details.past_due evidence_details.submission_count"
        " payment_method_details.type payment_method_details.card.brand payment_method_details.card.case_type"
        " payment_method_details.card.network_reason_code"
    ),
    "radar.early_fraud_warning": "charge payment_intent actionable fraud_type",
    "customer": (
        "delinquent balance default_source invoice_settings.default_payment_method"
        f" {_below('discount', 'id ' + _DISCOUNT)}"
    ),
    "checkout.session": (
        "mode payment_status amount_total amount_subtotal payment_intent setup_intent subscription invoice expires_at"
    ),
    "subscription": (
        f"{_PERIOD} start_date trial_start trial_end cancel_at cancel_at_period_end canceled_at ended_at"
        " billing_cycle_anchor cancellation_details.reason cancellation_details.feedback collection_method"
        " latest_invoice default_payment_method schedule pause_collection.behavior pause_collection.resumes_at quantity"
        " items.has_more"
        f" {_below('discounts', 'id ' + _DISCOUNT)} {_below('discount', 'id ' + _DISCOUNT)}"
        f" {_below('items.data', f'id quantity {_PERIOD} ' + _below('price', f'id currency {_PRICE}'))}"
        f" {_below('items.data', _below('plan', _PLAN) + ' ' + _below('discounts', 'id ' + _DISCOUNT))}"
    ),
    "invoice": (
        "subscription parent.type parent.subscription_details.subscription billing_reason collection_method"
        " amount_due amount_paid amount_remaining total subtotal attempt_count attempted next_payment_attempt due_date"
        " period_start period_end payment_intent charge discounts status_transitions.finalized_at"
        " lines.data.amount lines.data.price.id lines.data.price.product lines.data.plan.id lines.data.plan.product"
        " lines.data.pricing.price_details.price lines.data.pricing.price_details.product"
        " status_transitions.paid_at status_transitions.voided_at status_transitions.marked_uncollectible_at"
    ),
    "invoice_payment": _INVOICE_PAYMENT,
    "invoiceitem": "invoice subscription quantity proration date",
    "credit_note": "invoice type reason total refund voided_at",
    "payout": (
        "arrival_date automatic method type reconciliation_status failure_code balance_transaction"
        " trace_id.status trace_id.value"
    ),
    "promotion_code": "active coupon promotion.type promotion.coupon expires_at max_redemptions times_redeemed",
    "coupon": _COUPON,
    "discount": _DISCOUNT,
    "price": _PRICE,
    "product": "active type default_price updated",
    "payment_method": f"type {_CARD}",
    "setup_intent": "usage payment_method mandate cancellation_reason last_setup_error.code",
    "mandate": "type payment_method",
    "subscription_schedule": "subscription end_behavior released_subscription canceled_at completed_at released_at",
    "review": "charge payment_intent open opened_reason closed_reason reason",
    "transfer": "amount_reversed balance_transaction source_transaction reversed",
    "topup": "balance_transaction failure_code expected_availability_date",
    "balance": "available.amount available.currency pending.amount pending.currency",
}


_SPECIAL = {"metadata": FREE_TEXT, "trace_id": BANK_NUMBER}


def _fields(names: str) -> Fields:
    fields: Fields = {}
    for name in names.split():
        *path, last = name.split(".")
        place = fields
        for step in path:
            place = place.setdefault(step, {})
        place[last] = _SPECIAL.get(path[-1] if path else "")
    return fields


_FIELDS = {kind: _fields(f"{_ALWAYS} {names}") for kind, names in _NAMES.items()}
_OF_ANY_KIND = _fields(_ALWAYS)


def fields_of(kind: str) -> list[str]:
    """The allowed fields of this kind of object, as `items.data.price.id`."""
    return f"{_ALWAYS} {_NAMES.get(kind, '')}".split()


def kinds() -> list[str]:
    """The kinds of objects with allowed fields of their own."""
    return sorted(_NAMES)


def allowed_fields(subject: Any, event_type: str) -> Any:
    """The allowed fields of an event's object or of its previous values; empty for anything but an object."""
    if not isinstance(subject, dict):
        return {}
    return _kept(subject, _FIELDS.get(kind_of(event_type), _OF_ANY_KIND))


def kind_of(event_type: str) -> str:
    """The kind of object that this event type is about: the type without its last part."""
    family = event_type.rpartition(".")[0]
    return _NAMED_OTHERWISE.get(family, family)


def event_id(given: str) -> str:
    """An event's id as it is stored and shown; an unusable id is replaced by one of ours.

    The same text always gives the same id, so that the event is recognized when it comes again.
    """
    if _ID.fullmatch(given) and (given.startswith("evt_") or not _is_private(given)):
        return given
    return f"evt_unreadable_{hashlib.sha256(given.encode()).hexdigest()[:24]}"


def word(value: Any) -> str | None:
    """A word or an id as it is, any other text redacted; None if it is not text."""
    return _word(value, None) if isinstance(value, str) else None


def common_word(value: Any) -> str | None:
    """Like `word`, cached for an event's type or version, of which there are few."""
    return _common_word(value) if isinstance(value, str) else None


@lru_cache(maxsize=1024)
def _common_word(text: str) -> str:
    return _word(text, None)


def shops_own(text: Any) -> str | None:
    """The part of a text chosen by the shop that may be stored; calling it on its own result changes nothing."""
    return _word(text, FREE_TEXT) if isinstance(text, str) else None


def _kept(subject: dict[str, Any], fields: Fields) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, below in fields.items():
        if name in subject:
            value = subject[name]
            if isinstance(value, str):
                plain = below is None and (value in _COMMON or _is_plain(value))
                found[name] = value if plain else _word(value, below)
            elif value is None or type(value) in _NUMBERS and -MAX_AMOUNT <= value <= MAX_AMOUNT:
                found[name] = value
            elif isinstance(value, dict | list):  # subclasses too: Stripe's library has its own
                found[name] = _inside(value, below)
            else:  # too large for an amount or a time: it could be a card number
                found[name] = REDACTED
    return found


def _inside(value: dict[str, Any] | list[Any], below: Any) -> Any:
    if isinstance(value, list):
        return [
            _word(each, below) if isinstance(each, str) else _inside(each, below)
            for each in value[:MAX_LISTED]
            if isinstance(each, dict | str)
        ]
    if isinstance(below, dict):
        return _kept(value, below)
    inner = value.get("id")
    return _word(inner, None) if isinstance(inner, str) else None


def _word(text: str, below: Any) -> str:
    """A word or an id unchanged, also where the allowlist expects an object with an id; any other text redacted."""
    if below is FREE_TEXT:
        return text if _is_harmless(text) else _without_private(text)
    if below is BANK_NUMBER:
        return text if _WORD.fullmatch(text) and not text.startswith(_KEYS) else REDACTED
    if (below is None or "id" in below) and (_is_plain(text) or _WORD.fullmatch(text) and not _is_private(text)):
        return text
    return REDACTED


def _is_plain(text: str) -> bool:
    """Whether the text is an ordinary word or id: a cheaper check than the pattern, and enough for nearly all texts."""
    return (
        len(text) < 256
        and text.isascii()
        and text.isidentifier()
        and "_secret_" not in text
        and not text.startswith(_KEYS)
    )


def _is_harmless(text: str) -> bool:
    """Whether the text has only letters, digits and dashes, and nothing private."""
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum() and not _is_private(text)


def _is_private(text: str) -> bool:
    """Whether a text without spaces contains a card or phone number, a key or a client secret; a UUID is fine."""
    rest = _UUID.sub("u", text) if len(text) >= 36 else text
    opens_something = "_secret_" in rest or rest.startswith(_KEYS)
    has_card = _LIKE_A_CARD.search(rest) and redacted(rest) != rest
    has_phone = ("-" in rest or "." in rest) and _LIKE_A_PHONE.search(rest)
    return bool(opens_something or has_card or has_phone)


def _without_private(text: str) -> str:
    """The text without private parts; redacted as a whole if it may contain an e-mail address in any spelling."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    left = REDACTED if "@" in plain else str(redacted(plain))
    return text if left == plain else left
