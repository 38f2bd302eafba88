"""What a price costs for a quantity: by unit, decimal, package or tier, rounded half up once at the end."""

from decimal import ROUND_HALF_UP, Decimal

from core.sandbox.engine.errors import Json
from core.sandbox.engine.unit_of_work import UnitOfWork


def amount_of(uow: UnitOfWork, price: Json, quantity: int) -> int:
    """Minor units for `quantity` of `price`."""
    units = _packages(price, quantity)
    if price["billing_scheme"] == "tiered":
        exact = _tiered(tiers_of(uow, price) or [], units, graduated=price["tiers_mode"] == "graduated")
    else:
        exact = Decimal(price["unit_amount_decimal"]) * units
    return rounded(exact)


def rounded(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def tiers_of(uow: UnitOfWork, price: Json) -> list[Json] | None:
    """`price.tiers`, shown only when expanded."""
    tiers: list[Json] | None = uow.hidden(price["id"]).get("tiers")
    return tiers


def _packages(price: Json, quantity: int) -> int:
    """The quantity that is billed: with `transform_quantity`, how many packages it makes."""
    transform = price["transform_quantity"]
    if transform is None:
        return quantity
    whole, rest = divmod(quantity, transform["divide_by"])
    return int(whole + (1 if rest and transform["round"] == "up" else 0))


def _tiered(tiers: list[Json], quantity: int, *, graduated: bool) -> Decimal:
    """Graduated: each unit at its own tier's price. Volume: all units at the price of the tier they reach."""
    if not graduated:
        reached = next(tier for tier in tiers if tier["up_to"] is None or quantity <= tier["up_to"])
        return _of_tier(reached, quantity)
    total, below = Decimal(0), 0
    for tier in tiers:
        top = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        if top <= below and (quantity or below):
            break
        total += _of_tier(tier, top - below)
        below = top
        if below >= quantity:
            break
    return total


def _of_tier(tier: Json, units: int) -> Decimal:
    return Decimal(tier["unit_amount_decimal"] or 0) * units + Decimal(tier["flat_amount_decimal"] or 0)
