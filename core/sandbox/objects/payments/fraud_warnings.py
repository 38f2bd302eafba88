"""Early fraud warnings: the issuer suspects a payment before any dispute."""

from core.sandbox.engine.errors import Json
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork

FRAUD_TYPES = ("made_with_stolen_card", "unauthorized_use_of_card", "made_with_lost_card", "misc")


def build(warning_id: str, charge: Json, created: int, *, actionable: bool, fraud_type: str) -> Json:
    return {
        "id": warning_id,
        "object": "radar.early_fraud_warning",
        "actionable": actionable,
        "charge": charge["id"],
        "created": created,
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }


def warn(uow: UnitOfWork, charge: Json) -> Json:
    """Actionable while the payment is neither refunded nor disputed."""
    actionable = not charge["refunded"] and not charge["disputed"]
    warning = build(
        uow.ids.new("radar.early_fraud_warning"), charge, uow.now, actionable=actionable, fraud_type=FRAUD_TYPES[0]
    )
    return uow.add(warning, "radar.early_fraud_warning.created")


def settle(uow: UnitOfWork, charge: Json) -> None:
    """After a refund or dispute the warning is no longer actionable."""
    for warning in uow.all("radar.early_fraud_warning", "parent", charge["id"]):
        if warning["actionable"] and (charge["refunded"] or charge["disputed"]):
            warning["actionable"] = False
            uow.change(warning, "radar.early_fraud_warning.updated")


def retrieve(uow: UnitOfWork, warning_id: str, params: Params) -> Json:
    return uow.get("radar.early_fraud_warning", warning_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    url = "/v1/radar/early_fraud_warnings"
    return list_objects(uow, "radar.early_fraud_warning", url, params, ("charge", "payment_intent"))
