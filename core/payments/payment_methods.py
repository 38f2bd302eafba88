"""Types of payment methods as people name them: `Visa •••• 4242`, `bank account •••• 6789`, `Klarna`."""

from collections.abc import Mapping
from typing import Any

# Stripe's types that debit a bank account under a mandate: https://docs.stripe.com/payments/bank-debits.
BANK_DEBITS = frozenset(
    "us_bank_account ach_debit sepa_debit bacs_debit acss_debit au_becs_debit nz_bank_account".split()
)
CARDS = frozenset({"card", "card_present", "interac_present"})
BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "link": "Link",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
_NAMES = {
    "afterpay_clearpay": "Afterpay",
    "amazon_pay": "Amazon Pay",
    "cashapp": "Cash App Pay",
    "customer_balance": "bank transfer",
    "eps": "EPS",
    "ideal": "iDEAL",
    "p24": "Przelewy24",
    "paypal": "PayPal",
    "revolut_pay": "Revolut Pay",
    "wechat_pay": "WeChat Pay",
}


def brand_name(brand: str | None) -> str:
    """`visa` is `Visa`; a brand that is not in the table is shown as Stripe writes it."""
    if not brand or brand == "unknown":
        return "Card"
    return BRANDS.get(brand) or brand


def card_name(brand: str | None, last4: str | None) -> str:
    """`Visa •••• 4242`; empty where there is no card."""
    return f"{brand_name(brand)} •••• {last4}" if last4 else ""


def method_name(method: str | None) -> str:
    """`card`, `bank account` or the provider's name, `Klarna`."""
    if method is None or method in CARDS:
        return "card"
    if method in BANK_DEBITS:
        return "bank account"
    return _NAMES.get(method) or method.replace("_", " ").title()


def paid_with(payment: Mapping[str, Any]) -> str:
    """What a payment or charge was paid with: `Visa •••• 4242`, else the kind of method."""
    if card := card_name(payment.get("card_brand"), payment.get("card_last4")):
        return card
    method = payment.get("method_type")
    name = method_name(method) if method else "no card"
    return name[:1].upper() + name[1:]
