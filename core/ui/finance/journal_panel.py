"""The journal of a period: its lines, its files for the accounting system, and the accounts used."""

from collections import Counter
from functools import partial

import streamlit as st

from core.errors import Refused
from core.exports.files import CSV_TYPE, ZIP_TYPE
from core.exports.table import Table
from core.figures.wording import counted
from core.finance.journal import accounts, entries, forms
from core.finance.journal.accounts import HELP, TITLES, Account, Role
from core.finance.journal.entries import By, Journal
from core.finance.journal.forms import Form
from core.money import Money
from core.periods import Period
from core.staff import audit
from core.staff.audit_words import actor_name
from core.staff.roles import Actor
from core.ui import session
from core.ui.kit import actions, export_panel, rows
from core.ui.kit.rows import Column
from core.ui.text import literal

BY: dict[By, str] = {"day": "One entry a day", "payout": "One entry a payout"}
ACCOUNTS = (
    Column("title", "Booked here", help="What is booked on the account."),
    Column("code", "Account", "id"),
    Column("name", "Account name"),
    Column("changed_by", "Set by"),
    Column("changed_at", "Set", "moment"),
)


def show(period: Period, currency: str) -> None:
    """Show the journal with its exports (import forms are preset to `currency`), and below it the accounts."""
    actor = session.actor()
    mapping = accounts.mapping(session.db(), actor)
    by = st.segmented_control(
        "Entries",
        list(BY),
        default="day",
        required=True,
        format_func=BY.__getitem__,
        key="journal",
        bind="query-params",
    )
    journal: Journal | None
    try:
        journal = entries.load(session.db(), actor, period, by, mapping)
    except Refused as refused:
        st.error(literal(refused.detail))
        journal = None
    else:
        _show_journal(journal, period, by, currency)
    booked_on = st.expander(
        "Accounts that the journal is booked on", expanded=journal is None, on_change="rerun", key="accounts-open"
    )
    if booked_on.open:
        with booked_on:
            _show_accounts(mapping)


def _show_journal(journal: Journal, period: Period, by: By, shown: str) -> None:
    if journal.left_out:
        st.caption(literal(journal.left_out))
    found = forms.rows(journal)
    if not found:
        st.info("Nothing moved the balance at Stripe in this period. Its entries appear here.")
        return
    st.markdown(literal(_sentence(journal)))
    lines = st.expander(f"The {counted(len(found), 'line')} of this journal", on_change="rerun", key="lines-open")
    if lines.open:
        with lines:
            rows.show(found, forms.COLUMNS, key="journal-lines")

    def described(actor: Actor) -> Table:
        return forms.table(_fresh(actor, period, by), period)

    export_panel.show(described, name="journal")
    booked = Counter(entry.currency for entry in journal.entries)
    currencies = sorted(booked, key=lambda each: (each != shown, -booked[each], each))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        currency = st.selectbox(
            "Currency of the form", currencies, format_func=str.upper, key=f"journal-currency-{shown}"
        )
        tax_rate = st.text_input("Tax rate in Xero", forms.NO_TAX, key="journal-tax", max_chars=50)
        for form, title in forms.TITLES.items():
            many = len(forms.files_of(journal, form, currency))
            name = f"journal-{form}-{currency}-{period.until}"
            rows.file(
                f"Form for {title}" + (f" ({many} files)" if many > 1 else ""),
                partial(_form, period, by, form, currency, tax_rate, name if many > 1 else None),
                f"{name}.zip" if many > 1 else f"{name}.csv",
                ZIP_TYPE if many > 1 else CSV_TYPE,
                type="secondary",
                help=f"{title} takes {forms.XERO_LINES} lines a file: import them one after another."
                if many > 1
                else None,
            )


def _fresh(actor: Actor, period: Period, by: By) -> Journal:
    return entries.load(session.db(), actor, period, by, accounts.mapping(session.db(), actor))


def _form(
    period: Period, by: By, form: Form, currency: str, tax_rate: str, zip_name: str | None, actor: Actor
) -> bytes:
    """The form's only file, or all of them as a ZIP of this name."""
    journal = _fresh(actor, period, by)
    files = forms.written(journal, form, currency, tax_rate=tax_rate.strip() or forms.NO_TAX)
    if zip_name is None and len(files) > 1:
        raise Refused("journal_grew", "The journal has grown since the page was drawn. Reload it, then export again.")
    lines = sum(len(entry.lines) for entry in journal.entries if entry.currency == currency)
    filters = {"Form": forms.TITLES[form], "Currency": currency.upper()}
    now = session.services().clock()
    audit.record_export(session.db(), actor, "journal", now, file_format="csv", rows=lines, filters=filters)
    return forms.zipped(files, zip_name) if zip_name else files[0]


def _sentence(journal: Journal) -> str:
    """`12 entries; debits equal credits: $1,234.00 and ¥500.`"""
    sums: dict[str, int] = {}
    for entry in journal.entries:
        debits = sum(line.debit_minor or 0 for line in entry.lines)
        sums[entry.currency] = sums.get(entry.currency, 0) + debits
    each = [str(Money(minor, currency)) for currency, minor in sorted(sums.items())]
    amounts = " and ".join(part for part in (", ".join(each[:-1]), *each[-1:]) if part)
    return f"{counted(len(journal.entries), 'entry', 'entries')}; debits equal credits: {amounts}."


def _show_accounts(mapping: dict[Role, Account]) -> None:
    listed = [
        {
            "id": str(role),
            "title": TITLES[role],
            "code": account.code,
            "name": account.name or "none: such movements are refused",
            "changed_by": actor_name(account.changed_by) if account.changed_by else "suggested",
            "changed_at": account.changed_at,
        }
        for role, account in mapping.items()
    ]
    rows.show(listed, ACCOUNTS, key="journal-accounts")
    rows.files(lambda _: listed, ACCOUNTS, name="journal-accounts")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        role = st.selectbox("Account for", list(Role), format_func=TITLES.__getitem__, key="journal-role")
        if st.button("Change account") and role:
            _change(mapping[role])


@st.dialog("Change account")
def _change(account: Account) -> None:
    actions.end_dialog_if_over()
    st.markdown(f"**{literal(TITLES[account.role])}**: {literal(HELP[account.role])}")
    st.text_input("Number", account.code, key="account code", max_chars=accounts.CODE_CHARACTERS)
    st.text_input(
        "Name",
        account.name,
        key="account name",
        max_chars=accounts.NAME_CHARACTERS,
        help="As your accounting system writes it; a sub-account as Parent:Sub.",
    )
    st.button("Save", type="primary", on_click=actions.attempt, args=(partial(_set_account, account.role),))
    actions.end_dialog_when_done()


def _set_account(role: Role, actor: Actor) -> str:
    code, name = st.session_state["account code"], st.session_state["account name"]
    accounts.set_account(session.db(), actor, role, code, name, session.services().clock())
    return f"{TITLES[role]}: booked on {code} {name}." if code.strip() else f"{TITLES[role]}: no account."
