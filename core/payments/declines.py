"""The one table of decline codes: what each means, what may be tried, what the customer and staff are told.

Codes: https://docs.stripe.com/declines/codes; hard codes: https://docs.stripe.com/declines/card#hard-declines.
"""

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    NEW_CARD = "needs_new_card"
    STOP = "stop"
    REVIEW = "stop_and_review"
    AUTHENTICATE = "customer_must_authenticate"
    FIX_ENTRY = "fix_the_data"
    RETRY_LATER = "retry_later"
    RETRY_SPACED = "retry_once_or_twice"
    RETRY_SOON = "retry_soon"
    CHECK_FIRST = "check_first"
    TERMINAL_ONLY = "terminal_only"
    CONFIGURATION = "our_configuration"


@dataclass(frozen=True)
class Advice:
    """What may be done about a decline; `retry_after_hours` is None where trying the same card again cannot help."""

    code: str
    category: Category
    hard: bool
    known: bool
    retry_after_hours: int | None
    customer_message: str
    staff_advice: str

    @property
    def retryable(self) -> bool:
        return self.retry_after_hours is not None


_CODES: dict[Category, str] = {
    Category.NEW_CARD: "incorrect_number lost_card stolen_card pickup_card expired_card",
    Category.STOP: "revocation_of_authorization revocation_of_all_authorizations transaction_not_allowed "
    "highest_risk_level do_not_try_again stop_payment_order invalid_account new_account_information_available "
    "restricted_card security_violation service_not_allowed not_permitted card_not_supported currency_not_supported",
    Category.REVIEW: "fraudulent merchant_blacklist",
    Category.AUTHENTICATE: "authentication_required authentication_not_handled payment_intent_authentication_failure",
    Category.FIX_ENTRY: "incorrect_cvc invalid_cvc incorrect_zip incorrect_address invalid_expiry_month "
    "invalid_expiry_year invalid_number invalid_amount",
    Category.RETRY_LATER: "insufficient_funds withdrawal_count_limit_exceeded card_velocity_exceeded",
    Category.RETRY_SPACED: "do_not_honor generic_decline call_issuer no_action_taken",
    Category.RETRY_SOON: "processing_error issuer_not_available reenter_transaction approve_with_id try_again_later",
    Category.CHECK_FIRST: "duplicate_transaction",
    Category.TERMINAL_ONLY: "incorrect_pin invalid_pin pin_try_exceeded offline_pin_required "
    "online_or_offline_pin_required mobile_device_authentication_required",
    Category.CONFIGURATION: "testmode_decline",
}
_CATEGORY = {code: category for category, codes in _CODES.items() for code in codes.split()}
HARD = frozenset(
    "incorrect_number lost_card stolen_card pickup_card revocation_of_authorization revocation_of_all_authorizations "
    "transaction_not_allowed highest_risk_level authentication_required".split()
)
# Told as any other decline: whoever holds the card must not learn that it is reported or suspected.
CONCEALED = frozenset("lost_card stolen_card pickup_card fraudulent merchant_blacklist highest_risk_level".split())

_RETRY_AFTER_HOURS = {Category.RETRY_LATER: 72, Category.RETRY_SPACED: 24, Category.RETRY_SOON: 1}
_DECLINED = "Your card was declined. Please use another card or contact your bank."
_TO_CUSTOMER = {
    Category.AUTHENTICATE: "Your bank asks you to confirm this payment. Please try again and complete the check.",
    Category.FIX_ENTRY: "Some card details do not match. Please check the number, date, security code and postcode.",
    Category.RETRY_LATER: "Your card has not enough funds available or has reached its limit. "
    "Please use another card or try again later.",
    Category.RETRY_SOON: "The payment could not be processed just now. Please try again in a while.",
    Category.CHECK_FIRST: "This payment may have been made already. Please check before you pay again.",
    Category.CONFIGURATION: "The payment could not be processed. Please contact us.",
}
_TO_STAFF = {
    Category.NEW_CARD: "Ask for another card; this one cannot be charged again.",
    Category.STOP: "Do not try this card again; the customer has to speak with the bank or use another card.",
    Category.REVIEW: "Do not retry. Review the customer's payments first; say only that the card was declined.",
    Category.AUTHENTICATE: "Send the customer a link to pay and authenticate; an off-session retry cannot succeed.",
    Category.FIX_ENTRY: "Ask the customer to enter the card again.",
    Category.RETRY_LATER: "Retry in a few days, near a payday, or ask for another card.",
    Category.RETRY_SPACED: "Retry once or twice, a day apart; after that the customer has to ask the bank.",
    Category.RETRY_SOON: "A passing fault: retry within hours.",
    Category.CHECK_FIRST: "Look for a payment of the same amount before anything is charged again.",
    Category.TERMINAL_ONLY: "Meant for card terminals; ask for the card to be entered online or for another one.",
    Category.CONFIGURATION: "A test card met a live key, or the reverse. Tell an admin.",
}


def advice(decline_code: str | None, *, advice_code: str | None = None) -> Advice:
    """What the table says of a decline; `outcome.advice_code`, where the network gave one, overrides it.

    A code that is not in the table is treated as `generic_decline` and has `known` false.
    """
    code = decline_code or "generic_decline"
    own = _CATEGORY.get(code, Category.RETRY_SPACED)
    category = _overridden(own, advice_code)
    # That it may be tried later says nothing about why: only who has too little money is told of money.
    told = own if advice_code == "try_again_later" else category
    hard = code in HARD or advice_code == "do_not_try_again"
    return Advice(
        code=code,
        category=category,
        hard=hard,
        known=code in _CATEGORY,
        retry_after_hours=None if hard else _RETRY_AFTER_HOURS.get(category),
        customer_message=_DECLINED if code in CONCEALED else _TO_CUSTOMER.get(told, _DECLINED),
        staff_advice=_TO_STAFF[category],
    )


def every_code() -> list[str]:
    """The codes of the table."""
    return sorted(_CATEGORY)


def _overridden(category: Category, advice_code: str | None) -> Category:
    if advice_code == "do_not_try_again":
        return category if category in {Category.NEW_CARD, Category.REVIEW} else Category.STOP
    if advice_code == "confirm_card_data":
        return Category.FIX_ENTRY
    return Category.RETRY_LATER if advice_code == "try_again_later" else category
