"""Imports a bank statement: reads it, stores each of Stripe's entries once, and matches them to payouts."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypedDict, cast

from core.db import Database
from core.errors import Refused
from core.finance.bank import accounts, reading, recognition
from core.finance.bank.accounts import Account, Target
from core.finance.bank.csv_mapping import CsvMapping
from core.finance.bank.recognition import Clue, Found
from core.finance.bank.statements import Entry, Format, Statement
from core.money import Money
from core.staff import roles
from core.staff.roles import Actor

PAGE = "reconciliation"
NEW, NEW_PENDING, BOOKED_NOW, KNOWN = "new", "new_pending", "booked_now", "known"
Tell = Callable[[str], None]


class _Answer(TypedDict):
    line: int
    entry_id: int
    fate: str
    payout_id: str | None
    matched_by: str | None


@dataclass(frozen=True)
class EntryFate:
    """The outcome for one of Stripe's entries: new, already known, or pending before and now booked; and its payout."""

    line: int
    booked_on: date
    amount: Money
    is_pending: bool
    is_return: bool
    reference: str | None
    recognised_by: str
    fate: str
    payout_id: str | None
    matched_by: str | None


@dataclass(frozen=True)
class StatementFate:
    """The outcome for one statement; `target` is None if its account is unknown and nothing in it is Stripe's.

    `withdrawn` and `dropped` count entries of earlier statements that no longer count: the bank took them back, or they
    were pending and are not listed any more.
    """

    statement: Statement
    target: Target | None
    is_new: bool
    entries: list[EntryFate]
    withdrawn: int = 0
    dropped: int = 0

    @property
    def others(self) -> int:
        """The number of entries that are not Stripe's; nothing of them is stored."""
        return len(self.statement.entries) - len(self.entries)


@dataclass(frozen=True)
class Imported:
    """What an import did, or would do."""

    file: str
    format: Format
    dry_run: bool
    statements: list[StatementFate]

    @property
    def entries(self) -> list[EntryFate]:
        return [entry for statement in self.statements for entry in statement.entries]

    def count(self, *fates: str) -> int:
        counted = Counter(entry.fate for entry in self.entries)
        return sum(counted[fate] for fate in fates)

    @property
    def is_nothing_new(self) -> bool:
        """Whether all of the file was imported before."""
        return not self.count(NEW, NEW_PENDING, BOOKED_NOW) and not any(each.is_new for each in self.statements)


def import_file(
    db: Database,
    actor: Actor,
    name: str,
    data: bytes,
    now: datetime,
    *,
    account: str | None = None,
    mapping: CsvMapping | None = None,
    currency: str | None = None,
    dry_run: bool = False,
    tell: Tell = lambda _: None,
) -> Imported:
    """Import the whole file in one transaction, or nothing of it; entries that are known already are not added again.

    A CSV needs the name of its account. It is read by the given mapping, the account's saved one, or one that its
    headings make clear. With `dry_run` the result is the same, but nothing is written. Raises `Refused`.
    """
    roles.require(actor, PAGE)
    tell("Reading the file")
    known = accounts.known(db)
    mapping, currency = csv_choices(known, name, data, account, mapping, currency)
    file = reading.read(name, data, mapping=mapping, currency=currency)
    tell(f"Read {sum(len(each.entries) for each in file.statements):,} entries; looking for Stripe's")
    clues = _clues(db, file.statements)
    found = [recognition.of_stripe(each, clues) for each in file.statements]
    targets = [
        accounts.target_of(each, known, account, name, holds_stripes=bool(of_stripe))
        for each, of_stripe in zip(file.statements, found, strict=True)
    ]
    for statement, of_stripe, target in zip(file.statements, found, targets, strict=True):
        if target is not None and target.is_new:
            _refuse_known_deposits(name, statement, of_stripe, clues, known)
    tell("Storing and matching" if not dry_run else "Trying")
    kept = [place for place, target in enumerate(targets) if target is not None]
    answers = db.call(
        "import_bank_statements",
        file={"name": name, "format": file.format, "sha256": file.sha256},
        statements=[
            _document(file.statements[place], found[place], cast(Target, targets[place]), mapping) for place in kept
        ],
        dry_run=dry_run,
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )
    by_place = dict(zip(kept, answers or [], strict=True))
    return Imported(
        name,
        file.format,
        dry_run,
        [
            _fate(statement, targets[place], found[place], by_place.get(place))
            for place, statement in enumerate(file.statements)
        ],
    )


