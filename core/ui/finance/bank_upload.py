"""The bank's side of the reconciliation: uploading a statement with a preview, and matching deposits."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from core.errors import Refused, Unavailable
from core.finance.bank import accounts, imports, reading, wording
from core.finance.bank.csv_mapping import CsvMapping
from core.finance.bank.imports import Imported
from core.finance.bank.statements import Format
from core.money import CURRENCIES
from core.staff.roles import Actor
from core.ui import session
from core.ui.finance import bank_deposits, csv_mapping_form
from core.ui.finance.bank_columns import FATE
from core.ui.kit import actions, rows
from core.ui.text import literal

BY_NUMBER = "By the account number in the file"
FILE, ACCOUNT, CURRENCY = "bank file", "bank account", "bank currency"
MAX_MB = 64


@dataclass(frozen=True)
class _Choices:
    """The uploaded file, and the user's choices on how to read it."""

    name: str
    data: bytes
    account: str | None
    mapping: CsvMapping | None
    currency: str | None


def show() -> None:
    """Show the upload button, the deposits to match by hand, and what was imported and matched."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Import a bank statement", icon=":material/upload:", on_click=import_statement)
        st.caption(literal(_booked_until()))
    bank_deposits.show()


@st.dialog("Import a bank statement", width="large")
def import_statement() -> None:
    """Import a file, completely or not at all, after a preview with the outcome for each of Stripe's entries."""
    actions.end_dialog_if_over()
    st.caption(
        "CAMT.053, MT940, BAI2, OFX, QFX or CSV. Only Stripe's deposits and withdrawals are stored, each of them once."
    )
    st.file_uploader("File", key=FILE, max_upload_size=MAX_MB)
    known = accounts.known(session.db())
    st.selectbox(
        "Account",
        [BY_NUMBER, *(account["name"] for account in known)],
        key=ACCOUNT,
        accept_new_options=True,
        help="Choose one, or type a name to add an account. A CSV needs one, since it does not name its account.",
    )
    choices = _choices()
    if choices is not None and (tried := _tried(choices)) is not None:
        _preview(tried)
        st.button(
            "Import",
            type="primary",
            key="import bank statement",
            disabled=tried.is_nothing_new,
            on_click=actions.attempt,
            args=(partial(_import, choices),),
        )
    actions.end_dialog_when_done()


def _booked_until() -> str:
    known = accounts.known(session.db())
    if not known:
        return "No statement yet. Import one to compare payouts with what the bank received."
    ends = ((each["name"], each["booked_until"]) for each in known if each["booked_until"])
    until = [f"{name} to {datetime.fromisoformat(day):%-d %b %Y}" for name, day in ends]
    return f"Imported: {', '.join(until) or 'no days yet'}."


def _choices() -> _Choices | None:
    """Show the fields of the upload; returns the choices, None while something is missing."""
    uploaded = st.session_state.get(FILE)
    if uploaded is None:
        return None
    name, data = uploaded.name, uploaded.getvalue()
    account = st.session_state.get(ACCOUNT)
    account = None if account in (None, BY_NUMBER) else str(account).strip()
    try:
        if reading.format_of(name, data) is not Format.CSV:
            return _Choices(name, data, account, None, None)
        if not account:
            st.info("A CSV does not name its account. Choose the account, or type a name to add one.")
            return None
        saved = accounts.named(accounts.known(session.db()), account)
        kept = CsvMapping.from_json(saved["csv_mapping"]) if saved and saved["csv_mapping"] else None
        layout = reading.csv_layout(name, data)
    except Refused as error:
        st.error(literal(error.detail))
        return None
    mapping = csv_mapping_form.draw(layout, kept, key=f"csv {hash(layout.header)} {account}")
    currency = saved["currency"] if saved else _new_currency()
    return _Choices(name, data, account, mapping, currency) if mapping else None


def _new_currency() -> str:
    codes = ["usd", *sorted(CURRENCIES - {"usd"})]
    return str(st.selectbox("The account's currency", codes, format_func=str.upper, key=CURRENCY))


def _tried(choices: _Choices) -> Imported | None:
    try:
        with st.spinner("Reading the file"):
            return _done(session.actor(), choices, dry_run=True)
    except (Refused, Unavailable) as error:
        st.error(literal(error.detail))
        return None


def _done(actor: Actor, choices: _Choices, *, dry_run: bool) -> Imported:
    return imports.import_file(
        session.db(),
        actor,
        choices.name,
        choices.data,
        session.services().clock(),
        account=choices.account,
        mapping=choices.mapping,
        currency=choices.currency,
        dry_run=dry_run,
    )


def _import(choices: _Choices, actor: Actor) -> str:
    done = _done(actor, choices, dry_run=False)
    new, booked = done.count(imports.NEW, imports.NEW_PENDING), done.count(imports.BOOKED_NOW)
    matched = sum(entry.payout_id is not None for entry in done.entries)
    return f"{choices.name} is imported: {new:,} new, {booked:,} now booked, {matched:,} matched to payouts."


def _preview(tried: Imported) -> None:
    """Show what the import would do, in sentences and for each entry."""
    with st.container(border=True, key="preview"):
        st.markdown("**What this does**")
        said = [line for line in wording.lines(tried) if "dry run" not in line]
        st.markdown("\n".join(f"{'  ' if line.startswith('    ') else ''}- {literal(line.strip())}" for line in said))
        if tried.entries:
            rows.show([_row(entry) for entry in tried.entries[:1_000]], FATE, key="bank-preview")
            rows.files(lambda _: [_row(entry) for entry in tried.entries], FATE, name="bank-preview")
        if len(tried.entries) > 1_000:
            st.caption(f"The first 1,000 of {len(tried.entries):,} entries.")


def _row(entry: imports.EntryFate) -> dict[str, Any]:
    return {
        "line": entry.line,
        "booked_on": str(entry.booked_on),
        "amount_minor": entry.amount.minor,
        "currency": entry.amount.currency,
        "fate": entry.fate,
        "payout_id": entry.payout_id,
        "matched_by": entry.matched_by,
        "reference": entry.reference,
    }
