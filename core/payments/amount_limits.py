"""The smallest and largest amounts that Stripe charges in each currency: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts."""

from core.money import CURRENCIES as KNOWN
from core.money import THREE_DECIMAL, Money

CURRENCIES = KNOWN - {"hrk"}  # withdrawn: payments in it stay, new ones are refused
# The most that every payment method takes; card networks may take more in other currencies.
MAXIMUM_MINOR = {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}
MAXIMUM_MINOR_OF_OTHERS = 99_999_999
LARGEST_MINOR = max(MAXIMUM_MINOR.values())
MINIMUM_MINOR = {
    "usd": 50,
    "aed": 200,
    "ars": 50,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "cop": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "idr": 50,
    "ils": 50,
    "inr": 50,
    "jpy": 50,
    "krw": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "php": 50,
    "pln": 200,
    "ron": 200,
    "rub": 50,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "zar": 50,
}
# Written with two decimals that are always 00: https://docs.stripe.com/currencies#special-cases.
WHOLE_UNITS = frozenset({"isk", "ugx"})


def problem_with(money: Money) -> str | None:
    """Why this amount cannot be charged, in a sentence; None if it can."""
    if money.currency not in CURRENCIES:
        return f"Payments in {money.currency.upper()} are not supported."
    if money.minor > largest(money.currency).minor:
        return f"The amount is too large. At most {largest(money.currency)} can be charged at once."
    if money.minor < smallest(money.currency).minor:
        return f"The amount is too small. The minimum is {smallest(money.currency)}."
    return problem_with_digits(money)


def problem_with_digits(money: Money) -> str | None:
    """Why Stripe does not accept an amount with these last digits, in a sentence; None if it does."""
    if money.minor % step_minor(money.currency) == 0:
        return None
    code = money.currency.upper()
    if money.currency in WHOLE_UNITS:
        return f"Amounts in {code} must be whole: in minor units they end in 00."
    return f"Amounts in {code} must end in 0 in minor units."


def step_minor(currency: str) -> int:
    """Amounts in this currency must be multiples of this many minor units."""
    if currency in WHOLE_UNITS:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def smallest(currency: str) -> Money:
    """The smallest amount that can be charged."""
    return Money(MINIMUM_MINOR.get(currency, step_minor(currency)), currency)


def largest(currency: str) -> Money:
    """The largest amount that can be charged at once."""
    most = MAXIMUM_MINOR.get(currency, MAXIMUM_MINOR_OF_OTHERS)
    return Money(most - most % step_minor(currency), currency)
