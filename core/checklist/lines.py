"""The lines of the checklist, and how all of them are checked."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from core.checklist import database_checks, http_checks, stripe_checks
from core.checklist.finding import Finding, State, Verdict, not_checked
from core.checklist.installation import Installation
from core.errors import PayopsError
from core.services import Services

AT_ONCE = 4
log = structlog.get_logger(__name__)

# Name and check of each line, in the order in which they are shown.
LINES: dict[str, Callable[[Installation], Verdict]] = {
    "Live mode": stripe_checks.live,
    "Stripe account": stripe_checks.account,
    "Stripe key's mode": stripe_checks.key_mode,
    "Stripe key's rights": stripe_checks.key_rights,
    "Clock": stripe_checks.clock,
    "Webhook endpoint": stripe_checks.endpoint_exists,
    "Webhook event types": stripe_checks.endpoint_events,
    "Webhook API version": stripe_checks.endpoint_version,
    "Webhook end to end": http_checks.webhook,
    "Webhook secrets' ages": database_checks.secret_ages,
    "Unused webhook secrets": database_checks.unused_secrets,
    "Prices": stripe_checks.prices,
    "Payment API": http_checks.operations,
    "Payment log": http_checks.payment_log,
    "Payment flows": database_checks.flows,
    "Addresses": http_checks.addresses,
    "Certificates": http_checks.certificates,
    "Error monitoring": http_checks.error_monitoring,
    "Alerts": http_checks.alerts,
    "Database schema": database_checks.schema,
    "Time zone": database_checks.time_zone,
    "Database access": database_checks.access,
    "Background work": database_checks.background_work,
    "Providers": database_checks.providers,
    "Users": database_checks.users,
    "Second factor": database_checks.second_factor,
}


def check(running: Services, names: Iterable[str] | None = None) -> Iterator[Finding]:
    """The findings of these lines, or of all, each as soon as it is known; if a line cannot be checked, why."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="checklist") as pool:
        yield from pool.map(partial(_checked, Installation(running)), LINES if names is None else names)


def _checked(here: Installation, name: str) -> Finding:
    try:
        verdict = LINES[name](here)
    except PayopsError as error:
        verdict = not_checked(error.detail, "Fix this first, then check again.")
    except Exception:  # a defect in one line must not hide the others
        log.exception("a line of the checklist failed", line=name)
        verdict = not_checked("This line has a defect; the log has the details.", "Report it.")
    return Finding(name, verdict.state, verdict.detail, verdict.mend)


def ready(findings: list[Finding]) -> bool:
    """Whether no line failed."""
    return all(finding.state is not State.FAILED for finding in findings)
