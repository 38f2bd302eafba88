"""Which amounts can be charged, from Stripe's page on currencies."""

import pytest

from core.money import Money
from core.payments import amount_limits


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (999_999_999_999, "idr"),
        (9_999_999_999, "cop"),
        (999_999_999, "inr"),
        (99_999_999, "usd"),
        (99_999_999, "jpy"),
        (99_999_990, "kwd"),
        (500, "isk"),
        (500, "ugx"),
        (50, "zar"),
        (1, "kes"),
        *(
            (10_000, each)
            for each in "aed all bam bdt bob crc dop etb fjd gel gtq htg kzt mad mur ngn pab rsd ttd zmw".split()
        ),
    ],
)
def test_amounts_that_stripe_accepts_are_accepted(amount, currency):
    assert amount_limits.problem_with(Money(amount, currency)) is None


@pytest.mark.parametrize(
    ("amount", "currency", "word"),
    [
        (1_000_000_000_000, "idr", "too large"),
        (10_000_000_000, "cop", "too large"),
        (1_000_000_000, "inr", "too large"),
        (100_000_000, "usd", "too large"),
        (550, "isk", "whole"),
        (101, "ugx", "whole"),
        (12_345, "kwd", "end in 0"),
        (49, "zar", "too small"),
        (49, "krw", "too small"),
        (49, "cop", "too small"),
        (49, "ars", "too small"),
        (49, "php", "too small"),
        (49, "ils", "too small"),
        (100, "hrk", "not supported"),
        (100, "xyz", "not supported"),
    ],
)
def test_amounts_that_stripe_refuses_are_refused_with_the_reason(amount, currency, word):
    assert word in str(amount_limits.problem_with(Money(amount, currency)))
