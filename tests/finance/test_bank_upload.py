"""The upload on the page: what would happen is shown first, columns of a CSV are chosen, and a person decides."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from core.staff.roles import Role
from core.staff.sessions import StaffSession
from core.ui import session
from tests.finance.deposits import NOW, TRACE, add_payout, pairs, statement, stored, take
from tests.finance.test_bank_formats import FILES

FILE, MATCH, IMPORT = "bank file", "Match", "import bank statement"


def page():
    """A dialog is called in each run, since a test's click runs the whole page and not the dialog alone."""
    import streamlit as st

    from core.finance.bank import deposits
    from core.ui import session
    from core.ui.finance import bank_deposits, bank_upload
    from core.ui.kit import actions

    actions.show_result()
    bank_upload.show()
    if st.session_state.get("open") == "import":
        bank_upload.import_statement()
    if st.session_state.get("open") == "choose":
        for each in deposits.unmatched(session.db()):
            bank_deposits.choose_payout(each)


@pytest.fixture
def console(database, owner, monkeypatch):
    """The part of the page alone, seen by somebody of finance."""
    staff = StaffSession("s", "fin", Role.FINANCE, False, True, False, False, True)
    monkeypatch.setattr(session, "db", lambda: database)
    monkeypatch.setattr(session, "working", lambda: staff)
    monkeypatch.setattr(session, "actor", lambda: staff.actor)
    monkeypatch.setattr(session, "actor_at_click", lambda: lambda: staff.actor)
    monkeypatch.setattr(session, "services", lambda: SimpleNamespace(clock=lambda: NOW))
    monkeypatch.setattr(session, "sessions", lambda: SimpleNamespace(now=lambda: NOW))
    monkeypatch.setattr(session, "settings", lambda: SimpleNamespace(business_zone=ZoneInfo("America/New_York")))
    shown = AppTest.from_function(page, default_timeout=30).run()
    assert not shown.exception
    return shown


def upload(console, name, data):
    console.session_state["open"] = "import"
    console.run()
    console.file_uploader[0].set_value((name, data, "application/octet-stream")).run()
    assert not console.exception
    return console


def words(console):
    return "\n".join(each.value for each in [*console.markdown, *console.error, *console.info, *console.success])


def test_a_preview_writes_nothing_until_import_is_clicked(console, owner):
    add_payout(owner, "po_1", 125000, "2026-11-30", trace_id=TRACE)
    data = statement(("2026-11-30", "1250.00", f"STRIPE TRANSFER {TRACE}"), ("2026-11-30", "-3.00", "RENT"))
    upload(console, "november.xml", data)
    assert stored(owner) == []
    assert "2 entries read, 1 of them Stripe's" in words(console).replace("\\", "")
    preview = next(frame.value for frame in console.dataframe if "What happens" in frame.value)
    assert preview[["Line", "Amount", "What happens", "Payout", "Matched by"]].values.tolist() == [
        [3, 1250.0, "New", "po_1", "trace ID"]
    ]
    console.button(key=IMPORT).click().run()
    assert not console.exception
    assert "november.xml is imported: 1 new, 0 now booked, 1 matched to payouts." in words(console).replace("\\", "")
    assert pairs(owner) == [(125000, "po_1", "trace_id")]


def test_a_files_problems_are_shown_and_it_cannot_be_imported(console, owner):
    upload(console, "cut.xml", statement(("2026-11-30", "1.00", "STRIPE"))[:-20])
    assert "cut.xml, line" in words(console).replace("\\", "")
    assert [button.label for button in console.button if button.key == IMPORT] == []


def test_the_columns_of_a_csv_are_chosen_where_they_leave_a_doubt(console, owner):
    rows = b"Date,Description,Amount\n03/04/2026,STRIPE TRANSFER,1.50\n05/06/2026,STRIPE TRANSFER,2.50\n"
    take_account = statement(("2026-01-05", "9.00", "STRIPE TRANSFER"))
    take(session.db(), take_account, account="Operating")
    upload(console, "april.csv", rows)
    assert "does not name its account" in words(console)
    console.selectbox(key="bank account").set_value("Operating").run()
    chosen = {"Date": "Date", "Amount": "Amount", "Dates are written as": "DD/MM/YYYY", "Decimal mark": "."}
    for label, value in chosen.items():
        next(box for box in console.selectbox if box.label == label).set_value(value).run()
    console.multiselect[0].set_value(["Description"]).run()
    assert not console.exception
    console.button(key=IMPORT).click().run()
    assert [(row[0], row[1]) for row in stored(owner)] == [
        ("2026-01-05", 900),
        ("2026-04-03", 150),
        ("2026-06-05", 250),
    ]
    (kept,) = owner.execute("select csv_mapping ->> 'date_format' from payops.bank_accounts").fetchone()
    assert kept == "DD/MM/YYYY"


def test_a_csv_without_a_doubt_shows_its_columns_and_needs_only_its_account(console, owner):
    take(session.db(), statement(("2026-01-05", "9.00", "STRIPE TRANSFER")), account="Operating")
    upload(console, "signed.csv", (FILES / "signed.csv").read_bytes())
    console.selectbox(key="bank account").set_value("Operating").run()
    console.button(key=IMPORT).click().run()
    assert [row[1] for row in stored(owner)] == [900, 125000, 50000]


def test_a_person_chooses_among_candidates_and_says_why(console, owner):
    add_payout(owner, "po_monday", 8050, "2026-11-30")
    add_payout(owner, "po_tuesday", 8050, "2026-12-01")
    take(session.db(), statement(("2026-12-01", "80.50", "STRIPE TRANSFER")))
    (entry,) = owner.execute("select id from payops.bank_entries").fetchone()
    console.query_params["deposit"] = str(entry)
    console.run()
    assert "2 open payouts have this amount" in str(console.dataframe[0].value["Waits for"].tolist())
    assert "Choose the payout" in [button.label for button in console.button]
    console.session_state["open"] = "choose"
    console.run()
    console.selectbox(key="deposit payout").set_value("po_monday").run()
    next(button for button in console.button if button.label == MATCH).click().run()
    assert "Enter a reason" in words(console) and pairs(owner) == []
    console.text_input(key="deposit why").set_value("Monday's came late").run()
    next(button for button in console.button if button.label == MATCH).click().run()
    assert pairs(owner) == [(8050, "po_monday", "person")]
    assert "The deposit belongs to po_monday now." in words(console).replace("\\", "")
