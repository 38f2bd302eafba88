"""What the decline table promises to customers and staff."""

import pytest

from core.payments.declines import _CATEGORY, CONCEALED, HARD, Category, advice


@pytest.mark.parametrize("code", sorted(HARD))
def test_a_hard_decline_is_never_retried_with_the_same_card(code):
    assert not advice(code).retryable
    assert not advice(code, advice_code="try_again_later").retryable


@pytest.mark.parametrize("code", sorted(CONCEALED))
def test_a_reported_or_suspected_card_is_told_as_any_other_decline(code):
    told = advice(code).customer_message
    assert told == advice("transaction_not_allowed").customer_message
    assert not {"lost", "stolen", "fraud", "risk"} & set(told.lower().split())


def test_an_unknown_decline_code_is_never_retried():
    unknown = advice("made_up_code")
    assert (unknown.known, unknown.retryable) == (False, False)
    assert "Find out" in unknown.staff_advice
    assert advice("generic_decline").known


# Worked out by hand from Stripe's pages on declines; the code under test is not used for it.
BLOCKS = "rule highest_risk_level elevated_risk_level low_probability_of_authorization previously_declined_do_not_retry"
NO_SECOND_DEBIT = (
    "bank_account_closed bank_account_invalid_details bank_account_unusable debit_not_authorized "
    "account_closed no_account "
    "processing_error generic_decline try_again_later made_up_code"
)


@pytest.mark.parametrize("code", [*BLOCKS.split(), "requested_block_on_incorrect_cvc"])
@pytest.mark.parametrize("advice_code", [None, "try_again_later", "do_not_try_again"])
def test_a_block_never_reached_the_network_and_is_not_worth_a_retry(code, advice_code):
    blocked = advice(code, advice_code=advice_code)
    assert (blocked.category, blocked.retryable) == (Category.BLOCKED, False)


@pytest.mark.parametrize("code", BLOCKS.split())
def test_a_customer_is_not_told_that_stripe_blocked_them(code):
    assert advice(code).customer_message == advice("do_not_honor").customer_message


@pytest.mark.parametrize("code", ["stop_payment_order", "invalid_account"])
def test_stopped_payments_and_invalid_accounts_are_hard(code):
    assert advice(code).hard and not advice(code, advice_code="try_again_later").retryable


@pytest.mark.parametrize("code", NO_SECOND_DEBIT.split())
@pytest.mark.parametrize("method", ["us_bank_account", "sepa_debit", "bacs_debit"])
@pytest.mark.parametrize("advice_code", [None, "try_again_later"])
def test_a_failed_debit_is_made_again_only_where_money_was_missing(code, method, advice_code):
    assert not advice(code, method=method, advice_code=advice_code).retryable
    assert advice("insufficient_funds", method=method).retryable


@pytest.mark.parametrize(
    ("code", "method", "word"),
    [
        ("bank_account_closed", "us_bank_account", "bank account"),
        ("insufficient_funds", "us_bank_account", "bank account"),
        ("bank_account_unusable", None, "bank account"),
        ("generic_decline", "klarna", "Klarna"),
        ("payment_method_customer_decline", "klarna", "Klarna"),
        ("insufficient_funds", "cashapp", "Cash App Pay"),
        ("fraudulent", "paypal", "PayPal"),
        ("insufficient_funds", "card", "card"),
    ],
)
def test_the_customer_reads_about_the_method_they_used(code, method, word):
    told = advice(code, method=method).customer_message
    assert word in told
    assert ("card" in told) == (word == "card")


def test_a_customer_who_declined_is_not_charged_again():
    for method in ("klarna", "paypal", None):
        declined = advice("payment_method_customer_decline", method=method)
        assert (declined.category, declined.retryable, declined.hard) == (Category.CUSTOMER_CHOICE, False, True)


LOCAL = (
    "partner_generic_decline invalid_customer_account payment_limit_exceeded invalid_billing_agreement "
    "partner_expired_card "
    "partner_processing_error partner_insufficient_funds partner_invalid_currency partner_invalid_amount "
    "invalid_business_account partner_high_risk_customer compliance_violation payment_disputed invalid_authorization "
    "invalid_payment_information partner_payment_not_found expired_payment_information partner_duplicate_transaction "
    "recurring_not_supported_by_bank partner_action_not_supported lost_or_stolen_card"
)


@pytest.mark.parametrize("code", LOCAL.split())
def test_local_methods_codes_are_known(code):
    assert advice(code, method="klarna").known


def test_a_card_whose_date_is_to_be_checked_is_told_that_it_expired():
    for advice_code in ("confirm_card_data", "try_again_later", "do_not_try_again", None):
        told = advice("expired_card", advice_code=advice_code)
        assert "expired" in told.customer_message
        assert "details do not match" not in told.customer_message and "payday" not in told.staff_advice


@pytest.mark.parametrize("code", sorted(HARD))
@pytest.mark.parametrize("advice_code", ["confirm_card_data", "try_again_later"])
def test_a_card_that_must_not_be_charged_again_is_neither_corrected_nor_waited_for(code, advice_code):
    own, told = advice(code), advice(code, advice_code=advice_code)
    assert told.hard
    assert (told.customer_message, told.staff_advice) == (own.customer_message, own.staff_advice)


@pytest.mark.parametrize(
    ("code", "advice_code", "category"),
    [
        ("insufficient_funds", None, Category.RETRY_LATER),
        ("insufficient_funds", "do_not_try_again", Category.STOP),
        ("do_not_honor", "confirm_card_data", Category.FIX_ENTRY),
        ("do_not_honor", "try_again_later", Category.RETRY_LATER),
        ("lost_card", "do_not_try_again", Category.NEW_CARD),
        (None, None, Category.RETRY_SPACED),
    ],
)
def test_the_networks_advice_overrides_the_table(code, advice_code, category):
    assert advice(code, advice_code=advice_code).category is category


@pytest.mark.parametrize("code", ["processing_error", "do_not_honor", "incorrect_number", "lost_card"])
def test_network_advice_to_retry_later_is_not_shown_as_insufficient_funds(code):
    assert advice(code, advice_code="try_again_later").customer_message == advice(code).customer_message
    assert "funds" not in advice(code, advice_code="try_again_later").customer_message


def test_every_code_has_one_category_and_both_its_sentences():
    for code in _CATEGORY:
        assert advice(code).customer_message.endswith(".")
        assert advice(code).staff_advice.endswith(".")
