"""Incidents are counted together, survive a database that is away, and are closed by a person."""

from datetime import UTC, datetime, timedelta

import pytest

from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused, Unauthorised
from core.monitoring import incidents
from core.monitoring.incidents import Incident, IncidentLog
from core.staff.roles import SYSTEM, Actor, Role

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def boom(minutes=0, **fields):
    return Incident("page_failed", "errors", "A page failed.", NOW + timedelta(minutes=minutes), **fields)


def test_the_same_thing_again_is_counted(database, owner, tmp_path):
    log = IncidentLog(database, tmp_path)
    log.report(boom(request_id="req-1"))
    log.report(boom(5, sample={"page": "errors"}))
    (found,) = incidents.newest(database)
    assert (found["occurrences"], found["request_id"], found["sample"]) == (2, "req-1", {"page": "errors"})
    assert found["first_seen"] < found["last_seen"]


def test_what_happens_while_the_database_is_away_is_recorded_later(database, owner, tmp_path):
    nowhere = PsycopgDatabase(f"host={tmp_path} user=nobody dbname=nothing")
    away = IncidentLog(nowhere, tmp_path)
    away.report(boom())
    away.report(boom(1))
    assert away.flush() == 0
    nowhere.close()
    IncidentLog(database, tmp_path).report(boom(2))
    assert [found["occurrences"] for found in incidents.newest(database)] == [3]
    assert IncidentLog(database, tmp_path).flush() == 0


def test_a_resolved_incident_opens_anew_when_it_comes_back(database, owner, tmp_path):
    log = IncidentLog(database, tmp_path)
    log.report(boom())
    (found,) = incidents.newest(database)
    with pytest.raises(Unauthorised):
        incidents.resolve(database, Actor("staff:ana", Role.SUPPORT), found["id"], "Fixed.", NOW)
    incidents.resolve(database, SYSTEM, found["id"], "Fixed the page.", NOW)
    with pytest.raises(Refused, match="not_open"):
        incidents.resolve(database, SYSTEM, found["id"], "Again.", NOW)
    assert incidents.newest(database) == []
    log.report(boom(9))
    assert len(incidents.newest(database)) == 1
    assert len(incidents.newest(database, open_only=False)) == 2
