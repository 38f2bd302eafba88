"""The checklist's lines about the database and its users and providers. Each docstring says what must be true."""

from collections.abc import Mapping
from datetime import date, timedelta

from core.checklist.finding import Verdict, failed, not_checked, passed
from core.checklist.installation import Installation
from core.db import timezone
from core.db.deploy import fingerprint
from core.errors import Refused
from core.events import webhook_counters
from core.figures.wording import counted
from core.periods import wall_clock
from core.staff import flags
from core.staff.flags import WORDS

SECRET_AGE = timedelta(days=365)
BACKGROUND_WORK_SECONDS = 60


def schema(here: Installation) -> Verdict:
    """The database has this version's tables and functions."""
    if here.running.db.call("schema_fingerprint")["fingerprint"] == fingerprint():
        return passed("The database has this version's schema.")
    return failed("The database has another version's schema.", "Run `payops migrate`.")


def time_zone(here: Installation) -> Verdict:
    """Python and Postgres use the same time zone for business days."""
    zone = here.running.settings.business_timezone
    try:
        timezone.require(here.running.db, zone, wall_clock())
        timezone.require_same_rules(here.running.db, zone, wall_clock())
    except Refused as error:
        return failed(error.detail, "Do what the sentence says, then run the check again.")
    return passed(f"Python and Postgres agree about {zone} for two years before and after today.")


def access(here: Installation) -> Verdict:
    """No other login has rights on payops's tables and functions, and the app's login can only call functions."""
    found = here.facts["access"]
    if found:
        return failed(
            f"Too many rights: {'; '.join(found)}.",
            "Run `payops migrate` with MIGRATION_DATABASE_URL set to the owner's login, and let DATABASE_URL be a "
            "login of its own that is a member of payops_app.",
        )
    return passed("Outsiders may do nothing, and the app runs its functions and reads no table.")


def background_work(here: Installation) -> Verdict:
    """A worker is running, which retries events, sweeps for missing ones, and recounts figures."""
    seconds = here.facts["background_work_seconds"]
    if seconds is None or seconds > BACKGROUND_WORK_SECONDS:
        since = "yet" if seconds is None else f"for {timedelta(seconds=seconds)}"
        return failed(f"No background work was done {since}.", "Run `payops worker` as a service of its own.")
    return passed("The background work runs.")


def flows(here: Installation) -> Verdict:
    """Customers can pay: no flow is paused."""
    paused = [WORDS[flow][0].lower() for flow, flag in flags.read(here.running.db).items() if not flag.open]
    return _all_of(
        "No payment flow is paused.",
        {
            "PAYMENTS_SUSPENDED is set: every new payment is refused.": here.running.settings.payments_suspended
            and "Unset it and restart.",
            f"Paused: {', '.join(paused)}.": paused and "Resume them on the page Settings.",
        },
    )


def providers(here: Installation) -> Verdict:
    """There are active, licensed providers, and none is from the demo."""
    demo, licensed = here.facts["demo_providers"], here.facts["licensed_providers"]
    return _all_of(
        f"{counted(licensed, 'active provider')} with a licence.",
        {
            f"{counted(len(demo), 'active provider')} of the demo: {_some(demo)}.": demo
            and "Deactivate them on the page Providers, and import the real ones.",
            "No active provider has a licence, so every consultation waits.": not licensed
            and "Import the providers with their licences: `payops providers import FILE`.",
        },
    )


def users(here: Installation) -> Verdict:
    """There is an admin, and no user from the demo."""
    demo, admins = here.facts["demo_users"], here.facts["admins"]
    return _all_of(
        "There are no users of the demo.",
        {
            f"Users of the demo: {_some(demo)}.": demo and "Disable them: `payops users disable NAME`.",
            "No admin can sign in.": not admins and "Add one: `payops users add NAME --role admin --email ADDRESS`.",
        },
    )


def second_factor(here: Installation) -> Verdict:
    """All admins and finance users have set up a second factor."""
    missing = here.facts["without_second_factor"]
    if missing:
        return failed(
            f"Without a second factor: {_some(missing)}.", "They set it up at their next sign-in in production."
        )
    return passed("Every admin and everybody of finance has a second factor.")


def secret_ages(here: Installation) -> Verdict:
    """No webhook secret is older than a year."""
    since, today = here.facts["secrets_since"], wall_clock().date()
    ages = {
        number: (today - date.fromisoformat(since[known])).days
        for number, secret in enumerate(here.running.webhook_secrets, start=1)
        if (known := webhook_counters.fingerprint(secret)) in since
    }
    if not ages:
        return not_checked("No webhook secret was used yet.", "Check again when events have come.")
    said = ", ".join(f"secret {number} for {counted(days, 'day')}" for number, days in ages.items())
    if max(ages.values()) > SECRET_AGE.days:
        return failed(f"In use: {said}.", "Roll it in Stripe's dashboard; both secrets verify meanwhile.")
    return passed(f"In use: {said}.")


def unused_secrets(here: Installation) -> Verdict:
    """No webhook secret is configured that Stripe no longer uses."""
    uses = webhook_counters.secret_uses(here.running.db, here.running.webhook_secrets, here.running.clock())
    unused = [str(use.number) for use in uses if use.no_longer_used]
    if unused:
        return failed(
            f"No event used webhook secret {', '.join(unused)} for a day.", "Remove it from STRIPE_WEBHOOK_SECRETS."
        )
    return passed("Every webhook secret is in use or waits for its first event.")


def _all_of(good: str, problems: Mapping[str, str | bool | int | list[str]]) -> Verdict:
    """Maps each possible problem to its remedy; an empty remedy means that this problem was not found."""
    found = {problem: mend for problem, mend in problems.items() if mend}
    return failed(" ".join(found), " ".join(map(str, found.values()))) if found else passed(good)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
