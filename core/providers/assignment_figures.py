"""The opening sentences and figures of the pages of assignments and providers."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from core.figures.definition import Better, Definition, Unit
from core.figures.intervals import wilson
from core.figures.wording import Figure, Reading, counted, percent, read
from core.periods import span_in_words
from core.providers.consultation_rows import AssignmentDay, AssignmentDays, AssignmentSummary, MeasuredDistribution
from core.providers.directory_rows import DirectorySummary, StateCoverage

WAITING = Definition(
    "waiting_now",
    "Waiting for a provider",
    Better.LESS,
    "Consultations that no provider could take yet. They are assigned automatically, oldest first, as soon as a new "
    "provider or licence, more capacity or a finished consultation makes it possible.",
    "assignments",
    as_of_now=True,
    view={"show": "waiting"},
    exact=True,
)
OPEN = Definition(
    "open_now",
    "Assigned",
    Better.NEITHER,
    "Consultations that are assigned and not finished, beside the total capacity of the active providers.",
    "assignments",
    as_of_now=True,
    view={"show": "assigned"},
    exact=True,
)
AT_ONCE = Definition(
    "assigned_at_once",
    "Assignment success",
    Better.MORE,
    "Share of the consultations received in the last 24 hours that were assigned at once, compared with the 24 hours "
    "before.",
    "assignments",
    nothing="no consultations",
    counted="consultations received in 24 hours",
    unit=Unit.RATE,
)
FALLBACK = Definition(
    "fallback_share",
    "Assigned to another specialty",
    Better.LESS,
    "Share of the consultations assigned at once in the last 24 hours for which no provider with the requested "
    "specialty was free, so that they went to general practice, or else to any provider licensed in the state.",
    "assignments",
    nothing="no consultations",
    counted="consultations assigned in 24 hours",
    unit=Unit.RATE,
)
TIME = Definition(
    "assignment_time",
    "Assignment time",
    Better.LESS,
    "How long the database took to choose a provider for the consultations of the last 24 hours: half took less than "
    "the first figure, 95% less than the second. The target is under 100 ms.",
    "assignments",
    nothing="no consultations",
    counted="choices",
    unit=Unit.TIME,
)
ACTIVE = Definition(
    "active_providers",
    "Active providers",
    Better.MORE,
    "Providers who can be assigned consultations, and how many more they can take now.",
    "providers",
    as_of_now=True,
)
SINGLE = Definition(
    "single_provider_states",
    "States with one provider",
    Better.LESS,
    "States and territories where only one active provider has a valid licence. Patients wait while they are away.",
    "providers",
    as_of_now=True,
)
UNCOVERED = Definition(
    "uncovered_states",
    "States without a provider",
    Better.LESS,
    "States and territories where patients wait or asked in the last 30 days, and no active provider has a valid "
    "licence.",
    "providers",
    as_of_now=True,
)
ENDING = Definition(
    "ending_licences",
    "Licences ending in 30 days",
    Better.LESS,
    "Active licences of active providers that end within 30 days, each at the end of its last day in its state.",
    "providers",
    as_of_now=True,
    view={"licences": "not ended", "days": "30"},
    exact=True,
)


def reason_in_words(reason: str, state: str, names: Mapping[str, str]) -> str:
    """The recorded reason of an assignment or of waiting, with the state's name in place of its code."""
    return re.sub(rf"\bin {re.escape(state)}\b", f"in {names.get(state, state)}", reason)


