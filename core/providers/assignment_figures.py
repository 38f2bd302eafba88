"""How assignment and the directory stand, in words: the sentence their pages open with, and their figures."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from core.figures.definition import Better, Definition, Unit
from core.figures.intervals import wilson
from core.figures.wording import Reading, read
from core.periods import span_in_words

WAITING = Definition(
    "waiting_now",
    "Wait for a provider",
    Better.LESS,
    "Consultations nobody could be found for yet. They are given a provider by themselves, "
    "the oldest first, as soon as "
    "a provider, a licence, capacity or a finished consultation makes it possible.",
    "assignments?show=waiting",
    as_of_now=True,
)
OPEN = Definition(
    "open_now",
    "With a provider",
    Better.NEITHER,
    "Consultations that have a provider and are not over, beside all that the active providers could have at once.",
    "assignments?show=assigned",
    as_of_now=True,
)
AT_ONCE = Definition(
    "assigned_at_once",
    "Placed at once",
    Better.MORE,
    "Of the consultations that came in over the last 24 hours, those that had a provider in the first answer. Compared "
    "with the 24 hours before.",
    "assignments?show=assigned",
    nothing="nobody asked",
    counted="that asked in 24 hours",
    unit=Unit.RATE,
)
FALLBACK = Definition(
    "fallback_share",
    "By another specialty",
    Better.LESS,
    "Of those given a provider at once in the last 24 hours, those for whom nobody with the "
    "specialty was free, so that "
    "general practice, or then anybody licensed there, took them.",
    "assignments?show=assigned",
    nothing="nobody asked",
    counted="given a provider in 24 hours",
    unit=Unit.RATE,
)
TIME = Definition(
    "assignment_time",
    "Time to find one",
    Better.LESS,
    "How long the database took to choose a provider for a form that came in over the last 24 hours: half are faster "
    "than the first figure, 95 in 100 faster than the second. The target is under 100 ms.",
    "assignments?show=assigned",
    nothing="nobody asked",
    counted="choices",
    unit=Unit.TIME,
)
ACTIVE = Definition(
    "active_providers",
    "Active providers",
    Better.MORE,
    "Providers who can be chosen, and how many more consultations they could have at once.",
    "providers",
    as_of_now=True,
)
SINGLE = Definition(
    "single_provider_states",
    "States with one provider",
    Better.LESS,
    (
        "States and territories where exactly one active provider has a licence of today: if "
        "they are away, everybody waits."
    ),
    "providers",
    as_of_now=True,
)
UNCOVERED = Definition(
    "uncovered_states",
    "Asked for, nobody there",
    Better.LESS,
    (
        "States and territories where somebody waits or asked in the last 30 days, and no active "
        "provider has a licence of today."
    ),
    "providers",
    as_of_now=True,
)
ENDING = Definition(
    "ending_licences",
    "Licences end in 30 days",
    Better.LESS,
    "Active licences of active providers whose last day is within 30 days, in their state's time.",
    "providers?days=30",
    as_of_now=True,
)


def assignment_sentence(summary: dict[str, Any]) -> str:
    """Who waits and why, or that nobody does; and what is with somebody who may not see it."""
    waiting, overdue, oldest = summary["waiting"], summary["overdue"], summary["oldest"]
    moved = summary["misplaced"]
    move = ""
    if moved:
        move = f" {_count(moved, 'consultation is', 'consultations are')} with a provider who may not see "
        move += f"{'it' if moved == 1 else 'them'} any more."
    if not waiting:
        return (
            "Nobody waits: "
            f"{_count(summary['open'], 'open consultation has', 'open consultations have')} a "
            f"provider.{move}"
        )
    limit = span_in_words(timedelta(seconds=summary["limit_seconds"]))
    late = f", {'all' if overdue == waiting > 1 else f'{overdue:,}'} for over {limit}" if overdue else ""
    age = span_in_words(timedelta(seconds=oldest["age_seconds"]))
    return (
        f"{_count(waiting, 'patient waits', 'patients wait')} for a provider{late}. "
        f"The longest has waited {age}: {_lowered(oldest['reason'])}{move}"
    )


def assignment_readings(summary: dict[str, Any], days: dict[str, Any]) -> list[Reading]:
    """The cards of the assignments page, from how it stands and from the last two days."""
    now, before = days["now"], days["before"]
    late = f"{summary['overdue']:,} for over {span_in_words(timedelta(seconds=summary['limit_seconds']))}"
    room = f"of {summary['capacity']:,} that there is capacity for"
    found = [
        Reading(WAITING, f"{summary['waiting']:,}", late if summary["overdue"] else "", None),
        Reading(OPEN, f"{summary['open']:,}", room, None),
        read(AT_ONCE, _share(now["at_once"], now["asked"]), _share(before["at_once"], before["asked"]), ""),
        read(FALLBACK, _share(now["fallback"], now["at_once"]), _share(before["fallback"], before["at_once"]), ""),
        read(TIME, _times(now), _times(before), ""),
    ]
    return [each for each in found if each is not None]


def directory_sentence(summary: dict[str, Any], coverage: Sequence[dict[str, Any]]) -> str:
    """How far the licences reach, and where somebody asks and nobody may answer."""
    if not summary["providers"]:
        return "The directory is empty: every patient waits until somebody is in it."
    covered = sum(state["providers"] > 0 for state in coverage)
    reach = (
        f"{_count(summary['active'], 'active provider covers', 'active providers cover')} "
        f"{covered} of {len(coverage)} states and territories."
    )
    without = [state["name"] for state in uncovered(coverage)]
    if not without:
        return f"{reach} Wherever patients ask, somebody is licensed."
    return f"{reach} Patients ask in {_listed(without)}, where nobody is licensed."


def directory_readings(summary: dict[str, Any], coverage: Sequence[dict[str, Any]]) -> list[Reading]:
    """The cards of the providers page."""
    single = [state["name"] for state in coverage if state["providers"] == 1]
    without = [state["name"] for state in uncovered(coverage)]
    later = f"{summary['ending']['60']:,} in 60 days, {summary['ending']['90']:,} in 90"
    ended = f"; {summary['ended']:,} ended already" if summary["ended"] else ""
    return [
        Reading(
            ACTIVE,
            f"{summary['active']:,}",
            f"of {summary['providers']:,}; {summary['free_slots']:,} of {summary['capacity']:,} slots free",
            None,
        ),
        Reading(SINGLE, f"{len(single):,}", _listed(single, most=4), None),
        Reading(UNCOVERED, f"{len(without):,}", _listed(without, most=4), None),
        Reading(ENDING, f"{summary['ending']['30']:,}", later + ended, None),
    ]


def uncovered(coverage: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The states where somebody waits or asked in 30 days, and nobody is licensed; most asked for first."""
    found = [s for s in coverage if not s["providers"] and s["waiting"] + s["demand_30_days"] > 0]
    return sorted(found, key=lambda state: (-state["waiting"], -state["demand_30_days"], state["name"]))


