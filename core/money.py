"""Money as whole minor units with its currency, and how it is written for people."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

# https://docs.stripe.com/currencies: presentment currencies without, or with three, decimals.
ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # ugx is charged as two-decimal
) - {"ugx"}
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
# Those that Stripe charges or once charged in; a withdrawn one stays, since payments in it stay.
CURRENCIES = frozenset(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp "
    "byn bzd cad cdf chf clp cny "
    "cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl "
    "hrk htg huf idr ils inr isk "
    "jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt "
    "mop mur mvr mwk mxn myr mzn "
    "nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr "
    "sek sgd shp sle sos srd std "
    "szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw".split()
)
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$", "kwd": "KD ", "inr": "₹"}


def exponent(currency: str) -> int:
    """How many decimals the currency's major unit has: 0, 2 or 3."""
    lowered = currency.lower()
    if lowered in ZERO_DECIMAL:
        return 0
    return 3 if lowered in THREE_DECIMAL else 2


@dataclass(frozen=True, order=False)
class Money:
    """`minor` whole minor units (cents, yen, fils) of `currency` (ISO 4217, lower case)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError("money is a whole number of minor units")
        if len(self.currency) != 3 or not (self.currency.isascii() and self.currency.isalpha()):
            raise ValueError(f"{self.currency!r} is not a currency")
        object.__setattr__(self, "currency", self.currency.lower())

    @classmethod
    def from_major(cls, amount: Decimal | int | str, currency: str) -> Self:
        """Half a minor unit rounds away from zero."""
        scaled = Decimal(amount).scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return cls(int(scaled), currency)

    @property
    def major(self) -> Decimal:
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __str__(self) -> str:
        """`$1,019.99`, `-$5.00`, `¥500`, `KD 1.234`, `CHF 3.00`."""
        places = exponent(self.currency)
        symbol = SYMBOLS.get(self.currency, f"{self.currency.upper()} ")
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{symbol}{abs(self.major):,.{places}f}"

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added or compared")
        return other.minor


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of `amounts`, all of which must be in `currency`; zero for none."""
    return sum(amounts, start=Money(0, currency))
