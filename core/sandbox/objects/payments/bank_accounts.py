"""Stripe's test bank accounts: which US account each is, and how a debit of it ends."""

from dataclasses import dataclass

from core.sandbox.engine.errors import Json

ROUTING_NUMBER = "110000000"
PREFIX = "pm_usBankAccount_"


@dataclass(frozen=True)
class TestBankAccount:
    """A Stripe test account; the defaults are an account whose debits succeed."""

    __test__ = False

    number: str
    failure: str | None = None  # a code of `FAILURES`
    business_days: int | None = 4  # until the debit is decided; None: never
    blocked: bool = False  # refused by Stripe before it reaches the bank
    disputed: bool = False  # returned by the account's owner after it succeeded

    @property
    def last4(self) -> str:
        return self.number[-4:]


_NAMED = {
    "success": TestBankAccount("000123456789"),
    "accountClosed": TestBankAccount("000111111113", "account_closed", 2),
    "noAccount": TestBankAccount("000111111116", "no_account", 2),
    "accountFrozen": TestBankAccount("000111111124", "bank_account_unusable", 2),
    "insufficientFunds": TestBankAccount("000222222227", "insufficient_funds", 2),
    "debitNotAuthorized": TestBankAccount("000333333335", "debit_not_authorized", 3),
    "invalidCurrency": TestBankAccount("000444444440", "invalid_currency", 2),
    "weeklyLimitExceeded": TestBankAccount("000777777771", "charge_exceeds_source_limit", 2),
    "dispute": TestBankAccount("000555555559", disputed=True),
    "processing": TestBankAccount("000000000009", business_days=None),
    "riskLevelHighest": TestBankAccount("000000004954", blocked=True),
}
_BY_NUMBER = {account.number: name for name, account in _NAMED.items()}


@dataclass(frozen=True)
class DebitFailure:
    """Why a bank sent a debit back: the charge's code, the decline code, and what is said."""

    code: str
    decline_code: str
    message: str
    network_code: str


FAILURES = {
    failure.code: failure
    for failure in (
        DebitFailure("account_closed", "bank_account_closed", "The customer's bank account has been closed.", "R02"),
        DebitFailure("no_account", "bank_account_not_found", "The bank account could not be located.", "R03"),
        DebitFailure("bank_account_unusable", "bank_account_unusable", "The bank account cannot be debited.", "R16"),
        DebitFailure(
            "insufficient_funds", "insufficient_funds", "The customer's account has insufficient funds.", "R01"
        ),
        DebitFailure(
            "debit_not_authorized",
            "debit_not_authorized",
            "The customer has notified their bank that this payment was unauthorized.",
            "R10",
        ),
        DebitFailure("invalid_currency", "invalid_currency", "The account does not support this currency.", "R13"),
        DebitFailure(
            "charge_exceeds_source_limit",
            "bank_account_limit_exceeded",
            "The payment exceeds the account's weekly limit.",
            "R29",
        ),
    )
}


def test_account(token: str) -> TestBankAccount | None:
    """The account behind `pm_usBankAccount_…`."""
    return _NAMED.get(token.removeprefix(PREFIX)) if token.startswith(PREFIX) else None


def account_numbered(number: str) -> tuple[TestBankAccount, str] | None:
    """The account with this number and the token that stands for it."""
    name = _BY_NUMBER.get(number)
    return (_NAMED[name], PREFIX + name) if name else None


def account_details(account: TestBankAccount, *, holder_type: str, account_type: str, fingerprint: str) -> Json:
    """The `us_bank_account` of a payment method."""
    return {
        "account_holder_type": holder_type,
        "account_type": account_type,
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": fingerprint,
        "last4": account.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": ROUTING_NUMBER,
        "status_details": None,
    }


test_account.__test__ = False  # type: ignore[attr-defined]
