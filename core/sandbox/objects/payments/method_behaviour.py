"""How a saved card or bank account behaves when it is charged: by its test id, after any declines that were queued."""

from dataclasses import replace

from core.sandbox.engine.errors import Json
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments.bank_accounts import TestBankAccount, test_account
from core.sandbox.objects.payments.cards import TestCard, test_card


def bank_account(uow: UnitOfWork, method: Json) -> TestBankAccount:
    """How a debit of this account will end."""
    account = test_account(uow.hidden(method["id"])["token"])
    assert account is not None
    return account


def behaviour(uow: UnitOfWork, method: Json) -> TestCard:
    """How the card behaves when charged; queued declines come first."""
    hidden = uow.hidden(method["id"])
    known = test_card(hidden.get("token", "")) or TestCard()
    acting = replace(known, country=method["card"]["country"], brand=method["card"]["brand"])
    if hidden.get("declines"):
        acting = replace(acting, decline_code=hidden["declines"][0])
    if acting.authentication == "unless_set_up" and hidden.get("set_up"):
        acting = replace(acting, authentication="none")
    return acting


def decline_next(uow: UnitOfWork, method_id: str, codes: list[str]) -> None:
    """Queue these declines before the card's own behaviour."""
    method = uow.get("payment_method", method_id)
    uow.hide(method["id"], {**uow.hidden(method["id"]), "declines": codes})


def attempt_made(uow: UnitOfWork, method: Json) -> None:
    """Count an attempt: it uses up one queued decline."""
    hidden = uow.hidden(method["id"])
    if hidden.get("declines"):
        uow.hide(method["id"], {**hidden, "declines": hidden["declines"][1:]})


def mark_set_up(uow: UnitOfWork, method: Json) -> None:
    """The customer authenticated while saving it: off-session charges need nothing more."""
    uow.hide(method["id"], {**uow.hidden(method["id"]), "set_up": True})
