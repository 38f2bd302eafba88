"""The table of decline codes: what each code means, whether a retry can help, and what to tell the customer and staff.

Card and local codes: https://docs.stripe.com/declines/codes; hard codes: https://docs.stripe.com/declines/card#hard-declines;
bank debits: https://docs.stripe.com/declines/network-codes; blocks: https://docs.stripe.com/declines#blocked-payments.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.payments import decline_words
from core.payments.payment_methods import BANK_DEBITS


class Category(StrEnum):
    """What to do about a decline. The values are public: the API, the command line and exports print them."""

    NEW_CARD = "needs_new_card"
    BLOCKED = "blocked_before_network"
    NEW_BANK_DETAILS = "needs_new_bank_details"
    CUSTOMER_CHOICE = "customers_choice"
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
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Advice:
    """The advice on a decline.

    `hard`: the same card or account must not be charged again. `retry_after_hours` is None if a retry cannot help.
    """

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

    @property
    def title(self) -> str:
        """The code in words: `Insufficient funds`."""
        return in_words(self.code)


_CODES: dict[Category, str] = {
    Category.NEW_CARD: "incorrect_number lost_card stolen_card pickup_card expired_card lost_or_stolen_card "
    "expired_payment_information expired_payment_method",
    Category.BLOCKED: "rule highest_risk_level elevated_risk_level low_probability_of_authorization blocklist "
    "previously_declined_do_not_retry requested_block_on_incorrect_cvc requested_block_on_incorrect_zip "
    "request_blocked",
    Category.NEW_BANK_DETAILS: "bank_account_closed bank_account_invalid_details bank_account_unusable "
    "debit_not_authorized account_closed no_account bank_account_declined bank_account_restricted bank_account_frozen "
    "bank_account_unverified bank_account_verification_failed bank_ownership_changed account_frozen "
    "account_number_invalid invalid_account_number routing_number_invalid bank_account_bad_routing_numbers "
    "tokenized_account_number_deactivated payment_method_bank_account_blocked sepa_unsupported_account "
    "billing_invalid_mandate payment_intent_mandate_invalid mandate_invalid refer_to_customer could_not_process "
    "recurring_not_supported_by_bank charge_exceeds_source_limit charge_exceeds_transaction_limit",
    Category.CUSTOMER_CHOICE: "payment_method_customer_decline",
    Category.STOP: "revocation_of_authorization revocation_of_all_authorizations transaction_not_allowed "
    "do_not_try_again stop_payment_order invalid_account new_account_information_available restricted_card "
    "security_violation service_not_allowed not_permitted card_not_supported currency_not_supported "
    "partner_generic_decline payment_method_provider_decline invalid_customer_account invalid_billing_agreement "
    "invalid_authorization compliance_violation payment_disputed partner_action_not_supported "
    "partner_invalid_amount partner_invalid_currency "
    "payment_method_restricted india_recurring_payment_mandate_canceled card_decline_rate_limit_exceeded",
    Category.REVIEW: "fraudulent merchant_blacklist partner_high_risk_customer",
    Category.AUTHENTICATE: "authentication_required authentication_not_handled payment_intent_authentication_failure "
    "authentication_failure",
    Category.FIX_ENTRY: "incorrect_cvc invalid_cvc incorrect_zip incorrect_postal_code incorrect_address "
    "invalid_expiry_month invalid_expiry_year invalid_number invalid_amount invalid_payment_information",
    Category.RETRY_LATER: "insufficient_funds withdrawal_count_limit_exceeded card_velocity_exceeded "
    "payment_limit_exceeded",
    Category.RETRY_SPACED: "do_not_honor generic_decline card_declined call_issuer no_action_taken",
    Category.RETRY_SOON: "processing_error issuer_not_available reenter_transaction approve_with_id try_again_later "
    "payment_method_provider_timeout payment_method_not_available",
    Category.CHECK_FIRST: "duplicate_transaction partner_payment_not_found",
    Category.TERMINAL_ONLY: "incorrect_pin invalid_pin pin_try_exceeded offline_pin_required "
    "online_or_offline_pin_required mobile_device_authentication_required card_already_activated invalid_track_data",
    Category.CONFIGURATION: "testmode_decline invalid_business_account payment_method_unactivated "
    "testmode_charges_only",
}
_CATEGORY = {code: category for category, codes in _CODES.items() for code in codes.split()}
HARD = frozenset(
    "incorrect_number lost_card stolen_card pickup_card revocation_of_authorization revocation_of_all_authorizations "
    "transaction_not_allowed highest_risk_level authentication_required stop_payment_order invalid_account".split()
)
# For these, too, Stripe or the payment provider says that no retry succeeds.
_NEVER_AGAIN = frozenset(
    "previously_declined_do_not_retry lost_or_stolen_card invalid_billing_agreement invalid_authorization "
    "compliance_violation partner_action_not_supported partner_invalid_amount".split()
)
# Declines that the network's advice to try later does not change.
_NOT_FOR_A_RETRY = frozenset({Category.BLOCKED, Category.NEW_BANK_DETAILS, Category.CUSTOMER_CHOICE})
# Shown to customers as any other decline: a thief must not learn that the card is reported or suspected.
CONCEALED = frozenset(
    "lost_card stolen_card pickup_card lost_or_stolen_card fraudulent merchant_blacklist partner_high_risk_customer "
    "rule highest_risk_level elevated_risk_level low_probability_of_authorization blocklist request_blocked "
    "previously_declined_do_not_retry".split()
)
_RETRY_AFTER_HOURS = {Category.RETRY_LATER: 72, Category.RETRY_SPACED: 24, Category.RETRY_SOON: 1}


def advice(decline_code: str | None, *, advice_code: str | None = None, method: str | None = None) -> Advice:
    """What the table says about a decline; `outcome.advice_code`, where the network gave one, overrides it.

    Without a code it is a `generic_decline`. An unknown code asks staff to find out, and `known` is false.
    `method` is Stripe's type of payment method; without one it is taken to be a card.
    """
    code = decline_code or "generic_decline"
    row = code if code in _CATEGORY else code.removeprefix("partner_")
    own = _CATEGORY.get(row, Category.UNKNOWN)
    if method is None and own is Category.NEW_BANK_DETAILS:
        method = "us_bank_account"  # no other method has these codes
    category = _overridden(own, advice_code)
    if method in BANK_DEBITS and category in _RETRY_AFTER_HOURS and row != "insufficient_funds":
        own = category = Category.NEW_BANK_DETAILS  # only a debit that failed for insufficient funds may be repeated
    hard = row in HARD or row in _NEVER_AGAIN or category in (Category.NEW_BANK_DETAILS, Category.CUSTOMER_CHOICE)
    hard = hard or advice_code == "do_not_try_again"
    # A card that must not be charged again: nobody is told to correct its data or to wait, whatever the network says.
    said = own if hard and category in (Category.FIX_ENTRY, Category.RETRY_LATER) else category
    # "Try again later" gives no reason, so only insufficient_funds is explained to the customer as such.
    told = own if advice_code == "try_again_later" else said
    return Advice(
        code=code,
        category=category,
        hard=hard,
        known=row in _CATEGORY,
        retry_after_hours=None if hard else _RETRY_AFTER_HOURS.get(category),
        customer_message=decline_words.to_customer(None if row in CONCEALED else told, row, method),
        staff_advice=decline_words.to_staff(said, row, method),
    )


def every_code() -> list[str]:
    """The codes of the table."""
    return sorted(_CATEGORY)


def in_words(code: str) -> str:
    """A code as tables, dialogs and exports show it: `Insufficient funds`; an unknown one as Stripe writes it."""
    row = code if code in _CATEGORY else code.removeprefix("partner_")
    return decline_words.TITLES.get(row) or (row.replace("_", " ").capitalize() if row in _CATEGORY else code)


def _overridden(category: Category, advice_code: str | None) -> Category:
    if category in _NOT_FOR_A_RETRY:
        return category
    if advice_code == "do_not_try_again":
        return category if category in {Category.NEW_CARD, Category.REVIEW} else Category.STOP
    if advice_code == "confirm_card_data":
        return Category.FIX_ENTRY
    return Category.RETRY_LATER if advice_code == "try_again_later" else category
