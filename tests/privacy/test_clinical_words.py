"""The list of clinical words, and the scan for private text already at Stripe."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused, Unauthorised, Unavailable
from core.privacy import clinical_words, history_scan
from core.privacy.clinical_words import ClinicalWords
from core.privacy.outgoing import Screen
from core.staff.roles import Actor, Role

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ADMIN, FINANCE = Actor("staff:ada", Role.ADMIN), Actor("staff:fay", Role.FINANCE)


@pytest.fixture(autouse=True)
def restored(owner):
    yield
    owner.execute("delete from payops.clinical_words where changed_at is not null and added_by is not null")
    owner.execute("delete from payops.private_text_scans")


def test_the_list_comes_with_words_and_changes_by_an_admin_with_a_reason(database, owner):
    assert {"depression", "semaglutide", "erectile"} <= ClinicalWords(database).all()
    assert clinical_words.add(database, ADMIN, " Vitiligo ", NOW, reason="asked by compliance") == "vitiligo"
    assert "vitiligo" in ClinicalWords(database).all()
    clinical_words.remove(database, ADMIN, "vitiligo", NOW, reason="too many hits")
    assert "vitiligo" not in ClinicalWords(database).all()
    actions = owner.execute(
        "select action, subject, reason from payops.audit_log where subject = 'word:vitiligo' order by id"
    )
    assert actions.fetchall() == [
        ("privacy:word:added", "word:vitiligo", "asked by compliance"),
        ("privacy:word:removed", "word:vitiligo", "too many hits"),
    ]


@pytest.mark.parametrize("word", ["", " - ", "one two three four five", "a" * 61])
def test_a_word_that_cannot_be_compared_is_refused(database, word):
    with pytest.raises(Refused, match="bad_word"):
        clinical_words.add(database, ADMIN, word, NOW, reason="x")


def test_a_duplicate_a_missing_reason_or_another_role_is_refused(database):
    for word, reason, code in (("depression", "x", "unchanged"), ("vitiligo", " ", "reason_missing")):
        with pytest.raises(Refused, match=code):
            clinical_words.add(database, ADMIN, word, NOW, reason=reason)
    with pytest.raises(Refused, match="unchanged"):
        clinical_words.remove(database, ADMIN, "vitiligo", NOW, reason="x")
    with pytest.raises(Unauthorised):
        clinical_words.add(database, FINANCE, "vitiligo", NOW, reason="x")


def test_the_last_known_words_stay_in_force_without_a_database():
    class Away:
        answers = True

        def call(self, function, **arguments):
            if not self.answers:
                raise Unavailable("database_unavailable", "The database did not answer.")
            return [{"word": "acne", "added_by": None}]

    away, seconds = Away(), [0.0]
    words = ClinicalWords(away, lambda: seconds[0])
    assert words.all() == {"acne"}
    away.answers, seconds[0] = False, 100.0
    assert words.all() == {"acne"}
    with pytest.raises(Unavailable):
        ClinicalWords(away).all()


class Stripe:
    """Lists as a real account may hold them."""

    objects = {
        "payment_intents": [
            {"id": "pi_1", "description": "Visit for depression", "metadata": {"orderId": "o-1"}},
            {"id": "pi_2", "description": "Depression, F32.1", "metadata": {"note": "born 1984-05-12"}},
            {"id": "pi_3", "description": "Online visit", "metadata": {}},
        ],
        "refunds": [{"id": "re_1", "metadata": {"why": "ask ann@mail.org"}}],
    }

    def each(self, path, **params):
        assert params["created"]["gte"] == int(datetime(2026, 11, 1, 4, tzinfo=UTC).timestamp())
        yield from self.objects.get(path, [])


def test_history_is_counted_by_field_and_kind_without_its_text(database, owner):
    screen = Screen(ClinicalWords(database).all, lambda: NOW.date())
    asked = {"since": date(2026, 11, 1), "zone": ZoneInfo("America/New_York"), "now": NOW}
    found = history_scan.scan(database, ADMIN, Stripe(), screen, **asked)
    assert {(one["objects"], one["field"], one["kind"]): one["count"] for one in found} == {
        ("payment_intents", "description", "a clinical word"): 2,
        ("payment_intents", "description", "a diagnosis code"): 1,
        ("payment_intents", "metadata.note", "a date of birth"): 1,
        ("refunds", "metadata.why", "an e-mail address"): 1,
    }
    kept = history_scan.last(database)
    assert (kept["objects"], kept["since"], len(kept["findings"])) == (4, "2026-11-01", 4)
    stored = owner.execute("select findings::text from payops.private_text_scans").fetchone()[0]
    assert not any(text in stored.lower() for text in ("depression", "f32", "1984", "ann@"))
    with pytest.raises(Unauthorised):
        history_scan.scan(database, FINANCE, Stripe(), screen, **asked)
