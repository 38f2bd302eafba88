"""`/v1/balance_transactions`: by payout, source, kind and time."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork

URL = "/v1/balance_transactions"


def retrieve(uow: UnitOfWork, txn_id: str, params: Params) -> Json:
    return uow.get("balance_transaction", txn_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    payout = params.text("payout")
    if payout is None:
        return list_objects(uow, "balance_transaction", URL, params, ("source", "currency", "type"))
    uow.get("payout", payout, "payout")
    inside = params.but(source="")
    return list_objects(uow, "balance_transaction", URL, inside, ("payout", "currency", "type"))
