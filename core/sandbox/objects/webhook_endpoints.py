"""`/v1/webhook_endpoints`: the addresses that events are sent to, their event types and secrets."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter, no_such
from core.sandbox.engine.fields import take_texts, web_address
from core.sandbox.engine.lists import page_of
from core.sandbox.engine.params import Params
from core.sandbox.engine.snapshots import API_VERSION
from core.sandbox.engine.unit_of_work import UnitOfWork

FIRST_CREATED = 1_500_000_000  # for endpoints that were not created through the API


def create(uow: UnitOfWork, params: Params) -> Json:
    """Create an endpoint with its own secret, which only this answer shows."""
    url = web_address(params, "url")
    if url is None:
        raise missing_parameter("url")
    if any(endpoint["url"] == url for endpoint in _all(uow)):
        raise invalid("You already have a webhook endpoint with this URL.", "url")
    if params.text("api_version") not in (None, API_VERSION):
        raise invalid(f"The sandbox speaks API version {API_VERSION} alone.", "api_version")
    register(uow, url)
    endpoint = next(shown for shown in _all(uow) if shown["url"] == url)
    kept = {"created": uow.now, "secret": f"whsec_{uow.ids.letters(32)}"}
    kept |= {"description": None, "enabled_events": _events(params), "metadata": params.metadata()}
    take_texts(kept, params, ("description",))
    uow.hide(endpoint["id"], kept)
    return {**retrieve(uow, endpoint["id"], params), "secret": kept["secret"]}


def update(uow: UnitOfWork, endpoint_id: str, params: Params) -> Json:
    shown, kept = retrieve(uow, endpoint_id, params), uow.hidden(endpoint_id)
    take_texts(kept, params, ("description",))
    kept["metadata"] = params.metadata(shown["metadata"])
    if params.has("enabled_events"):
        kept["enabled_events"] = _events(params)
    uow.hide(endpoint_id, kept)
    url = web_address(params, "url") or shown["url"]
    paused = params.flag("disabled", default=shown["status"] == "disabled")
    uow.store.rows("change_endpoint", id=endpoint_id, url=url, paused=int(paused))
    return retrieve(uow, endpoint_id, params)


def _events(params: Params) -> list[str]:
    events = params.strings("enabled_events")
    if not events:
        raise missing_parameter("enabled_events")
    return events


def register(uow: UnitOfWork, url: str, *, duplicate: float = 0.0, reorder: bool = False, paused: bool = False) -> None:
    """An endpoint for all events, signed with the sandbox's own secret; a known one only changes how it is served."""
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
    return page_of("/v1/webhook_endpoints", _all(uow), params)


def _all(uow: UnitOfWork) -> list[Json]:
    return [
        _shown(endpoint_id, url, bool(paused), uow.hidden(endpoint_id))
        for endpoint_id, url, _, _, paused in uow.store.rows("list_endpoints").fetchall()
    ]


def _shown(endpoint_id: str, url: str, paused: bool, kept: Json) -> Json:
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": kept.get("created", FIRST_CREATED),
        "description": kept.get("description"),
        "enabled_events": kept.get("enabled_events", ["*"]),
        "livemode": False,
        "metadata": kept.get("metadata", {}),
        "status": "disabled" if paused else "enabled",
        "url": url,
    }
