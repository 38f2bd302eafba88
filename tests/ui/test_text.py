"""Text from outside goes through the functions that keep it text."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from core.ui import session
from core.ui.incidents import incident_details
from core.ui.text import code
from tests.lint.texts import problems_of


def test_inline_code_cannot_be_closed_by_its_content():
    assert code("a` ![x](http://evil.example) `b\nc") == "`a ![x](http://evil.example) b c`"


@pytest.mark.parametrize(("line", "found"), [('st.caption(f"`{one}`")', 1), ('st.caption(f"{code(one)}")', 0)])
def test_hand_written_inline_code_is_found(line, found):
    assert len(list(problems_of("pages/a.py", f"x = 1\n{line}\n"))) == found


def test_the_sample_of_an_incident_is_in_words(monkeypatch):
    settings = SimpleNamespace(business_zone=ZoneInfo("America/New_York"))
    monkeypatch.setattr(session, "settings", lambda: settings)
    sample = {
        "waiting": 3,
        "oldest": "2026-11-28T15:42:23+00:00",
        "reason": "No provider is licensed in WY.",
        "id": None,
    }
    said = incident_details._in_words({"sample": sample})
    assert said == "Waiting: 3 · Oldest: 28 Nov 2026, 10:42 EST · Reason: No provider is licensed in Wyoming"
