"""The first steps of a new installation, in order, each with the checklist's findings about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.checklist.finding import Finding, State
from core.events.repair.backfill_job import Reached

TAB = "First steps"  # the name of the tab on the page Settings


@dataclass(frozen=True)
class Step:
    """`lines` are the checklist's lines that must pass; `page` is where the step is done, None if on this page."""

    title: str
    why: str
    lines: tuple[str, ...]
    page: str | None = None
    act: str = ""


CONNECT = Step(
    "Connect Stripe",
    "payops reads and changes payments with the key in STRIPE_SECRET_KEY. A restricted key is enough: it "
    "reads everything, and writes refunds, payment intents, payment methods, customers, checkout sessions, invoices, "
    "subscriptions, disputes, files and webhook endpoints.",
    ("Stripe account", "Stripe key's mode", "Stripe key's rights"),
)
EVENTS = Step(
    "Receive Stripe's events",
    "Stripe reports each change to the webhook endpoint within seconds.",
    ("Webhook endpoint", "Webhook event types", "Webhook API version", "Webhook end to end"),
)
HISTORY = Step("Read Stripe's history", "Until all of it is read, figures of earlier days are incomplete.", ())
PROVIDERS = Step(
    "Add providers",
    "Without a licensed provider no patient can be assigned.",
    ("Providers",),
    "providers",
    "Add or import providers",
)
USERS = Step(
    "Invite colleagues",
    "Each signs in under their own name, and admins and finance with a second factor.",
    ("Users", "Second factor"),
    "users",
    "Add people",
)
STEPS = (CONNECT, EVENTS, HISTORY, PROVIDERS, USERS)
LINES = tuple(name for step in STEPS for name in step.lines)


@dataclass(frozen=True)
class Progress:
    """The state of a step: whether it is done, and the findings that did not pass."""

    step: Step
    done: bool
    said: str
    open: tuple[Finding, ...] = ()


def progress(findings: Iterable[Finding], history: Reached) -> list[Progress]:
    """The state of each step by the checklist's findings, which must include every line of `LINES`."""
    found = {finding.name: finding for finding in findings}
    return [_history(history) if step is HISTORY else _checked(step, found) for step in STEPS]


def _checked(step: Step, found: Mapping[str, Finding]) -> Progress:
    lines = [found[name] for name in step.lines]
    left = tuple(line for line in lines if line.state is not State.PASSED)
    said = left[0].detail if left else " ".join(dict.fromkeys(line.detail for line in lines))
    return Progress(step, not left, said, left)


def _history(history: Reached) -> Progress:
    return Progress(HISTORY, history.complete_at is not None, history.in_words())
