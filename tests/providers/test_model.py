"""Eligibility and choice compared with a slow, plain model of the rules in Python."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.providers import assignment, licensing_rules, proof, schedules
from core.staff.roles import Actor, Role
from tests.providers.conftest import ADMIN, NOW
from tests.providers.test_assignment_blocks import block

ZONES = {"TX": "America/Chicago", "AZ": "America/Denver", "CA": "America/Los_Angeles", "ME": "America/New_York"}
MEMBERS = {"TX", "AZ", "ME"}  # of the Nurse Licensure Compact, since 2018
REGISTERS = "AZ"  # clinicians of other states, for telehealth
SECOND_ADMIN = Actor("staff:bob", Role.ADMIN)
SPECIALTIES = ("dermatology", "general_practice", "mental_health")
FIRST = date(2026, 11, 20)


@dataclass
class Licence:
    state: str
    status: str
    issued: date | None
    expires: date | None
    home: bool
    kind: str
    confirmed: bool

    def holds(self, state: str, now: datetime) -> bool:
        """Its days are those of its own state and, for a privilege, of the patient's: both must hold."""
        if state != self.state and not (self.home and {state, self.state} <= MEMBERS):
            return False
        today = {code: now.astimezone(ZoneInfo(ZONES[code])).date() for code in (state, self.state)}
        began = self.issued is None or today[self.state] >= self.issued
        return (
            self.status == "active"
            and self.confirmed
            and began
            and all(self.expires is None or d <= self.expires for d in today.values())
        )


@dataclass
class Provider:
    id: str
    capacity: int
    specialties: list[str]
    licences: list[Licence]
    zone: str
    hours: list[tuple[int, int, int]]
    off: tuple[date, date] | None
    days: dict[int, int]
    excluded: bool
    pending: int = 0
    last: datetime = datetime.min.replace(tzinfo=UTC)
    seen: set[str] = field(default_factory=set)

    def room(self, now: datetime) -> int:
        return self.days.get(now.astimezone(ZoneInfo(self.zone)).isoweekday(), self.capacity)

    def there(self, now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self.zone))
        if self.off and self.off[0] <= local.date() <= self.off[1]:
            return False
        return not self.hours or any(self._within(local, *each) for each in self.hours)

    def _within(self, local: datetime, weekday: int, opens: int, closes: int) -> bool:
        for day in (local.date(), local.date() - timedelta(days=1)):
            start = datetime.combine(day, time(opens), ZoneInfo(self.zone))
            end = datetime.combine(day + timedelta(days=closes <= opens), time(closes), ZoneInfo(self.zone))
            if day.isoweekday() == weekday and start <= local < end:
                return True
        return False

    def may_see(self, state: str, now: datetime) -> bool:
        return any(licence.holds(state, now) for licence in self.licences)

    def free(self, state: str, now: datetime) -> bool:
        return not self.excluded and self.may_see(state, now) and self.there(now) and self.pending < self.room(now)


def choice(
    free: list[Provider], patient: str, specialty: str, preferred: str | None, now: datetime, *, returns: bool
) -> Provider | None:
    """The preferred one, else the last known one with the specialty, else the least loaded of the best tier."""
    if asked_for := [each for each in free if each.id == preferred]:
        return asked_for[0]
    known = [each for each in free if patient in each.seen and specialty in each.specialties]
    if returns and known:
        return known[0]
    for tier in ([specialty], ["general_practice"], SPECIALTIES):
        if fitting := [each for each in free if set(tier) & set(each.specialties)]:
            return min(fitting, key=lambda each: (each.pending / each.room(now), each.last, each.id))
    return None


