"""A card number that staff type into any reason, note or comment is refused before it is stored."""

from datetime import UTC, date, datetime

import pytest

from core.customers import notes
from core.db.counted import CountedDatabase
from core.errors import Refused
from core.finance import mismatches, months
from core.monitoring import incidents
from core.providers import assignment
from core.staff import flags
from core.staff.roles import Actor, Role

ADMIN = Actor("ana", Role.ADMIN)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TYPED = {
    "an incident's silence": lambda db, text: incidents.silence(db, ADMIN, 1, NOW, text, NOW),
    "an incident's resolution": lambda db, text: incidents.resolve(db, ADMIN, 1, text, NOW),
    "a mismatch's note": lambda db, text: mismatches.write_note(db, ADMIN, "key", text, NOW),
    "a mismatch's acceptance": lambda db, text: mismatches.accept(db, ADMIN, "key", text, NOW),
    "a month's reopening": lambda db, text: months.reopen(db, ADMIN, date(2026, 10, 1), text, NOW),
    "a release": lambda db, text: assignment.release(db, ADMIN, "c1", text, NOW),
    "an assignment": lambda db, text: assignment.assign(db, ADMIN, "c1", NOW, provider_id="p1", reason=text),
    "a flag's reason": lambda db, text: flags.switch(
        db, ADMIN, flags.Flow.REFUNDS, open=False, sentence="Paused.", reason=text, now=NOW
    ),
    "a flag's sentence": lambda db, text: flags.switch(
        db, ADMIN, flags.Flow.REFUNDS, open=False, sentence=text, reason="Drill", now=NOW
    ),
    "a provider's notes": lambda db, text: db.call("save_provider", actor="ana", document={"notes": text}),
    "a customer's note": lambda db, text: notes.add_note(db, ADMIN, "cus_1", text, NOW),
}


@pytest.mark.parametrize("write", TYPED.values(), ids=TYPED)
@pytest.mark.parametrize("card", ["4242424242424242", "4000-0566-5566-5556", "3782 822463 10005"])
def test_a_card_number_is_refused_and_not_repeated(database, owner, write, card):
    with pytest.raises(Refused) as refused:
        write(CountedDatabase(database), f"paid with {card}")
    assert refused.value.code in ("card_number", "note_private")
    assert card not in refused.value.detail
    stored = owner.execute("select count(*) from payops.audit_log where to_jsonb(audit_log)::text like '%paid with%'")
    assert stored.fetchone() == (0,)


def test_system_messages_are_never_refused_as_private_text(database):
    assert CountedDatabase(database).call("require_reason", reason="declined 4242424242424242") is True