def csv_choices(
    known: Sequence[Account],
    name: str,
    data: bytes,
    account: str | None,
    mapping: CsvMapping | None,
    currency: str | None,
) -> tuple[CsvMapping | None, str | None]:
    """The mapping and currency to read a CSV with; None for other formats, which do not need them."""
    if reading.format_of(name, data) is not Format.CSV:
        return None, None
    if not account:
        names = ", ".join(each["name"] for each in known) or "none yet"
        raise Refused("account_missing", f"{name}: a CSV does not name its account. Name the account (known: {names}).")
    saved = accounts.named(known, account)
    if mapping is None and saved and saved["csv_mapping"]:
        mapping = CsvMapping.from_json(saved["csv_mapping"])
    if mapping is None:
        mapping = reading.csv_layout(name, data).proposed
    if mapping is None:
        raise Refused(
            "mapping_missing",
            f"{name}, line 1: its columns leave open which date format, decimal mark or column is meant. Upload it "
            "once on the page Reconciliation and choose; the choice is kept for the account. Nothing was imported.",
        )
    return mapping, saved["currency"] if saved else (currency or "usd")


def _refuse_known_deposits(
    name: str, statement: Statement, found: Sequence[Found], clues: Sequence[Clue], known: Sequence[Account]
) -> None:
    """Refuse a new account if each of its deposits is in a known account: it is that account by another name."""
    deposited = {clue["trace_id"] for clue in clues if clue["trace_id"] and clue["is_deposited"]}
    traced = [(each.reference or "").partition(" ")[0] for each in found if each.by == "trace_id"]
    if len(traced) > 1 and all(trace in deposited for trace in traced):
        names = ", ".join(each["name"] for each in known)
        raise Refused(
            "other_account",
            f"{name}, line {statement.line:,}: each of Stripe's deposits in it has arrived in an account that is known "
            f"already. Name that account (known: {names}). Nothing was imported.",
        )


def _clues(db: Database, statements: Sequence[Statement]) -> list[Clue]:
    days = [entry.booked_on for statement in statements for entry in statement.entries]
    if not days:
        return []
    rows: list[Clue] = db.call("bank_clues", since=min(days), until=max(days))
    return rows


def _document(statement: Statement, found: list[Found], target: Target, mapping: CsvMapping | None) -> dict[str, Any]:
    account = target.as_json() | ({"csv_mapping": mapping.as_json()} if mapping else {})
    return {
        "account": account,
        "statement_key": statement_key(statement),
        "statement_ref": statement.reference,
        "from_date": statement.from_date,
        "to_date": statement.to_date,
        "opening_minor": statement.opening.minor if statement.opening else None,
        "closing_minor": statement.closing.minor if statement.closing else None,
        "entries_read": len(statement.entries),
        "entries": [each.as_json() for each in found],
        "corrections": _corrections(statement, found),
        "replaces_days": statement.replaces_days,
        "lists_pending": statement.lists_pending,
    }


def _corrections(statement: Statement, found: Sequence[Found]) -> list[dict[str, Any]]:
    """The entries that the bank took back. What replaces an entry of Stripe's is Stripe's too, whatever its text."""
    recognised = {each.entry.bank_id for each in found}
    return [
        {
            "bank_id_sha256": recognition.digest_of(each.bank_id),
            "replacement": Found(each.entry, "amount", None, None, each.entry.is_return).as_json()
            if each.entry and each.entry.bank_id not in recognised
            else None,
        }
        for each in statement.corrections
    ]


def statement_key(statement: Statement) -> str:
    """A digest of a statement's content, the same for any file, encoding or order of its entries."""

    def of(entry: Entry) -> list[Any]:
        return [
            str(entry.booked_on), str(entry.value_on), entry.amount.minor, entry.amount.currency, entry.is_pending,
            entry.bank_id, entry.references, entry.texts,
        ]  # fmt: skip

    said = [
        statement.last4, statement.currency, statement.reference, str(statement.from_date), str(statement.to_date),
        statement.opening and statement.opening.minor, statement.closing and statement.closing.minor,
        sorted(json.dumps(of(entry)) for entry in statement.entries),
    ]  # fmt: skip
    if statement.corrections or statement.replaces_days:
        said += [sorted(each.bank_id for each in statement.corrections), statement.replaces_days]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _fate(
    statement: Statement, target: Target | None, found: list[Found], answer: dict[str, Any] | None
) -> StatementFate:
    if answer is None:
        return StatementFate(statement, target, is_new=False, entries=[])
    entries = [
        EntryFate(
            line=each.entry.line,
            booked_on=each.entry.booked_on,
            amount=each.entry.amount,
            is_pending=each.entry.is_pending,
            is_return=each.is_return,
            reference=each.reference,
            recognised_by=each.by,
            fate=told["fate"],
            payout_id=told["payout_id"],
            matched_by=told["matched_by"],
        )
        for each, told in zip(found, cast(list[_Answer], answer["entries"]), strict=True)
    ]
    return StatementFate(
        statement, target, answer["is_new"], entries, withdrawn=answer["withdrawn"], dropped=answer["dropped"]
    )
