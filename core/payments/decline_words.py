"""The messages about a decline for customers and for staff, by payment method."""

from core.payments.payment_methods import BANK_DEBITS, CARDS, method_name

TITLES = {
    "blocklist": "Blocked by the block list",
    "elevated_risk_level": "Blocked: elevated risk",
    "highest_risk_level": "Blocked: highest risk",
    "incorrect_cvc": "Incorrect security code",
    "incorrect_zip": "Incorrect ZIP code",
    "invalid_cvc": "Invalid security code",
    "low_probability_of_authorization": "Blocked: unlikely to be authorized",
    "payment_intent_authentication_failure": "Customer did not authenticate",
    "payment_method_customer_decline": "Declined by the customer",
    "previously_declined_do_not_retry": "Blocked: the card was declined for good before",
    "requested_block_on_incorrect_cvc": "Blocked: incorrect security code",
    "requested_block_on_incorrect_zip": "Blocked: incorrect ZIP code",
    "rule": "Blocked by a Radar rule",
}
_CARD = {
    None: "Your card was declined. Please use another card or contact your bank.",
    "customers_choice": "The payment was not approved. Please try again, or choose another way to pay.",
    "customer_must_authenticate": "Your bank asks you to confirm this payment. Please try again and "
    "complete the check.",
    "fix_the_data": "Some card details do not match. Please check the number, expiry date, security code and ZIP code.",
    "retry_later": "Your card does not have enough funds available, or has reached its limit. "
    "Please use another card or try again later.",
    "retry_soon": "The payment could not be processed just now. Please try again later.",
    "check_first": "You may have made this payment already. Please check before you pay again.",
    "our_configuration": "The payment could not be processed. Please contact us.",
}
_BANK = {
    None: "Your bank account could not be debited. Please use another bank account or contact your bank.",
    "needs_new_bank_details": "Your bank account could not be debited. Please enter other bank details, or "
    "choose another "
    "way to pay.",
    "fix_the_data": "The bank account's details do not match. Please check them and enter them again.",
    "retry_later": "Your bank account does not have enough funds. Please add funds, or choose another way to pay.",
}
_PROVIDER = {
    None: "{name} declined the payment. Please choose another way to pay or contact {name}.",
    "customers_choice": "The payment with {name} was not approved. Please try again, or choose another way to pay.",
    "customer_must_authenticate": "{name} asks you to confirm this payment. Please try again and complete the check.",
    "fix_the_data": "Some of your details do not match those at {name}. Please check them and try again.",
    "retry_later": "{name} reports that your account there has too little money or has reached its limit. "
    "Please choose "
    "another way to pay or try again later.",
    "retry_soon": "{name} could not process the payment just now. Please try again later.",
}
_CARD_CODES = {
    "expired_card": "Your card has expired. Please check its expiry date or use another card.",
    "requested_block_on_incorrect_cvc": "The security code does not match. Please check it and enter the card again.",
    "requested_block_on_incorrect_zip": "The ZIP code does not match. Please check it and enter the card again.",
}
_BANK_CODES = {
    "debit_not_authorized": "Your bank does not have your permission for this debit. Please authorize the "
    "debit again, or "
    "choose another way to pay.",
}
_STAFF = {
    "needs_new_card": "Ask for another card. This one cannot be charged again.",
    "blocked_before_network": "Stripe blocked this payment before it reached the bank. Review the Radar "
    "rule or ask for "
    "another payment method. A retry will be blocked again.",
    "needs_new_bank_details": "Do not debit this account again. Ask for new account details or a new mandate.",
    "customers_choice": "The customer declined the payment. Do not retry; send a payment link if they still "
    "want to pay.",
    "stop": "Do not retry this {method}. The customer has to contact {contact} or use another payment method.",
    "stop_and_review": "Do not retry. Review the customer's payments first. Tell them only that the payment "
    "was declined.",
    "customer_must_authenticate": "Send the customer a payment link so they can authenticate. A retry without "
    "them cannot "
    "succeed.",
    "fix_the_data": "Ask the customer to enter their {method} details again.",
    "retry_later": "Retry in a few days, near a payday, or ask for another payment method.",
    "retry_once_or_twice": "Retry once or twice, a day apart. After that the customer has to contact {contact}.",
    "retry_soon": "This is a temporary fault. Retry within hours.",
    "check_first": "Look for a payment of the same amount before you charge again.",
    "terminal_only": "This code is for card readers. Ask the customer to enter the card online, or to use another one.",
    "our_configuration": "Stripe or the payment method is not set up correctly, or a test card met a live key. Tell an "
    "admin.",
    "unknown": "We do not know this code. Do not retry. Find out at Stripe what it means first.",
}
_STAFF_CODES = {
    "previously_declined_do_not_retry": "Stripe blocked this payment because the bank declined this card for "
    "good before. "
    "Do not retry; ask for another card.",
    "requested_block_on_incorrect_cvc": "Stripe blocked this payment because the security code was wrong. Ask "
    "the customer "
    "to enter the card again.",
    "requested_block_on_incorrect_zip": "Stripe blocked this payment because the ZIP code was wrong. Ask the "
    "customer to "
    "enter the card again.",
    "debit_not_authorized": "Do not debit this account again. Ask the customer for a new mandate, or for "
    "another way to "
    "pay.",
}


def to_customer(category: str | None, code: str, method: str | None) -> str:
    """The message for the customer; `category` is None if the reason must not be shown."""
    if method in BANK_DEBITS:
        special, general = (
            _BANK_CODES,
            _CARD | {"retry_once_or_twice": _BANK[None], "needs_new_card": _BANK[None]} | _BANK,
        )
    elif method is None or method in CARDS:
        special, general = _CARD_CODES, _CARD
    else:
        special, general = {}, _CARD | _PROVIDER
    told = special.get(code) if category is not None else None
    return (told or general.get(category) or general[None]).format(name=method_name(method))


def to_staff(category: str, code: str, method: str | None) -> str:
    """The advice for staff."""
    is_card = method is None or method in CARDS
    contact = "their bank" if is_card or method in BANK_DEBITS else method_name(method)
    if code == "expired_card" and category in ("fix_the_data", "retry_later"):
        return "The card has expired. Ask the customer to check its expiry date, or for another card."
    special = _STAFF_CODES.get(code) if category in ("blocked_before_network", "needs_new_bank_details") else None
    return (special or _STAFF[category]).format(method="card" if is_card else method_name(method), contact=contact)
