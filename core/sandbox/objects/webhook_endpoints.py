"""`/v1/webhook_endpoints`: the endpoints as Stripe's API shows them."""

from typing import Any

from core.sandbox.engine.errors import Json, no_such
from core.sandbox.engine.params import Params
from core.sandbox.engine.snapshots import API_VERSION
from core.sandbox.engine.unit_of_work import UnitOfWork


def create(uow: UnitOfWork, params: Params) -> Json:
    url = params.must_text("url")
    register(uow, url)
    return next(shown for shown in _all(uow) if shown["url"] == url)


def register(uow: UnitOfWork, url: str, *, duplicate: float = 0.0, reorder: bool = False, paused: bool = False) -> None:
    """An endpoint that is known already only changes how it is served."""
    endpoint_id = uow.ids.new("webhook_endpoint")
    uow.store.rows(
        "put_endpoint", id=endpoint_id, url=url, duplicate=duplicate, reorder=int(reorder), paused=int(paused)
    )


def retrieve(uow: UnitOfWork, endpoint_id: str, params: Params) -> Json:
    for endpoint in _all(uow):
        if endpoint["id"] == endpoint_id:
            return endpoint
    raise no_such("webhook endpoint", endpoint_id)


def delete(uow: UnitOfWork, endpoint_id: str, params: Params) -> Json:
    retrieve(uow, endpoint_id, params)
    uow.store.rows("drop_deliveries_of", id=endpoint_id)
    uow.store.rows("drop_endpoint", id=endpoint_id)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return {"object": "list", "data": _all(uow), "has_more": False, "url": "/v1/webhook_endpoints"}


def _all(uow: UnitOfWork) -> list[Json]:
    return [_shown(*row) for row in uow.store.rows("list_endpoints").fetchall()]


def _shown(endpoint_id: str, url: str, *serving: Any) -> Json:
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": 1_500_000_000,
        "description": None,
        "enabled_events": ["*"],
        "livemode": False,
        "metadata": {},
        "status": "disabled" if serving[-1] else "enabled",
        "url": url,
    }
