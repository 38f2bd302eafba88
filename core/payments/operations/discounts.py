"""Discount codes: looked up at Stripe, and what they take off an amount, never below what Stripe can charge."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TypedDict

from core.errors import Refused
from core.money import Money
from core.payments import amount_limits
from core.payments.context import PaymentContext
from core.staff.flags import Flow
from core.stripe_gateway import Json


@dataclass(frozen=True)
class Code:
    """A promotion code and its coupon, as Stripe has them; epochs in seconds."""

    id: str
    active: bool
    customer_id: str | None
    expires_at: int | None
    max_redemptions: int | None
    times_redeemed: int
    first_time_only: bool
    minimum: Money | None
    coupon_valid: bool
    redeem_by: int | None
    percent_off: Decimal | None
    amount_off: Money | None

    @property
    def uses_left(self) -> int | None:
        """By Stripe's count; None without a limit."""
        return None if self.max_redemptions is None else self.max_redemptions - self.times_redeemed


class KnownProblems(TypedDict):
    """Why we know that a code cannot be used: it has no use left, or it is for a first payment and this is a later one.

    Each is None where it does not hold.
    """

    used_up: str | None
    paid_before: str | None


NO_PROBLEMS: KnownProblems = {"used_up": None, "paid_before": None}


@dataclass(frozen=True)
class Verdict:
    """What a code takes off an amount; `reason` says why it is not valid."""

    code: Code | None
    off: Money
    total: Money
    reason: str | None = None

    @property
    def valid(self) -> bool:
        return self.reason is None


def look_up(context: PaymentContext, code: str) -> Code | None:
    """The promotion code that customers type, an active one before others; None if there is none."""
    found, _ = context.stripe.page("promotion_codes", code=code)
    if not found:
        return None
    chosen = next((each for each in found if each["active"]), found[0])
    coupon = (chosen.get("promotion") or {}).get("coupon") or chosen.get("coupon")
    if not isinstance(coupon, dict):
        coupon = context.stripe.retrieve(f"coupons/{coupon}")
    return _code(chosen, coupon)


def judged(context: PaymentContext, code: str, amount: Money, customer_id: str | None) -> Verdict:
    """What the code does to `amount` for this customer, now."""
    found, problems = look_up(context, code), NO_PROBLEMS
    if found and (found.first_time_only or found.max_redemptions is not None):
        problems = context.db.call(
            "promotion_code_problems", promotion_code=found.id, uses_left=found.uses_left, customer_id=customer_id
        )
    now = int(context.clock().timestamp())
    return judge(found, amount, customer_id=customer_id, problems=problems, now=now)


def accepted(context: PaymentContext, code: str, amount: Money, customer_id: str | None, *, path: str) -> Verdict:
    """As `judged`; raises `Refused` with the field where the code is invalid, `Unavailable` while codes are paused."""
    context.flags.require(Flow.DISCOUNTS)
    verdict = judged(context, code, amount, customer_id)
    if verdict.reason:
        raise Refused("discount_not_valid", verdict.reason, facts={"path": path})
    return verdict


def judge(
    code: Code | None, amount: Money, *, customer_id: str | None, now: int, problems: KnownProblems = NO_PROBLEMS
) -> Verdict:
    """The verdict, computed without a database; `now` is in epoch seconds."""
    none_off = Money(0, amount.currency)
    if code is None:
        return Verdict(None, none_off, amount, "There is no such code.")
    if reason := _why_not(code, amount, customer_id, problems, now):
        return Verdict(code, none_off, amount, reason)
    off = _taken_off(code, amount)
    rest = amount - off
    if 0 < rest.minor < amount_limits.smallest(amount.currency).minor:
        least = amount_limits.smallest(amount.currency)
        return Verdict(code, none_off, amount, f"It would leave {rest}, and less than {least} cannot be charged.")
    return Verdict(code, off, rest)


def _why_not(code: Code, amount: Money, customer_id: str | None, problems: KnownProblems, now: int) -> str | None:
    ended = any(end is not None and end <= now for end in (code.expires_at, code.redeem_by))
    other_currency = {each.currency for each in (code.amount_off, code.minimum) if each} - {amount.currency}
    checks = (
        (problems["used_up"], problems["used_up"]),
        (ended or not code.active or not code.coupon_valid, "This code has expired."),
        (code.customer_id and code.customer_id != customer_id, "This code is for another customer."),
        (code.first_time_only and problems["paid_before"], problems["paid_before"]),
        (other_currency, "This code is for another currency."),
    )
    for holds, reason in checks:
        if holds:
            return reason
    if code.minimum and amount < code.minimum:
        return f"This code needs a payment of at least {code.minimum}."
    return None


def _taken_off(code: Code, amount: Money) -> Money:
    """The discount, rounded half up as Stripe does, at most the whole amount."""
    step = amount_limits.step_minor(amount.currency)
    if code.percent_off is not None:
        exact = Decimal(amount.minor) * code.percent_off / 100
    else:
        exact = Decimal(code.amount_off.minor if code.amount_off else 0)
    steps = (exact / step).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return Money(min(int(steps) * step, amount.minor), amount.currency)


def _code(chosen: Json, coupon: Json) -> Code:
    restrictions = chosen.get("restrictions") or {}
    minimum, off = restrictions.get("minimum_amount"), coupon.get("amount_off")
    percent = coupon.get("percent_off")
    return Code(
        id=chosen["id"],
        active=chosen["active"],
        customer_id=chosen.get("customer"),
        expires_at=chosen.get("expires_at"),
        max_redemptions=chosen.get("max_redemptions"),
        times_redeemed=chosen.get("times_redeemed") or 0,
        first_time_only=bool(restrictions.get("first_time_transaction")),
        minimum=Money(minimum, restrictions["minimum_amount_currency"]) if minimum else None,
        coupon_valid=bool(coupon.get("valid")),
        redeem_by=coupon.get("redeem_by"),
        percent_off=Decimal(str(percent)) if percent is not None else None,
        amount_off=Money(off, coupon["currency"]) if off else None,
    )