def assignment_sentence(summary: AssignmentSummary, names: Mapping[str, str]) -> str:
    """How many patients wait and why, and how many consultations are assigned to a provider who may not see them."""
    waiting, overdue, oldest = summary["waiting"], summary["overdue"], summary["oldest"]
    moved = summary["to_reassign"]
    move = ""
    if moved:
        move = f" {_count(moved, 'consultation is', 'consultations are')} assigned to a provider who may no longer "
        move += f"see {'the patient' if moved == 1 else 'their patients'}."
    if oldest is None:
        return (
            f"No patient is waiting; {_count(summary['open'], 'consultation is', 'consultations are')} assigned.{move}"
        )
    limit = span_in_words(timedelta(seconds=summary["limit_seconds"]))
    late = f", {'all' if overdue == waiting > 1 else f'{overdue:,}'} for over {limit}" if overdue else ""
    age = waited(oldest["age_seconds"])  # as the row below says it
    reason = reason_in_words(oldest["reason"], oldest["state"], names)
    return (
        f"{_count(waiting, 'patient is waiting', 'patients are waiting')} for a provider{late}. "
        f"The longest wait is {age}: {_lowered(reason)}{move}"
    )


def assignment_readings(summary: AssignmentSummary, days: AssignmentDays) -> list[Reading]:
    """The cards of the assignments page."""
    now, before = days["now"], days["before"]
    late = f"{summary['overdue']:,} for over {span_in_words(timedelta(seconds=summary['limit_seconds']))}"
    room = f"of a capacity of {summary['capacity']:,}"
    found = [
        Reading(WAITING, f"{summary['waiting']:,}", late if summary["overdue"] else "", None),
        Reading(OPEN, f"{summary['open']:,}", room, None),
        read(AT_ONCE, _share(now["at_once"], now["asked"]), _share(before["at_once"], before["asked"]), ""),
        read(FALLBACK, _share(now["fallback"], now["at_once"]), _share(before["fallback"], before["at_once"]), ""),
        read(TIME, _times(now), _times(before), ""),
    ]
    return [each for each in found if each is not None]


def directory_sentence(summary: DirectorySummary, coverage: Sequence[StateCoverage]) -> str:
    """How many states the licences cover, and where patients ask but no provider is licensed."""
    if not summary["providers"]:
        return "The directory is empty, so every patient waits. Add a provider or import a file."
    covered = sum(state["providers"] > 0 for state in coverage)
    reach = (
        f"{_count(summary['active'], 'active provider covers', 'active providers cover')} "
        f"{covered} of {len(coverage)} states and territories."
    )
    without = [state["name"] for state in uncovered(coverage)]
    if not without:
        return f"{reach} Every state where patients ask has a provider."
    return f"{reach} Patients ask in {_listed(without)}, where no provider is licensed."


def directory_readings(summary: DirectorySummary, coverage: Sequence[StateCoverage]) -> list[Reading]:
    """The cards of the providers page."""
    single = [state["name"] for state in coverage if state["providers"] == 1]
    without = [state["name"] for state in uncovered(coverage)]
    later = f"{summary['ending']['60']:,} in 60 days, {summary['ending']['90']:,} in 90"
    ended = f"; {summary['ended']:,} already ended" if summary["ended"] else ""
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


def uncovered(coverage: Sequence[StateCoverage]) -> list[StateCoverage]:
    """The states without a licensed provider where patients wait or asked in 30 days; those with most demand first."""
    found = [s for s in coverage if not s["providers"] and s["waiting"] + s["demand_30_days"] > 0]
    return sorted(found, key=lambda state: (-state["waiting"], -state["demand_30_days"], state["name"]))


def spread_in_words(spread: MeasuredDistribution) -> str:
    """How evenly the consultations are spread, and how many went to another specialty."""
    if not spread["assigned"]:
        return ""
    evenness = spread["gini"] or 0.0
    how = "evenly" if evenness < 0.2 else "somewhat unevenly" if evenness < 0.4 else "unevenly"
    share = spread["fallbacks"] / spread["assigned"]
    return (
        f"{counted(spread['assigned'], 'consultation')}, spread {how} (Gini {evenness:.2f}; at 0 each provider has "
        f"their fair share). {percent(share)} went to another specialty."
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


def _share(part: int, whole: int) -> Figure:
    if not whole:
        return {"value": None, "numerator": 0, "denominator": 0}
    low, high = wilson(part, whole) or (None, None)
    return {"value": part / whole, "numerator": part, "denominator": whole, "low": low, "high": high}


def _times(asked: AssignmentDay) -> Figure:
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
