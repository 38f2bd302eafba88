"""The first directory and its past consultations, imported by the same functions as later ones."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import Refused
from core.providers import directory, files, history_import, licences
from core.sandbox.seed import seed_sandbox
from core.sandbox.traffic import demo_clinic, intake
from tests.providers.conftest import NOW


def test_the_sandboxs_directory_is_right_in_every_cell_and_imports_once(clinic):
    text = demo_clinic.directory_file(date(2026, 11, 24))
    people = directory.identities(clinic.db)
    assert files.read_file(text.encode(), directory.vocabulary(clinic.db), people).problems == ()
    for _ in range(2):
        history_import.import_directory(clinic.db, text, NOW)
        everybody = directory.everybody(clinic.db)
        assert len(everybody) == len(demo_clinic.DOCTORS)
        assert sum(not one["active"] for one in everybody) == 1
    assert len(directory.history(clinic.db, everybody[0]["id"])) == 1
    ending = licences.expiring(clinic.db, NOW, days=90)
    assert ending["total"] == len(demo_clinic.ENDING_DAYS) and ending["items"][0]["expired"]


def test_a_file_with_problems_adds_no_provider(clinic):
    text = demo_clinic.directory_file(date(2026, 11, 24)).replace("dermatology", "alchemy")
    with pytest.raises(Refused, match="row 18, specialties"):
        history_import.import_directory(clinic.db, text, NOW)
    assert directory.everybody(clinic.db) == []


def test_past_consultations_are_assigned_as_of_their_time_and_most_have_ended(clinic, tmp_path):
    until = datetime.now(UTC).replace(microsecond=0)
    seed_sandbox(tmp_path, seed=3, days=12)
    history_import.import_directory(clinic.db, demo_clinic.directory_file(until.date()), until - timedelta(days=30))
    asked = intake.of_history(tmp_path, days=4, now=until)
    assert len(asked) > 60
    for _ in range(2):  # a start that was interrupted does it again
        history_import.replay(clinic.db, asked)
        statuses = dict(clinic.rows("select status, count(*) from payops.consultations group by status"))
        assert statuses.pop("waiting") >= intake.LEFT_WAITING
        assert sum(statuses.values()) > 50 and set(statuses) <= {"completed", "cancelled"}
    assert clinic.rows("select count(*) from payops.consultations where received_at >= ended_at") == [(0,)]
    assert clinic.rows("select count(*) from payops.consultations where order_id is not null")[0][0] > 40
    clinic.check()
