"""Every metric of `payops metrics`, defined once and in the order in which it is printed."""

from collections.abc import Mapping
from types import MappingProxyType

from core.figures.definition import Better, Definition
from core.figures.definitions.disputes import DISPUTES
from core.figures.definitions.money import MONEY
from core.figures.definitions.operations import OPERATIONS
from core.figures.definitions.payments import PAYMENTS
from core.figures.definitions.subscriptions import SUBSCRIPTIONS

SUCCESS_TARGET = 0.95

GROUPS = {
    "Payments": PAYMENTS,
    "Money": MONEY,
    "Disputes": DISPUTES,
    "Subscriptions": SUBSCRIPTIONS,
    "Operations": OPERATIONS,
}
METRICS: Mapping[str, Definition] = MappingProxyType(
    {metric.name: metric for group in GROUPS.values() for metric in group}
)

FAILED_PAYMENTS = Definition(
    "failed_payments",
    "Failed payments",
    Better.LESS,
    "Payments with an attempt that have not succeeded, by the day of the first attempt, and "
    "their amount. A payment that "
    "succeeds later is no longer counted here.",
    "payments",
    view={"counted": "failed"},
    exact=True,
)
OF_THE_OVERVIEW = (
    METRICS["payment_success_rate"],
    FAILED_PAYMENTS,
    METRICS["authorization_rate"],
    METRICS["processing_time_payment"],
    METRICS["processing_time_own"],
    METRICS["net"],
    METRICS["mrr"],
    METRICS["active_subscribers"],
    METRICS["subscriber_churn_rate"],
    METRICS["scheduled_to_cancel"],
    METRICS["recovery_rate"],
    METRICS["dispute_activity"],
    METRICS["drop_off_rate"],
    METRICS["webhook_delay"],
    METRICS["assignment_success_rate"],
)
OF_DISPUTES = tuple(
    METRICS[name] for name in ("dispute_activity", "dispute_rate", "chargeback_rate", "dispute_win_rate")
)
