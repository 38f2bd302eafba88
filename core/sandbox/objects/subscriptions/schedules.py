"""Subscription schedules: phases with their own prices, which start automatically."""

from core.sandbox.engine.errors import Json, invalid, missing_parameter
from core.sandbox.engine.intervals import after
from core.sandbox.engine.lists import in_range, list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects import customers
from core.sandbox.objects.subscriptions import changes, status, subscriptions
from core.sandbox.objects.subscriptions.shape import items_of, period_of

OPEN = ("not_started", "active")


def create(uow: UnitOfWork, params: Params) -> Json:
    """Create a schedule for a new subscription, or with `from_subscription` for an existing one."""
    schedule = _build(uow, params)
    existing = params.text("from_subscription")
    if existing:
        _adopt(uow, schedule, subscriptions.living(uow, existing))
        if params.has("phases") or params.has("customer"):
            raise invalid("You can only set from_subscription without phases or a customer.", "from_subscription")
    else:
        schedule["customer"] = customers.retrieve_live(uow, params.must_text("customer"), "customer")["id"]
        start = uow.now if params.text("start_date") in (None, "now") else params.moment("start_date") or uow.now
        schedule["phases"] = _phases(uow, params, start)
    uow.add(schedule, "subscription_schedule.created")
    if existing:
        uow.schedule(schedule["phases"][-1]["end_date"], "schedule_phase", schedule["id"])
    elif schedule["phases"][0]["start_date"] <= uow.now:
        enter_phase(uow, schedule["id"])
    else:
        uow.schedule(schedule["phases"][0]["start_date"], "schedule_phase", schedule["id"])
    return schedule


def _build(uow: UnitOfWork, params: Params) -> Json:
    return {
        "id": uow.ids.new("subscription_schedule"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": {"flexible": None, "type": "classic"},
        "canceled_at": None,
        "completed_at": None,
        "created": uow.now,
        "current_phase": None,
        "customer": None,
        "default_settings": {
            "billing_cycle_anchor": "automatic",
            "collection_method": "charge_automatically",
            "default_payment_method": None,
        },
        "end_behavior": params.text("end_behavior") or "release",
        "livemode": False,
        "metadata": params.metadata(),
        "pause_schedules": [],
        "phases": [],
        "released_at": None,
        "released_subscription": None,
        "status": "not_started",
        "subscription": None,
        "test_clock": None,
    }


def _adopt(uow: UnitOfWork, schedule: Json, subscription: Json) -> None:
    """Take over the subscription: its current period becomes the schedule's first phase."""
    if subscription["schedule"] is not None:
        raise invalid(f"{subscription['id']} is already managed by {subscription['schedule']}.", "from_subscription")
    start, end = period_of(subscription)
    items = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in items_of(subscription)]
    schedule |= {
        "current_phase": {"end_date": end, "start_date": start},
        "customer": subscription["customer"],
        "phases": [_phase(items, subscription["currency"], start, end)],
        "status": "active",
        "subscription": subscription["id"],
    }
    subscription["schedule"] = schedule["id"]
    uow.change(subscription, "customer.subscription.updated")


def _phase(items: list[Json], currency: str, start: int, end: int, prorates: str = "create_prorations") -> Json:
    return {
        "add_invoice_items": [],
        "billing_cycle_anchor": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "description": None,
        "discounts": [],
        "end_date": end,
        "items": [{**item, "discounts": [], "metadata": {}, "plan": item["price"]} for item in items],
        "metadata": {},
        "proration_behavior": prorates,
        "start_date": start,
        "trial_end": None,
    }


def _phases(uow: UnitOfWork, params: Params, start: int) -> list[Json]:
    asked = params.each("phases")
    if not asked:
        raise missing_parameter("phases")
    phases = []
    for each in asked:
        prices = [(subscriptions.price_of(uow, item), item) for item in each.each("items")]
        if not prices:
            raise missing_parameter(each.named("items"))
        items = [{"price": price["id"], "quantity": subscriptions.quantity_of(item)} for price, item in prices]
        end = _end_of(each, start, prices[0][0]["recurring"])
        prorates = each.text("proration_behavior") or "create_prorations"
        phases.append(_phase(items, prices[0][0]["currency"], start, end, prorates))
        start = end
    return phases


def _end_of(asked: Params, start: int, recurring: Json) -> int:
    """The end of a phase: at a date, after a duration, or after one period."""
    date, duration = asked.moment("end_date"), asked.under("duration")
    if date is not None and date <= start:
        raise invalid("The end of a phase must be after its start.", asked.named("end_date"))
    if date is not None:
        return date
    if asked.has("duration"):
        return after(start, duration.must_text("interval"), duration.whole("interval_count") or 1)
    return after(start, recurring["interval"], recurring["interval_count"])


