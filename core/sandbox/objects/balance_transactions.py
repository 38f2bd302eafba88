"""`/v1/balance_transactions`: by payout, source, kind and time."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import World

URL = "/v1/balance_transactions"


def retrieve(world: World, txn_id: str, params: Params) -> Json:
    return world.get("balance_transaction", txn_id)


def list_all(world: World, params: Params) -> Json:
    payout = params.text("payout")
    if payout is None:
        return list_objects(world, "balance_transaction", URL, params, ("source", "currency", "type"))
    world.get("payout", payout, "payout")
    inside = Params({**params.raw, "source": ""})
    return list_objects(world, "balance_transaction", URL, inside, ("payout", "currency", "type"))
