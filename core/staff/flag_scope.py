"""What pausing a flow stops in the payment API, the console and the background work, and what continues."""

from dataclasses import dataclass

from core.staff.flags import Flow


@dataclass(frozen=True)
class Scope:
    """What stops while a flow is paused: `operations` of the payment API answer 503, `console` names pages and the
    actions refused there, `automatic` is background work that waits; `stops` is money coming in, going out, or empty.
    """

    operations: tuple[str, ...]
    console: tuple[str, ...]
    automatic: tuple[str, ...]
    goes_on: str
    stops: str = ""
    only: str = ""

    def in_words(self) -> str:
        """One line: what is paused, then what goes on."""
        api = f"payment API: {', '.join(self.operations)}{self.only}" if self.operations else ""
        background = f"background: {', '.join(self.automatic)}" if self.automatic else ""
        covered = "; ".join(each for each in (api, *self.console, background) if each)
        return f"Covers {covered}. {self.goes_on}"


IN, OUT = "money coming in", "money going out"
SCOPES = {
    Flow.CHECKOUT: Scope(
        ("create-checkout-session",),
        ("Failed payments: a new payment link",),
        (),
        "Pages that are already open can still be paid.",
        IN,
    ),
    Flow.ONE_TIME: Scope(
        ("process-payment",), (), (), "Checkout, subscriptions and retries go on; each has its own switch.", IN
    ),
    Flow.SUBSCRIPTIONS: Scope(
        ("create-subscription", "create-checkout-session"),
        ("Subscriptions: changing a plan",),
        (),
        "Stripe goes on renewing, and subscriptions can be canceled.",
        IN,
        " (for a plan)",
    ),
    Flow.DISCOUNTS: Scope(
        ("validate-discount",), (), (), "Payments with a code are refused, too; those without one go on."
    ),
    Flow.RETRIES: Scope(
        (),
        ("Failed payments: retrying, scheduling, sending a link",),
        ("our scheduled retries, which are made after it resumes",),
        "Stripe's own retries of invoices go on.",
        IN,
    ),
    Flow.REFUNDS: Scope(
        (),
        ("Refunds: refunding, approving",),
        (),
        "Requests can be rejected, and refunds made in Stripe's dashboard go on.",
        OUT,
    ),
}
