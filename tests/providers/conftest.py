"""Helpers to set up a directory in one line, and patients who ask to be seen."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from core.providers import assignment, intake
from core.staff.roles import Actor, Role

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ADMIN = Actor("staff:ada", Role.ADMIN)
OPS = Actor("staff:oli", Role.OPS)
# Whoever has room and would not be found, since searches begin behind them.
BEHIND_A_CURSOR = (
    "select o.provider_id, o.state, o.specialty from payops.availability o"
    " cross join lateral payops.search_cursor(o.state, o.specialty) f"
    " where o.load < 1 and (o.load, o.idle_since) < (f.load, f.idle_since)"
)


class Clinic:
    """A database with a directory: providers are added by hand, and patients submit intake forms."""

    def __init__(self, db: Any, owner: Any):
        self.db, self.owner = db, owner
        self._asked = 0

    def provider(self, provider_id: str, states: str = "TX", **facts: Any) -> str:
        """`states` is `TX CA`, or `TX:2026-12-31` with the licence's last day."""
        licences = [
            {"state": state, "number": f"{provider_id}-{state}", "expires_on": expires or None}
            for state, _, expires in (one.partition(":") for one in states.split())
        ]
        document = {
            "id": provider_id,
            "name": provider_id.title(),
            "specialties": ["dermatology"],
            "capacity": 10,
            "active": True,
            "licences": licences,
        } | facts
        self.put(document)
        return provider_id

    def put(self, *documents: dict[str, Any], now: datetime = NOW, trial: bool = False) -> dict[str, Any]:
        return self.db.call(
            "put_providers", actor="staff:ada", actor_role="admin", documents=list(documents), trial=trial, now=now
        )

    def ask(
        self, state: str = "TX", specialty: str = "dermatology", now: datetime = NOW, **fields: Any
    ) -> dict[str, Any]:
        self._asked += 1
        body = {
            "submissionId": f"sub-{self._asked}",
            "patientId": f"patient-{self._asked}",
            "patientState": state,
            "specialty": specialty,
        } | fields
        return intake.submit(self.db, intake.Submission.model_validate(body), body, now=now)

    def end(self, consultation_id: str, status: str = "completed", now: datetime = NOW) -> dict[str, Any]:
        return assignment.end(self.db, ADMIN, consultation_id, status, now)

    def pending(self) -> dict[str, int]:
        return dict(self.owner.execute("select id, pending from payops.providers").fetchall())

    def rows(self, query: str) -> list[tuple]:
        return self.owner.execute(query).fetchall()

    def check(self) -> None:
        """What must hold after anything: counts are right, nobody over capacity, what is offered is what is."""
        assert self.rows(BEHIND_A_CURSOR) == []
        for broken in (
            "select p.id from payops.providers p where p.pending <> (select count(*) from payops.consultations c"
            " where c.provider_id = p.id and c.status = 'assigned')",
            "select id from payops.providers where pending > capacity",
            "select o.provider_id from payops.availability o join payops.providers p on p.id = o.provider_id"
            " where o.load <> p.pending::double precision / p.capacity or not p.active",
            "select c.id from payops.consultations c where c.status = 'assigned' and not exists (select from"
            " payops.assignment_decisions d where d.consultation_id = c.id and d.provider_id = c.provider_id)",
        ):
            assert self.rows(broken) == []


@pytest.fixture
def rules(owner: Any) -> Iterator[None]:
    """The rules of licensing as they are deployed, each verified; whatever a test makes of them goes."""
    names = ("compact_members", "telehealth_registrations", "licensing_policy")
    for name in names:
        owner.execute(f"create temp table kept_{name} as table payops.{name}")
    for name in names[:2]:
        owner.execute(f"update payops.{name} set verified_on = '2026-11-01'")
    yield
    owner.execute("delete from payops.licences")
    for name in names:
        owner.execute(f"delete from payops.{name}")
        owner.execute(f"insert into payops.{name} table kept_{name}")


@pytest.fixture
def clinic(database: Any, owner: Any) -> Clinic:
    return Clinic(database, owner)
