"""The company's bank accounts, and which of them a statement belongs to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from core.db import Database
from core.errors import Refused
from core.finance.bank.csv_mapping import CsvMapping
from core.finance.bank.statements import Statement

_ENDING = re.compile(r"\s*••••\s*\w*$")


class Account(TypedDict):
    """An account as it is stored; `booked_until` is the last day of its latest statement."""

    id: int
    name: str
    last4: str | None
    currency: str
    csv_mapping: dict[str, Any] | None
    booked_until: str | None


@dataclass(frozen=True)
class Target:
    """The account that a statement belongs to; a new account is created with its first statement."""

    name: str
    last4: str | None
    currency: str
    is_new: bool
    mapping: CsvMapping | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "last4": self.last4,
            "currency": self.currency,
            "csv_mapping": self.mapping.as_json() if self.mapping else None,
        }


def known(db: Database) -> list[Account]:
    """All accounts, sorted by name."""
    rows: list[Account] = db.call("bank_accounts")
    return rows


def named(accounts: Sequence[Account], name: str) -> Account | None:
    """The account of this name. Its ending is optional if that is clear: `USD account` for `USD account •••• 6789`."""
    wanted = name.strip().casefold()
    whole = next((account for account in accounts if account["name"].casefold() == wanted), None)
    begun = [account for account in accounts if _ENDING.sub("", account["name"]).casefold() == wanted]
    return whole or (begun[0] if len(begun) == 1 else None)


def target_of(
    statement: Statement, accounts: Sequence[Account], name: str | None, file: str, *, holds_stripes: bool
) -> Target | None:
    """The account of this statement: the one that was named, else the one with the same last four and currency.

    None if the account is unknown and nothing in the statement is Stripe's. Raises `Refused` if it belongs to another
    account than the one named, or if several accounts fit.
    """
    if name is not None:
        return _named_target(statement, accounts, name.strip(), file)
    fitting = [
        account
        for account in accounts
        if account["currency"] == statement.currency and account["last4"] == statement.last4
    ]
    if len(fitting) == 1:
        return Target(fitting[0]["name"], statement.last4, statement.currency, is_new=False)
    if len(fitting) > 1:
        names = " or ".join(account["name"] for account in fitting)
        raise Refused("account_unclear", f"{file}, line {statement.line:,}: this could be {names}. Name the account.")
    if not holds_stripes:
        return None
    if any(account["currency"] == statement.currency for account in accounts):
        raise Refused("account_unknown", _unknown(statement, accounts, file))
    ending = f" •••• {statement.last4}" if statement.last4 else ""
    return Target(f"{statement.currency.upper()} account{ending}", statement.last4, statement.currency, is_new=True)


def _named_target(statement: Statement, accounts: Sequence[Account], name: str, file: str) -> Target:
    if not name:
        raise Refused("account_missing", "Name the account that this statement is of.")
    account = named(accounts, name)
    if account is None:
        return Target(name, statement.last4, statement.currency, is_new=True)
    if account["last4"] and statement.last4 and account["last4"] != statement.last4:
        raise Refused(
            "other_account",
            f"{file}, line {statement.line:,}: this statement is of the account •••• {statement.last4}, but "
            f"{account['name']} is •••• {account['last4']}. Nothing was imported.",
        )
    if account["currency"] != statement.currency:
        raise Refused(
            "other_currency",
            f"{file}, line {statement.line:,}: this statement is in {statement.currency.upper()}, but "
            f"{account['name']} is in {account['currency'].upper()}. Nothing was imported.",
        )
    return Target(account["name"], statement.last4, statement.currency, is_new=False)


def _unknown(statement: Statement, accounts: Sequence[Account], file: str) -> str:
    names = ", ".join(f"{each['name']} (•••• {each['last4'] or '?'}, {each['currency'].upper()})" for each in accounts)
    ending = f"•••• {statement.last4}" if statement.last4 else "without a number"
    return (
        f"{file}, line {statement.line:,}: this statement is of an account {ending} in {statement.currency.upper()} "
        f"that is not known. Known: {names}. If it is yours, import it with a new account name. Nothing was imported."
    )
