"""How often payments are disputed, and how disputes end."""

from core.figures.definition import Better, Definition, Unit

DISPUTES = (
    Definition(
        "dispute_activity",
        "Dispute activity",
        Better.LESS,
        "Disputes opened in the period, divided by payments captured in it, by count. Card networks look at this one.",
        "disputes",
        unit=Unit.RATE,
        formula="disputes opened ÷ payments captured",
        view={"show": "opened"},
        exact=True,
        source="disputes and charges",
        sql="dispute_metrics",
    ),
    Definition(
        "dispute_rate",
        "Dispute rate",
        Better.LESS,
        "The period's payments that were disputed at least once up to now, divided by the "
        "payments captured in it. Customers "
        "may dispute for 120 days and longer, so for recent payments this is not final and only grows.",
        "disputes",
        unit=Unit.RATE,
        formula="payments captured in the period with a dispute ÷ payments captured",
        source="charges and their disputes",
        sql="dispute_metrics",
        example="two disputes on the only payment: 1 of 1",
    ),
    Definition(
        "chargeback_rate",
        "Chargeback rate",
        Better.LESS,
        "Disputes opened in the period that took money, divided by payments captured in it. "
        "Inquiries that were not escalated "
        "and disputes that were prevented are left out.",
        "disputes",
        unit=Unit.RATE,
        formula="disputes opened without inquiries (`warning_…`) and `prevented` ÷ payments captured",
        source="disputes and charges",
        sql="dispute_metrics",
    ),
    Definition(
        "dispute_win_rate",
        "Dispute win rate",
        Better.MORE,
        "Of the disputes that were closed in the period, won or lost, the part that was won. A dispute under appeal is "
        "undecided.",
        "disputes",
        nothing="none decided",
        counted="decided",
        unit=Unit.RATE,
        formula="disputes won ÷ disputes won or lost, by the day they were closed",
        view={"show": "won or lost"},
        exact=True,
        source="disputes",
        sql="dispute_metrics",
    ),
    Definition(
        "vamp_ratio",
        "Visa VAMP ratio",
        Better.LESS,
        "Early fraud warnings and disputes on Visa in the month in which the period ends, up "
        "to its last day, divided by "
        "Visa payments captured in that time, by count over all currencies. Inquiries that "
        "were not escalated and disputes "
        "that were prevented are left out.",
        "disputes",
        unit=Unit.RATE,
        formula="(fraud warnings + disputes) on Visa ÷ Visa payments captured, calendar month, all currencies",
        source="early fraud warnings, disputes and charges",
        sql="vamp_metrics",
        example="a charge with a warning and a dispute counts twice",
    ),
)
