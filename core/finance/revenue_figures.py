"""Revenue as text: the page's opening sentence, its figures with their changes, and the names of a breakdown's rows."""

from dataclasses import replace

from core.billing.plans import Catalogue
from core.figures.definition import Better, Definition, Unit
from core.figures.definitions import METRICS
from core.figures.wording import Change, Reading, counted, decimals_of, percent, read
from core.finance.revenue import NO_PAYMENT, NOT_KNOWN, PAID_ONCE, VISIT, Line, Revenue, Sums
from core.money import Money
from core.payments.payment_methods import brand_name, method_name
from core.providers.states import NAMES as STATES

DISPUTED = Definition(
    "disputed",
    "Disputes",
    Better.LESS,
    "Disputes deducted from the Stripe balance, less the amounts of won disputes, by the day of the movement. "
    "The fees of disputes are among the fees.",
    "disputes",
    nothing="no disputes",
    unit=Unit.MONEY,
    formula="−Σ amount of dispute and dispute_reversal",
)
REFUND_RATE = Definition(
    "refund_rate",
    "Refund rate",
    Better.LESS,
    "What was refunded in the period, divided by the gross of the same period.",
    "refunds",
    unit=Unit.RATE_BY_AMOUNT,
    formula="refunded ÷ gross",
)
FEE_SHARE = Definition(
    "fee_share",
    "Fees as a share of gross",
    Better.LESS,
    "Every fee of the period, those booked on their own too, divided by the gross of the same period.",
    "revenue",
    unit=Unit.RATE_BY_AMOUNT,
    formula="fees ÷ gross",
)
WITHOUT = {NOT_KNOWN: "Not known", NO_PAYMENT: "No payment (fees on their own)"}


def readings(revenue: Revenue) -> list[Reading]:
    """The figures for the page's cards, each compared with the period before and the same days a year before."""
    shown = (
        (METRICS["gross"], "gross_minor"),
        (METRICS["refunded"], "refunded_minor"),
        (DISPUTED, "disputed_minor"),
        (METRICS["fees"], "fees_minor"),
        (METRICS["net"], "net_minor"),
        (REFUND_RATE, "refunded_minor"),
        (FEE_SHARE, "fees_minor"),
    )
    return [_reading(revenue, definition, name) for definition, name in shown]


def sentence(revenue: Revenue) -> str:
    """`$96,310.22 was left of $104,311.00 in these 30 days, up 4.1% from …. Fees took 3.1%, refunds 2.4%.`"""
    now, days = revenue.totals, revenue.period.days
    span = "on this day" if days == 1 else f"in these {days} days"
    if now is None:
        return f"Nothing moved the {revenue.currency.upper()} balance {span}."
    net = next(each for each in readings(revenue) if each.definition.name == "net")
    change = f", {net.change}" if net.change else ""
    said = f"{net.value} of {Money(now.gross_minor, revenue.currency)} gross was left {span}{change}."
    shares = {
        "fees took": now.fee_share,
        "refunds": now.refund_rate,
        "disputes": _share(now.disputed_minor, now.gross_minor),
    }
    took = {name: share for name, share in shares.items() if share is not None and share > 0}
    told = ", ".join(f"{name} {percent(share, decimals_of(took.values()))}" for name, share in took.items())
    return f"{said} {told[:1].upper()}{told[1:]}." if told else said


def payouts_in_words(revenue: Revenue) -> str:
    """`2 payouts totalling $6,201.10 are on the way; the next should arrive on Mon 30 Nov.`"""
    if not revenue.payouts:
        return "No payout is on the way."
    amount = Money(sum(each.amount_minor for each in revenue.payouts), revenue.currency)
    many = len(revenue.payouts)
    said = f"{counted(many, 'payout')} totalling {amount} {'is' if many == 1 else 'are'} on the way"
    next_on = min((each.expected_on for each in revenue.payouts if each.expected_on), default=None)
    return f"{said}; the next should arrive on {next_on:%a %-d %b}." if next_on else f"{said}."


def to_come_in_words(revenue: Revenue) -> list[str]:
    """`Mon 30 Nov $4,120.00` for each date on which a part of the balance becomes available."""
    return [f"{day:%a %-d %b} {Money(net, revenue.currency)}" for day, net in revenue.to_come]


def title_of(dimension: str, key: str, names: Catalogue) -> str:
    """The title of a breakdown's row, from its key."""
    if key in WITHOUT:
        return WITHOUT[key]
    if dimension == "product":
        return (
            f"Visit: {key.removeprefix(VISIT).replace('_', ' ')}" if key.startswith(VISIT) else names.product_title(key)
        )
    if dimension == "plan":
        return "Paid once" if key == PAID_ONCE else names.plan_title(key)
    if dimension == "state":
        return STATES.get(key, key)
    if dimension == "card":
        brand, _, country = key.partition(" ")
        return f"{brand_name(brand)}, {country or 'country not known'}" if " " in key else _method(key)
    return key.upper()


def table(revenue: Revenue, dimension: str, names: Catalogue) -> list[dict[str, object]]:
    """The rows of a breakdown."""
    return [_row(each, dimension, revenue.currency, names) for each in revenue.breakdowns[dimension]]


def rate_in_words(line: Line, currency: str) -> str:
    """`1 EUR = 1.0800 USD`, with the lowest and highest rates of single payments."""
    rate = line.rate(currency)
    if rate is None:
        return ""
    said = f"1 {line.key.upper()} = {rate:.4f} {currency.upper()}"
    if line.lowest_rate and line.highest_rate and line.highest_rate - line.lowest_rate > 0.00005:
        said += f" ({line.lowest_rate:.4f} to {line.highest_rate:.4f})"
    return said


def _row(line: Line, dimension: str, currency: str, names: Catalogue) -> dict[str, object]:
    sums = line.sums
    row: dict[str, object] = {
        "id": line.key,
        "name": title_of(dimension, line.key, names),
        "currency": currency,
        "refund_rate": sums.refund_rate,
        "effective_rate": sums.effective_rate,
        "net_before_minor": line.net_before_minor,
        **{name: getattr(sums, name) for name in Sums.__dataclass_fields__},
    }
    if dimension == "presentment":
        shown = line.key not in (NO_PAYMENT, NOT_KNOWN)
        row["presented"] = str(Money(line.presented_minor, line.key)) if shown else ""
        row["rate"] = rate_in_words(line, currency)
    return row


def _reading(revenue: Revenue, definition: Definition, name: str) -> Reading:
    now, before, year = (
        _figure(each, definition, name) for each in (revenue.totals, revenue.previous, revenue.year_before)
    )
    found = read(definition, now, before, revenue.currency)
    assert found is not None
    ago = read(definition, now, year, revenue.currency)
    parts = [found.rests_on] if definition.is_rate else []
    if ago is not None and ago.change is not None and year["value"] is not None:
        parts.append(f"a year ago {_against(ago.change)}")
    return replace(found, rests_on="; ".join(part for part in parts if part))


def _against(change: Change) -> str:
    then = change.base.removeprefix("from ").removeprefix("at ")
    return then if change.words in ("up", "down", "as before") else f"{then} ({change.words})"


def _figure(sums: Sums | None, definition: Definition, name: str) -> dict[str, float | int | None]:
    if sums is None:
        return {"value": None}
    value = getattr(sums, name)
    if not definition.is_rate:
        return {"value": value}
    return {"value": _share(value, sums.gross_minor), "numerator": value, "denominator": sums.gross_minor}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def _method(key: str) -> str:
    name = method_name(key)
    return name[:1].upper() + name[1:]
