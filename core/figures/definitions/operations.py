"""How fast events are handled and patients are assigned."""

from core.figures.definition import Better, Definition, Unit

OPERATIONS = (
    Definition(
        "webhook_handling_time",
        "Webhook handling time",
        Better.LESS,
        "From receiving a webhook to its event being applied, at the first attempt. The target is under 500 ms.",
        "events",
        nothing="no events",
        counted="events",
        unit=Unit.TIME,
        formula="handled − received",
        source="events that came by webhook",
        sql="webhook_metrics",
    ),
    Definition(
        "webhook_delay",
        "Webhook delay",
        Better.LESS,
        "From the moment something happened at Stripe, which Stripe reports in whole "
        "seconds, to the moment we received its "
        "event: half come faster than the first figure, 95 in 100 faster than the second.",
        "events",
        nothing="no events",
        counted="events",
        unit=Unit.TIME,
        formula="received − created",
        source="events that came by webhook",
        sql="webhook_metrics",
    ),
    Definition(
        "assignment_success_rate",
        "Assignment success",
        Better.MORE,
        "Consultations that were assigned a provider at once, divided by all consultations received.",
        "assignments",
        nothing="no consultations",
        counted="consultations",
        unit=Unit.RATE,
        formula="consultations assigned by the first decision ÷ consultations received",
        source="assignment decisions",
        sql="assignment_metrics",
    ),
    Definition(
        "assignment_time",
        "Assignment time",
        Better.LESS,
        "How long the database took to choose a provider. The target is under 100 ms.",
        "assignments",
        nothing="no consultations",
        counted="choices",
        unit=Unit.TIME,
        formula="duration of an assignment decision",
        source="assignment decisions",
        sql="assignment_metrics",
    ),
)
