"""The accounts of the journal: on which of the company's accounts each kind of movement is booked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from core.db import Database
from core.errors import Refused
from core.exports.cells import STARTS_A_FORMULA
from core.staff import roles
from core.staff.roles import Actor

PAGE = "reconciliation"
CODE_CHARACTERS, NAME_CHARACTERS = 20, 100


class Role(StrEnum):
    """What an account is for."""

    SALES = "sales"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    DISPUTE_FEES = "dispute_fees"
    FEES = "fees"
    TAX = "tax"
    CLEARING = "clearing"
    BANK = "bank"
    SUSPENSE = "suspense"


@dataclass(frozen=True)
class Account:
    """An account of the company: `code` is its number (`4000`), `name` its name in the accounting system.

    Both are empty for a suspense account that nobody has set: then nothing can be booked there.
    """

    role: Role
    code: str
    name: str
    changed_by: str | None = None
    changed_at: str | None = None

    @property
    def named(self) -> bool:
        return bool(self.code or self.name)


class AccountRow(TypedDict):
    """An account as the database stores it."""

    role: str
    code: str
    name: str
    changed_at: str
    changed_by: str


TITLES = {
    Role.SALES: "Sales",
    Role.REFUNDS: "Refunds",
    Role.DISPUTES: "Disputes",
    Role.DISPUTE_FEES: "Dispute fees",
    Role.FEES: "Stripe fees",
    Role.TAX: "Tax withheld by Stripe",
    Role.CLEARING: "Stripe clearing",
    Role.BANK: "Bank",
    Role.SUSPENSE: "Suspense",
}
HELP = {
    Role.SALES: "Payments collected, less what was authorized and not captured.",
    Role.REFUNDS: "Money returned to customers; refunds that failed come back here.",
    Role.DISPUTES: "Disputed amounts; a dispute that is won comes back here.",
    Role.DISPUTE_FEES: "What Stripe charges for disputes.",
    Role.FEES: "Stripe's fees and the card networks' costs.",
    Role.TAX: "Tax that Stripe withholds or charges.",
    Role.CLEARING: "The balance at Stripe: it rises with payments and falls with payouts.",
    Role.BANK: "Payouts sent to the bank; a payout that failed comes back.",
    Role.SUSPENSE: "Adjustments and kinds of movement that have no account of their own. Leave it empty to have the "
    "export refuse them instead.",
}
# Account numbers of a common chart of accounts for small companies, used until somebody sets the company's own.
SUGGESTED = {
    Role.SALES: ("4000", "Sales"),
    Role.REFUNDS: ("4100", "Refunds"),
    Role.DISPUTES: ("4200", "Disputes"),
    Role.DISPUTE_FEES: ("6110", "Dispute Fees"),
    Role.FEES: ("6100", "Stripe Fees"),
    Role.TAX: ("2200", "Tax Withheld by Stripe"),
    Role.CLEARING: ("1050", "Stripe Clearing"),
    Role.BANK: ("1000", "Bank"),
    Role.SUSPENSE: ("", ""),
}


def mapping(db: Database, actor: Actor) -> dict[Role, Account]:
    """The account for each role: the company's if it was set, else the suggested one."""
    roles.require(actor, PAGE)
    rows: list[AccountRow] = db.call("journal_accounts")
    found = {
        Role(row["role"]): Account(Role(row["role"]), row["code"], row["name"], row["changed_by"], row["changed_at"])
        for row in rows
    }
    return {role: found.get(role, Account(role, *SUGGESTED[role])) for role in Role}


def set_account(db: Database, actor: Actor, role: Role, code: str, name: str, now: datetime) -> None:
    """Book this role on this account from now on. Raises `Refused` if a text is missing, too long or unsafe."""
    roles.require(actor, PAGE)
    code, name = code.strip(), " ".join(name.split())
    if role is not Role.SUSPENSE and not (code and name):
        raise Refused("account_incomplete", "Enter the account's number and its name.")
    if bool(code) != bool(name):
        raise Refused("account_incomplete", "Enter both number and name, or leave both empty.")
    if len(code) > CODE_CHARACTERS or len(name) > NAME_CHARACTERS:
        raise Refused(
            "account_too_long",
            f"Use up to {CODE_CHARACTERS} characters for the number, {NAME_CHARACTERS} for the name.",
        )
    if code.startswith(STARTS_A_FORMULA) or name.startswith(STARTS_A_FORMULA):
        raise Refused(
            "account_unsafe", "An account can't start with a sign such as = + - @, which spreadsheets compute."
        )
    db.call(
        "set_journal_account",
        actor=actor.name,
        actor_role=str(actor.role),
        role=str(role),
        code=code,
        name=name,
        now=now,
    )


def known(accounts: Mapping[Role, Account], role: Role) -> Account:
    """The account for this role. Raises `Refused` if none is set."""
    if not accounts[role].named:
        raise Refused("account_missing", f"Name an account for “{TITLES[role]}” first.")
    return accounts[role]
