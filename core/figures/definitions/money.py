"""What was collected, refunded and paid in fees, and how much of what failed was recovered."""

from core.figures.definition import Better, Definition, Unit

BALANCE = "balance transactions, by reporting category and the business day on which they were created"

MONEY = (
    Definition(
        "gross",
        "Gross",
        Better.MORE,
        (
            "The amount of charges, less the part of an authorization that was not captured and "
            "bank debits that were returned."
        ),
        "revenue",
        unit=Unit.MONEY,
        formula="Σ amount of charge, partial_capture_reversal and charge_failure",
        source=BALANCE,
        sql="balance_metrics",
        example="100.00 authorized, 60.00 captured: 60.00",
    ),
    Definition(
        "refunded",
        "Refunded",
        Better.LESS,
        "Refunds deducted from the Stripe balance, less failed refunds returned to it, by the day of the movement.",
        "refunds",
        nothing="no refunds",
        unit=Unit.MONEY,
        formula="−Σ amount of refund and refund_failure",
        source=BALANCE,
        sql="balance_metrics",
    ),
    Definition(
        "fees",
        "Fees",
        Better.LESS,
        "What Stripe and the card networks charged: the fee of each movement, and fees booked on their own. Tax "
        "is not a fee: it is a deduction of its own on the way from gross to net.",
        "revenue",
        unit=Unit.MONEY,
        formula="Σ fee − Σ amount of fee and network_cost",
        source=BALANCE,
        sql="balance_metrics",
    ),
    Definition(
        "net",
        "Net",
        Better.MORE,
        "What charges, refunds, disputes, fees and taxes moved on the Stripe balance, added "
        "up. Payouts and transfers are "
        "left out.",
        "revenue",
        unit=Unit.MONEY,
        formula="Σ net of charges, refunds, disputes, fees and taxes with their reversals and failures",
        source=BALANCE,
        sql="balance_metrics",
        example="a bank debit of 100.00 returned, with fees of 0.80 and 4.00: −4.80",
    ),
    Definition(
        "recovery_rate",
        "Recovery rate",
        Better.MORE,
        "Of the amount of subscription invoices whose payment failed in the period, by the "
        "day of the first failure, the part "
        "that was paid later by any means. Open invoices count as not paid yet.",
        "recovery",
        nothing="no failed invoices",
        unit=Unit.RATE_BY_AMOUNT,
        formula="amount of failed subscription invoices paid later ÷ amount failed",
        source="invoices, invoice payments and charges",
        sql="recovery_metrics",
    ),
)
