"""The smallest and largest amount Stripe takes in each currency, in minor units."""

from core.sandbox.engine.errors import StripeError, invalid

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
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
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
# Written with two decimals that are always 00.
WHOLE_ONLY = frozenset("isk ugx".split())
# https://docs.stripe.com/currencies#presentment-currencies
CURRENCIES = (
    frozenset(MINIMUM_MINOR)
    | ZERO_DECIMAL
    | THREE_DECIMAL
    | frozenset(
        "afn all amd ang aoa ars awg azn bam bbd bdt bmd bnd bob bsd bwp byn bzd cdf cny cop crc cve dop dzd egp etb "
        "fjd fkp gel gip gmd gtq gyd hnl htg idr ils isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk "
        "mnt mop mur mvr mwk mzn nad ngn nio npr pab pen pgk php pkr qar rsd rub sar sbd scr shp sle sos srd std szl "
        "tjs top try ttd twd tzs uah ugx uyu uzs wst xcd yer zar zmw".split()
    )
)
MAXIMUM_MINOR = 99_999_999
HIGHER_MAXIMUM_MINOR = {
    "idr": 999_999_999_999,
    **dict.fromkeys("cop huf inr jpy lbp".split(), 9_999_999_999),
    **dict.fromkeys("amd clp krw mmk mnt".split(), 999_999_999),
}


def checked_currency(currency: str | None) -> str:
    if currency is None:
        raise invalid("Missing required param: currency.", "currency", "parameter_missing")
    if currency.lower() not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency.lower()}. Stripe does not support it.", "currency")
    return currency.lower()


def checked_amount(amount: int | None, currency: str, param: str = "amount") -> int:
    """`amount`, if Stripe accepts it; otherwise raises Stripe's error."""
    if amount is None:
        raise invalid(f"Missing required param: {param}.", param, "parameter_missing")
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param, "parameter_invalid_integer")
    maximum = HIGHER_MAXIMUM_MINOR.get(currency, MAXIMUM_MINOR)
    if amount > maximum:
        raise invalid(f"Amount must be no more than {shown(maximum, currency)}", param, "amount_too_large")
    minimum = MINIMUM_MINOR.get(currency, 1)
    if amount < minimum:
        raise invalid(f"Amount must be at least {shown(minimum, currency)}", param, "amount_too_small")
    if currency in THREE_DECIMAL and amount % 10:
        raise StripeError(
            400,
            f"Invalid amount: {currency} takes amounts whose last digit is 0.",
            code="invalid_charge_amount",
            param=param,
        )
    if currency in WHOLE_ONLY and amount % 100:
        raise StripeError(
            400,
            f"Invalid amount: {currency} has no decimals, so its amounts must end in 00.",
            code="invalid_charge_amount",
            param=param,
        )
    return amount


def shown(amount_minor: int, currency: str) -> str:
    """`$10.50 usd`, `500 jpy`: how Stripe writes an amount in its messages."""
    if currency in ZERO_DECIMAL:
        return f"¥{amount_minor} {currency}" if currency == "jpy" else f"{amount_minor} {currency}"
    places = 3 if currency in THREE_DECIMAL else 2
    symbol = {"usd": "$", "cad": "$", "eur": "€", "gbp": "£"}.get(currency, "")
    return f"{symbol}{amount_minor / 10**places:,.{places}f} {currency}"
