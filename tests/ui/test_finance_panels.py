"""The journal and the weekly exports on a page: what finance sees there and changes."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from core.finance.journal import accounts
from core.finance.journal.accounts import Role as AccountRole
from core.finance.scheduled import schedules
from core.staff.roles import Actor, Role
from core.ui import session
from core.ui.finance import export_schedules, journal_panel
from core.ui.text import literal
from tests.finance.test_journal import MONTH, moved

FINANCE = Actor("staff:fin", Role.FINANCE)
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def shown(panel, *opened):
    """A page that shows one panel, under the results of its dialogs, with these parts of it opened."""

    def page() -> None:
        import streamlit as st

        from core.ui.kit import actions

        actions.show_result()
        st.session_state["panel"]()

    tested = AppTest.from_function(page, default_timeout=30)
    tested.session_state["panel"] = panel
    for each in opened:
        tested.session_state[each] = True
    return tested.run()


@pytest.fixture
def signed_in(database, owner, monkeypatch, tmp_path):
    """A tab in which somebody of finance is signed in."""
    owner.execute("update payops.business set timezone = 'America/New_York'")
    staff = SimpleNamespace(actor=FINANCE, name="fin", role=FINANCE.role, confirmed=True)
    settings = SimpleNamespace(business_zone=NEW_YORK, data_dir=tmp_path)
    running = SimpleNamespace(clock=lambda: NOW, db=database, settings=settings)
    for name, found in (("db", database), ("actor", FINANCE), ("working", staff), ("services", running)):
        monkeypatch.setattr(session, name, lambda found=found: found)
    monkeypatch.setattr(session, "settings", lambda: settings)
    monkeypatch.setattr(session, "actor_at_click", lambda: lambda: FINANCE)
    return database


def november() -> None:
    from core.periods import Period

    journal_panel.show(Period(date(2026, 11, 1), date(2026, 11, 30), NEW_YORK), "jpy")


def test_the_page_shows_the_balanced_journal_and_an_account_is_changed_in_a_dialog(signed_in):
    signed_in.call("load_records", records={"balance_transactions": MONTH})
    page = shown(november, "lines-open", "accounts-open")
    assert not page.exception and not page.error
    assert page.markdown[0].value == literal("7 entries; debits equal credits: ¥5,000 and $292.10.")
    lines = page.dataframe[0].value
    assert list(lines["Account"][:2]) == ["4000", "6100"] and list(lines["Credit"][:1]) == [5000.0]
    page.selectbox(key="journal-role").set_value(AccountRole.BANK).run()
    page = next(each for each in page.button if each.label == "Change account").click().run()
    page.text_input(key="account code").set_value("1010")
    page.text_input(key="account name").set_value("First Bank")
    page = next(each for each in page.button if each.label == "Save").click().run()
    assert [each.value for each in page.success] == [literal("Bank: booked on 1010 First Bank.")]
    assert accounts.mapping(signed_in, FINANCE)[AccountRole.BANK].name == "First Bank"


def test_the_page_says_why_a_journal_is_refused_and_still_shows_the_accounts(signed_in):
    odd = moved(1, "2026-11-15T12:00:00", "other_adjustment", -4200)
    signed_in.call("load_records", records={"balance_transactions": [odd]})
    page = shown(november)
    assert "has no account" in page.error[0].value
    assert "Suspense" in list(page.dataframe[0].value["Booked here"])


def test_a_weekly_export_is_added_in_a_dialog_and_removed(signed_in):
    page = shown(export_schedules.show)
    page = page.button[0].click().run()
    page.selectbox(key="weekly status payments").set_value("failed")
    page.selectbox(key="weekly day").set_value(5)
    page = next(each for each in page.button if each.label == "Add").click().run()
    assert [each.value for each in page.success] == [literal("Payments will be exported every Friday.")]
    (schedule,) = schedules.listed(signed_in, FINANCE)
    assert (schedule["weekday"], schedule["filters"], schedule["file_format"]) == (5, {"status": "failed"}, "xlsx")
    assert list(page.dataframe[0].value["Every"]) == ["Friday"]
    page = next(each for each in page.button if each.label == "Remove").click().run()
    assert schedules.listed(signed_in, FINANCE) == [] and page.success


def tabs() -> None:
    import streamlit as st

    from core.ui.finance import sections

    names = (sections.MISMATCHES, sections.PAYOUTS, sections.BANK, sections.MONTHS)
    sections.show({name: lambda name=name: st.write(f"all of {name}") for name in names})
    st.button("See the payout", on_click=sections.open_payout, args=("po_2",))


@pytest.mark.parametrize(
    ("link", "opened"),
    [
        ({}, "Mismatches"),
        ({"tab": "Bank"}, "Bank"),
        ({"payout": "po_1"}, "Payouts"),
        ({"deposit": "7"}, "Bank"),
        ({"closing": "2026-10-01"}, "Months"),
        ({"closing": "2026-10-01", "tab": "Payouts"}, "Payouts"),
    ],
)
def test_a_link_opens_the_section_of_what_it_names_and_no_other_is_loaded(link, opened):
    page = AppTest.from_function(tabs)
    for name, value in link.items():
        page.query_params[name] = value
    page.run()
    assert [each.value for each in page.markdown] == [f"all of {opened}"]
    page.button[0].click().run()
    assert [each.value for each in page.markdown] == ["all of Payouts"]
    assert page.query_params["payout"] in ("po_2", ["po_2"])


def ledger() -> None:
    from core.ui.finance import ledger_table
    from core.ui.finance.reconciliation_legs import SIDES

    amounts = {each.field: 1_234_567 for each in SIDES[1:]}
    line = amounts | {"title": "<b>Payments</b>", "currency": "usd", "remainder_minor": None}
    ledger_table.show([line], SIDES, name="ledger-and-balance-usd")


def test_the_ledger_is_a_plain_table_of_text_with_its_file(signed_in):
    page = shown(ledger)
    assert not page.exception and not page.dataframe
    html = page.get("html")[0].proto.body
    assert "<td>$12,345.67</td>" in html and "<td>1,234,567</td>" in html
    assert '<th scope="row">&lt;b&gt;Payments&lt;/b&gt;</th>' in html and "<td></td></tr>" in html
    assert [each.proto.label for each in page.get("download_button")] == ["CSV", "XLSX"]
