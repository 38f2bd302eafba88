"""Which amounts Stripe charges in each currency: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts."""

from core.money import THREE_DECIMAL, ZERO_DECIMAL, Money

MAXIMUM_MINOR = 99_999_999
MINIMUM_MINOR = {
    "usd": 50,
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
}
CURRENCIES = (
    frozenset(MINIMUM_MINOR)
    | ZERO_DECIMAL
    | THREE_DECIMAL
    | frozenset("ars cop egp ils idr isk kes krw ngn pen php qar sar try twd uah ugx uyu zar".split())
)


def problem_with(money: Money) -> str | None:
    """Why this amount cannot be charged, in a sentence; None where it can."""
    if money.currency not in CURRENCIES:
        return f"{money.currency} is no currency that can be charged."
    if money.minor > MAXIMUM_MINOR:
        return f"At most {Money(MAXIMUM_MINOR, money.currency)} can be charged at once."
    if money.minor < smallest(money.currency).minor:
        return f"At least {smallest(money.currency)} has to be charged."
    if money.currency in THREE_DECIMAL and money.minor % 10:
        return f"The last digit of an amount in {money.currency.upper()} is 0."
    return None


def smallest(currency: str) -> Money:
    """The smallest amount that can be charged."""
    return Money(MINIMUM_MINOR.get(currency, 10 if currency in THREE_DECIMAL else 1), currency)