days = st.integers(0, 20).map(lambda n: FIRST + timedelta(days=n))
licences = st.builds(
    Licence,
    st.sampled_from(list(ZONES)),
    st.sampled_from(["active", "active", "active", "suspended"]),
    st.none() | st.none() | days,
    st.none() | days.map(lambda day: day + timedelta(days=20)) | days,
    st.booleans(),
    st.sampled_from(["full", "full", "temporary", "telehealth_registration"]),
    st.sampled_from([True, True, False]),
)
hours = st.tuples(st.integers(1, 7), st.integers(0, 23), st.integers(0, 23))
providers = st.lists(
    st.builds(
        Provider,
        st.just(""),
        st.integers(1, 5),
        st.lists(st.sampled_from(SPECIALTIES), min_size=1, max_size=2, unique=True),
        st.lists(licences, min_size=1, max_size=4, unique_by=lambda one: one.state),
        st.sampled_from(["America/New_York", "Pacific/Honolulu", "America/Phoenix"]),
        st.just([]) | st.lists(hours, max_size=4, unique_by=lambda h: h[0]),
        st.none()
        | st.none()
        | st.tuples(days, st.integers(0, 5)).map(lambda off: (off[0], off[0] + timedelta(days=off[1]))),
        st.dictionaries(st.integers(1, 7), st.integers(0, 2), max_size=2),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=2,
    max_size=5,
)
submissions = st.lists(
    st.tuples(
        st.integers(0, 20 * 24 * 4),
        st.sampled_from(list(ZONES)),
        st.sampled_from(SPECIALTIES),
        st.sampled_from(["pat", "quinn"]),
        st.sampled_from([None, None, 0, 1]),
    ),
    min_size=3,
    max_size=10,
)


def write(clinic, provider: Provider, *, second_person: bool) -> None:
    """Put the provider of the model into the database, and correct in the model what the rules do not allow."""
    for one in provider.licences:
        if (one.kind == "temporary" and not one.expires) or (one.kind[:4] == "tele" and one.state != REGISTERS):
            one.kind = "full"
        one.home = one.home and one.kind == "full"
        one.confirmed = one.confirmed or not second_person
    homes = [one for one in provider.licences if one.home]
    for one in provider.licences:  # a compact knows one active home licence, and only of a member
        one.home = (
            one.state in MEMBERS
            and one.status == "active"
            and one is next((h for h in homes if h.state in MEMBERS and h.status == "active"), None)
        )
        if one.issued and one.expires and one.expires < one.issued:
            one.issued = None
    held = [
        {
            "state": one.state,
            "number": one.state,
            "status": one.status,
            "issued_on": one.issued and str(one.issued),
            "expires_on": one.expires and str(one.expires),
            "compact": "NLC" if one.home else None,
            "kind": one.kind,
        }
        for one in provider.licences
    ]
    facts = {"id": provider.id, "name": provider.id, "capacity": provider.capacity, "specialties": provider.specialties}
    clinic.put(facts | {"licences": held}, now=NOW - timedelta(days=10))
    schedule = {
        "zone": provider.zone,
        "hours": [{"weekday": d, "opens": f"{o:02}:00", "closes": f"{c:02}:00"} for d, o, c in provider.hours],
        "capacities": [{"weekday": d, "capacity": n} for d, n in provider.days.items()],
        "time_off": [{"first_day": str(f), "last_day": str(t), "note": None} for f, t in filter(None, [provider.off])],
    }
    schedules.put(clinic.db, ADMIN, provider.id, schedule, NOW - timedelta(days=10), reason="model")
    for one in provider.licences if second_person else ():
        if one.confirmed and one.status == "active":
            proof.confirm(clinic.db, SECOND_ADMIN, provider.id, one.state, one.state, NOW - timedelta(days=9))
    if provider.excluded:
        block(clinic, provider.id)


def in_texas() -> Provider:
    licence = Licence("TX", "active", None, None, False, "full", True)
    return Provider("", 5, ["dermatology"], [licence], "America/New_York", [], None, {}, False)


TWICE = [(when, "TX", "dermatology", "pat", None) for when in (0, 1)]


@pytest.mark.usefixtures("rules")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=providers, asked=submissions, second_person=st.booleans(), returns=st.booleans())
@example(people=[in_texas(), in_texas()], asked=TWICE, second_person=False, returns=False)
@example(people=[in_texas(), in_texas()], asked=TWICE, second_person=False, returns=True)
def test_eligibility_and_choice_equal_those_of_a_plain_model(clinic, people, asked, second_person, returns):
    for table in ("consultations", "search_cursors", "availability", "provider_hours", "provider_day_capacities"):
        clinic.owner.execute(f"delete from payops.{table}")
    for table in ("provider_time_off", "provider_schedules", "assignment_blocks", "licences", "providers"):
        clinic.owner.execute(f"delete from payops.{table}")
    policy = licensing_rules.load(clinic.db)["policy"]
    wanted = {**policy, "second_person": second_person, "return_to_known": returns}
    licensing_rules.set_policy(clinic.db, ADMIN, wanted, NOW, reason="model")
    for n, each in enumerate(people):
        each.id, each.pending, each.last, each.seen = f"p{n}", 0, datetime.min.replace(tzinfo=UTC), set()
        write(clinic, each, second_person=second_person)
    start = datetime.combine(FIRST, time(0, 7), UTC)
    for minutes, state, specialty, patient, preferred in sorted(asked, key=lambda one: one[0]):
        now = start + timedelta(minutes=15 * minutes)
        prefers = f"p{preferred}" if preferred is not None and preferred < len(people) else None
        free = [each for each in people if each.free(state, now)]
        wanted = choice(free, patient, specialty, prefers, now, returns=returns)
        answer = clinic.ask(state, specialty, now=now, patientId=patient, preferredProviderId=prefers)
        (decision,) = assignment.consultation(clinic.db, answer["consultationId"], now)["decisions"]
        assert {one["provider_id"] for one in decision["candidates"]["items"] if one["eligible"]} == {
            each.id for each in free
        }
        assert answer["providerId"] == (wanted.id if wanted else None)
        if wanted:
            wanted.pending += 1
            wanted.last = now
            wanted.seen.add(patient)
            people.sort(key=lambda each: each is not wanted)  # whom a patient saw last comes first
        else:
            clinic.end(answer["consultationId"], "cancelled", now=now)