def enter_phase(uow: UnitOfWork, schedule_id: str) -> None:
    """Start the phase that is due, or end the schedule after its last one."""
    schedule = uow.known(schedule_id)
    if schedule["status"] not in OPEN:
        return
    phase = next((each for each in schedule["phases"] if each["start_date"] <= uow.now < each["end_date"]), None)
    if phase is None:
        _end(uow, schedule)
        return
    items = [{"price": item["price"], "quantity": str(item["quantity"])} for item in phase["items"]]
    if schedule["subscription"] is None:
        made = subscriptions.create(uow, Params({"customer": schedule["customer"], "items": items}))
        made["schedule"] = schedule_id
        uow.change(made, "customer.subscription.updated")
        schedule["subscription"] = made["id"]
    else:
        gone = [{"deleted": "true", "id": item["id"]} for item in items_of(uow.known(schedule["subscription"]))]
        asked = {"items": [*items, *gone], "proration_behavior": phase["proration_behavior"]}
        changes.update(uow, schedule["subscription"], Params(asked))
    schedule |= {
        "current_phase": {"end_date": phase["end_date"], "start_date": phase["start_date"]},
        "status": "active",
    }
    uow.change(schedule, "subscription_schedule.updated")
    uow.schedule(phase["end_date"], "schedule_phase", schedule_id)


def _end(uow: UnitOfWork, schedule: Json) -> None:
    """End the schedule: canceled with its subscription, or completed while the subscription continues."""
    subscription = uow.find(schedule["subscription"])
    if schedule["end_behavior"] == "cancel" and subscription is not None and subscription["status"] != "canceled":
        status.end(uow, subscription, "cancellation_requested")
    schedule |= {"completed_at": uow.now, "current_phase": None, "status": "completed"}
    uow.change(schedule, "subscription_schedule.completed")
    if schedule["end_behavior"] != "cancel":
        _let_go(uow, schedule)


def _let_go(uow: UnitOfWork, schedule: Json) -> None:
    subscription = uow.find(schedule["subscription"])
    if subscription is not None and subscription["schedule"] == schedule["id"]:
        subscription["schedule"] = None
        uow.change(subscription, "customer.subscription.updated")


def update(uow: UnitOfWork, schedule_id: str, params: Params) -> Json:
    """Replace the phases that have not ended by new ones."""
    schedule = _open(uow, schedule_id)
    schedule["metadata"] = params.metadata(schedule["metadata"])
    schedule["end_behavior"] = params.text("end_behavior") or schedule["end_behavior"]
    if params.has("phases"):
        first = params.each("phases")[0]
        started = first.moment("start_date")
        schedule["phases"] = _phases(uow, params, started or schedule["phases"][0]["start_date"])
        uow.unschedule("schedule_phase", schedule_id)
        uow.schedule(_next_boundary(uow, schedule), "schedule_phase", schedule_id)
    return uow.change(schedule, "subscription_schedule.updated")


def _next_boundary(uow: UnitOfWork, schedule: Json) -> int:
    ends: list[int] = [phase[name] for phase in schedule["phases"] for name in ("start_date", "end_date")]
    return min(at for at in ends if at > uow.now)


def release(uow: UnitOfWork, schedule_id: str, params: Params) -> Json:
    """Release the schedule; the subscription continues as it is."""
    schedule = _open(uow, schedule_id)
    params.ignore("preserve_cancel_date")
    _let_go(uow, schedule)
    schedule |= {
        "current_phase": None,
        "released_at": uow.now,
        "released_subscription": schedule["subscription"],
        "status": "released",
        "subscription": None,
    }
    return uow.change(schedule, "subscription_schedule.released")


def cancel(uow: UnitOfWork, schedule_id: str, params: Params) -> Json:
    """Cancel the schedule, which ends its subscription."""
    schedule = _open(uow, schedule_id)
    subscription = uow.find(schedule["subscription"])
    if subscription is not None and subscription["status"] not in ("canceled", "incomplete_expired"):
        status.end(uow, subscription, "cancellation_requested")
    schedule |= {"canceled_at": uow.now, "current_phase": None, "status": "canceled"}
    return uow.change(schedule, "subscription_schedule.canceled")


def _open(uow: UnitOfWork, schedule_id: str) -> Json:
    schedule = uow.get("subscription_schedule", schedule_id)
    if schedule["status"] not in OPEN:
        raise invalid(f"You cannot change a schedule with a status of {schedule['status']}.", "id")
    return schedule


def retrieve(uow: UnitOfWork, schedule_id: str, params: Params) -> Json:
    return uow.get("subscription_schedule", schedule_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    ranges = [in_range(name, params) for name in ("canceled_at", "completed_at", "released_at") if params.has(name)]
    scheduled = params.flag("scheduled") if params.has("scheduled") else None

    def keep(schedule: Json) -> bool:
        if scheduled is not None and (schedule["status"] == "not_started") != scheduled:
            return False
        return all(within(schedule) for within in ranges)

    return list_objects(uow, "subscription_schedule", "/v1/subscription_schedules", params, ("customer",), keep)