def spread_in_words(spread: dict[str, Any]) -> str:
    """What the Gini coefficient says of how evenly the work is spread, and how much went to a fallback."""
    if not spread["assigned"]:
        return ""
    evenness = spread["gini"]
    how = "evenly" if evenness < 0.2 else "somewhat unevenly" if evenness < 0.4 else "unevenly"
    share = spread["fallbacks"] / spread["assigned"]
    return (
        f"{spread['assigned']:,} consultations, spread {how} (Gini {evenness:.2f}, where 0 is "
        "everybody at their fair share); "
        f"{share:.0%} went to another specialty."
    )


def waited(seconds: float) -> str:
    """`4 min`, `1 h 12 min`, `2 days 3 h`."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h"


def _share(part: int, whole: int) -> dict[str, Any]:
    if not whole:
        return {"value": None, "numerator": 0, "denominator": 0}
    low, high = wilson(part, whole) or (None, None)
    return {"value": part / whole, "numerator": part, "denominator": whole, "low": low, "high": high}


def _times(asked: dict[str, Any]) -> dict[str, Any]:
    return {"p50_ms": asked["p50_ms"], "p95_ms": asked["p95_ms"], "n": asked["asked"]}


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _listed(names: Sequence[str], *, most: int = 3) -> str:
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return shown[0] if len(shown) == 1 else " and ".join([", ".join(shown[:-1]), shown[-1]]) if shown else ""


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
