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


def test_an_unknown_code_is_a_generic_decline_and_counted_as_unknown():
    unknown, generic = advice("made_up_code"), advice("generic_decline")
    assert (unknown.known, generic.known) == (False, True)
    assert unknown.category is generic.category


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


@pytest.mark.parametrize("code", ["processing_error", "do_not_honor", "incorrect_number", "expired_card"])
def test_nobody_is_told_of_too_little_money_because_the_network_says_to_try_later(code):
    assert advice(code, advice_code="try_again_later").customer_message == advice(code).customer_message
    assert "funds" not in advice(code, advice_code="try_again_later").customer_message


def test_every_code_has_one_category_and_both_its_sentences():
    for code in _CATEGORY:
        assert advice(code).customer_message.endswith(".")
        assert advice(code).staff_advice.endswith(".")
