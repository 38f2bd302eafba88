"""The rules that payops comes with: what each measures, when it fires and when it is resolved."""

from datetime import timedelta

from core.monitoring.alerts.rule import Rule

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_ALL = (
    Rule(
        name="success_rate_low",
        title="Success rate under target",
        definition=(
            "Fires when the payments of the window surely succeeded less often than the threshold: the upper "
            "end of their interval (4 standard errors) is below it. Resolved once the rate itself is back at the "
            "threshold."
        ),
        severity="error",
        page="payments",
        unit="share",
        threshold=0.95,
        value_unit="share",
        window_minutes=360,
        minimum=15,
        subject="currency",
        remind_after=HOUR,
    ),
    Rule(
        name="success_rate_dropped",
        title="Success rate under its baseline",
        definition=(
            "Fires when the payments of the window succeeded less often than in the same hours of the last "
            "four weeks, by at least the threshold and by more than chance explains (interval of the "
            "difference, 4 standard errors). Resolved once the difference is smaller than the threshold."
        ),
        severity="error",
        page="payments",
        unit="points",
        threshold=0.05,
        value_unit="share",
        window_minutes=360,
        minimum=15,
        subject="currency",
        remind_after=HOUR,
    ),
    Rule(
        name="decline_code_rising",
        title="One decline code is rising",
        definition=(
            "Fires when the share of payments that failed with one code is above that of the same hours of "
            "the last four weeks, by at least the threshold and by more than chance explains (4.5 standard "
            "errors). Resolved at half the threshold."
        ),
        severity="warning",
        page="payments",
        unit="points",
        threshold=0.05,
        value_unit="share",
        window_minutes=360,
        minimum=4,
        subject="decline code",
    ),
    Rule(
        name="issuer_country_rising",
        title="Cards of one country fail more",
        definition=(
            "Fires when the share of failed payments with cards issued in one country is above that of the "
            "same hours of the last four weeks, by at least the threshold and by more than chance explains "
            "(4.5 standard errors). Resolved at half the threshold."
        ),
        severity="warning",
        page="payments",
        unit="points",
        threshold=0.1,
        value_unit="share",
        window_minutes=360,
        minimum=5,
        subject="issuer country",
    ),
    Rule(
        name="webhook_backlog",
        title="Events wait to be applied",
        definition=(
            "Fires when at least as many events as the threshold have waited longer than the window to be "
            "applied. Resolved when none does."
        ),
        severity="error",
        page="events",
        unit="count",
        threshold=5,
        value_unit="count",
        window_minutes=5,
        remind_after=HOUR,
    ),
    Rule(
        name="webhook_silence",
        title="No events from Stripe",
        definition=(
            "Fires when no event has come for longer than the window, and for longer than the threshold's "
            "multiple of the longest silence around this hour in the last four weeks; where events are not "
            "known for so long, of the longest between the last 200. Resolved when an event comes."
        ),
        severity="error",
        page="events",
        unit="factor",
        threshold=3,
        value_unit="minutes",
        window_minutes=15,
        minimum=20,
        remind_after=HOUR,
    ),
    Rule(
        name="webhook_handling_slow",
        title="Webhook handling is slow",
        definition=(
            "Fires when the 95th percentile of webhook handling in the window is over the threshold. "
            "Resolved at 80% of it."
        ),
        severity="warning",
        page="events",
        unit="ms",
        threshold=500,
        value_unit="ms",
        window_minutes=15,
        minimum=20,
    ),
    Rule(
        name="assignment_slow",
        title="Assignment is slow",
        definition=(
            "Fires when the 95th percentile of choosing a provider in the window is over the threshold. "
            "Resolved at 80% of it."
        ),
        severity="warning",
        page="assignments",
        unit="ms",
        threshold=100,
        value_unit="ms",
        window_minutes=30,
        minimum=10,
    ),
    Rule(
        name="assignment_failing",
        title="Patients get no provider at once",
        definition=(
            "Fires when surely fewer patients of the window than the threshold got a provider at once: the "
            "upper end of the interval (4 standard errors) is below it. Resolved once the share itself is back at the "
            "threshold."
        ),
        severity="error",
        page="assignments",
        unit="share",
        threshold=0.8,
        value_unit="share",
        window_minutes=180,
        minimum=10,
        remind_after=HOUR,
    ),
    Rule(
        name="waiting_too_long",
        title="Patients wait too long",
        definition=(
            "Fires for each state with at least as many patients as the threshold who have waited longer "
            "than the window for a provider. Resolved when none does."
        ),
        severity="error",
        page="assignments?show=waiting",
        unit="count",
        threshold=1,
        value_unit="minutes",
        window_minutes=30,
        subject="state",
        remind_after=HOUR,
    ),
    Rule(
        name="evidence_due_soon",
        title="Dispute evidence is due",
        definition=(
            "Fires for each dispute that awaits an answer and is due within the threshold's hours. Resolved "
            "when it is answered or over."
        ),
        severity="warning",
        page="disputes",
        unit="hours",
        threshold=72,
        value_unit="hours",
        subject="dispute",
        remind_after=DAY,
    ),
    Rule(
        name="evidence_due_now",
        title="Dispute evidence is due in a day",
        definition=("The same with a day left, as an alert of its own."),
        severity="critical",
        page="disputes",
        unit="hours",
        threshold=24,
        value_unit="hours",
        subject="dispute",
        remind_after=timedelta(hours=8),
    ),
    Rule(
        name="network_headroom",
        title="Near a card network's limit",
        definition=(
            "Fires when this month's disputes and fraud warnings have used up the threshold's share of the "
            "way to the nearest limit of a card network; a limit is reached with both its ratio and its events. "
            "Resolved at 95% of the threshold, or in the next month."
        ),
        severity="error",
        page="disputes",
        unit="share",
        threshold=0.8,
        value_unit="share",
        minimum=5,
        subject="card network",
        remind_after=DAY,
    ),
    Rule(
        name="licence_expiring",
        title="A licence ends soon",
        definition=(
            "Fires for valid licences of active providers that end within the threshold's days, and until a week after "
            "they ended: one alert for those with the same last day. Resolved when all are renewed."
        ),
        severity="warning",
        page="providers",
        unit="days",
        threshold=30,
        value_unit="days",
        subject="last day",
        remind_after=7 * DAY,
    ),
    Rule(
        name="payout_late",
        title="A payout is late",
        definition=(
            "Fires for payouts that are the threshold's bank days past their expected arrival and not at the bank: "
            "no deposit of the bank statements is matched, or, where there are no statements of that day, Stripe has "
            "not paid them out. One alert for those of a currency and an expected day, resolved when all have arrived."
        ),
        severity="error",
        page="reconciliation",
        unit="days",
        threshold=1,
        value_unit="days",
        subject="expected day",
        remind_after=DAY,
    ),
    Rule(
        name="reconciliation_mismatch",
        title="Reconciliation mismatch",
        definition=(
            "Fires for mismatches of the reconciliation whose difference is at least the threshold, in minor units: "
            "one alert for those of a class, day and currency. Resolved when all are fixed or finance accepts them. A "
            "booking in another period alone does not count."
        ),
        severity="error",
        page="reconciliation",
        unit="count",
        threshold=1,
        value_unit="count",
        subject="class and day",
        remind_after=DAY,
    ),
    Rule(
        name="mirror_inaccurate",
        title="The mirror differs from Stripe",
        definition=(
            "Fires when the last comparison found fewer objects as at Stripe than the threshold. Resolved by "
            "the next comparison that finds none different."
        ),
        severity="error",
        page="events",
        unit="share",
        threshold=1.0,
        value_unit="share",
        remind_after=DAY,
    ),
    Rule(
        name="incident",
        title="Incident",
        definition=(
            "Fires for each open incident of the severity error or critical that is not silenced and was "
            "seen at least as often as the minimum. Resolved with the incident."
        ),
        severity="error",
        page="errors",
        unit="count",
        threshold=1,
        value_unit="count",
        subject="incident",
        remind_after=timedelta(hours=4),
    ),
)
RULES = {rule.name: rule for rule in _ALL}
