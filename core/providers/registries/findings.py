"""What staff should check in a provider's entry in the NPI registry, in sentences."""

from collections.abc import Mapping
from datetime import date

from core.providers import states
from core.providers.registries.registry_rows import Finding


def within_a_sentence(text: str) -> str:
    """The text with a small letter at its start, unless it starts with an abbreviation such as NPI."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def sentence(finding: Finding, specialties: Mapping[str, str]) -> str:
    """The finding in a sentence; `specialties` are the directory's names by code."""
    kind = finding["kind"]
    if kind.startswith("licence_"):
        return _licence(kind.removeprefix("licence_"), finding)
    if kind == "deactivated":
        day = finding.get("day")
        return f"The NPI was deactivated on {date.fromisoformat(day):%-d %b %Y}." if day else "The NPI is deactivated."
    if kind == "organisation":
        named = f" ({finding['name']})" if finding["name"] else ""
        return f"The NPI is an organisation's{named}. A provider needs the NPI of a person."
    if kind == "name_different":
        return f"The NPI is another person's: the registry has {finding['name']}."
    if kind == "name_partly":
        return f"The registry has another first or last name: {finding['name']}."
    specialty = specialties.get(finding["specialty"], finding["specialty"])
    return f"None of their taxonomy codes means {specialty.lower()}."


def _licence(result: str, finding: Finding) -> str:
    state, number = finding["state"], finding["number"]
    if result == "not_a_state":
        why = states.problem(state) if state else "The registry names no state for it."
        return f"Licence {number}: {why}"
    state = states.name_of(state)
    if result == "differs":
        return f"Licence in {state}: the registry has the number {number}, the directory {finding.get('ours')}."
    if result == "number_missing":
        return f"Licence in {state}: the registry has the number {number}, the directory none."
    return (
        f"Licence in {state}: the registry has the number {number}. Its last day is missing, so it opens no state yet."
    )
