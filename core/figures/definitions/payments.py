"""The success, failures and processing times of payments."""

from core.figures.definition import Better, Definition, Unit

ATTEMPTS = "charges, and failed confirmations that made no charge"

PAYMENTS = (
    Definition(
        "payment_success_rate",
        "Success rate",
        Better.MORE,
        "Payments that succeeded, divided by payments with at least one attempt, by the day "
        "of the first attempt. A payment "
        "that was declined twice and then succeeded is one success. Payments still processing, and authorizations that "
        "we hold or released ourselves, are not counted.",
        "payments",
        unit=Unit.RATE,
        formula="payments succeeded ÷ payments succeeded or failed",
        source="payment intents and their charges",
        sql="payment_metrics",
        example="failed, failed, succeeded: 1 of 1",
        view={"counted": "decided"},
        exact=True,
    ),
    Definition(
        "attempt_success_rate",
        "Attempt success rate",
        Better.MORE,
        "Attempts that succeeded, divided by all attempts, by the day of the attempt. Bank "
        "debits that are still pending are "
        "not counted yet.",
        "payments",
        nothing="no attempts",
        counted="attempts",
        unit=Unit.RATE,
        formula="attempts succeeded ÷ attempts decided",
        source=ATTEMPTS,
        sql="payment_metrics",
        example="failed, failed, succeeded: 1 of 3",
    ),
    Definition(
        "authorization_rate",
        "Authorization rate",
        Better.MORE,
        "Attempts that succeeded, divided by attempts that reached the card network. "
        "Attempts that were blocked before, or "
        "failed authentication, are left out.",
        "payments",
        nothing="no attempts",
        counted="attempts",
        unit=Unit.RATE,
        formula="attempts succeeded ÷ attempts decided whose network status is not `not_sent_to_network`",
        source="charges",
        sql="payment_metrics",
        example="93,000 of 98,000: 94.9%",
    ),
    Definition(
        "drop_off_rate",
        "Abandoned checkouts",
        Better.LESS,
        "Payments that were set up and not attempted within 24 hours, divided by all "
        "payments set up. Those of the last 24 "
        "hours are left out.",
        "payments",
        nothing="no payments set up",
        counted="payments set up",
        view={"counted": "abandoned"},
        exact=True,
        unit=Unit.RATE,
        formula="payment intents without an attempt within 24 hours ÷ payment intents created",
        source="payment intents and their attempts",
        sql="payment_metrics",
    ),
    Definition(
        "failures_by_category",
        "Failures by cause",
        Better.LESS,
        "Failed payments by the cause of their last decline: what would help to collect them.",
        "payments",
        view={"counted": "failed"},
        unit=Unit.BREAKDOWN,
        formula="failed payments, grouped by the decline table's category of the last decline",
        source="payment intents, their last failed attempt and its outcome",
        sql="payment_metrics",
        example="insufficient_funds: retry_later",
    ),
    Definition(
        "failures_by_code",
        "Failures by decline code",
        Better.LESS,
        "Failed payments by the code of their last decline.",
        "payments",
        view={"counted": "failed"},
        unit=Unit.BREAKDOWN,
        formula="failed payments, grouped by the code of the last decline",
        source="payment intents and their last failed attempt",
        sql="payment_metrics",
    ),
    Definition(
        "processing_time_own",
        "Our processing time",
        Better.LESS,
        "How long we take to handle a call of the payment API, without Stripe's share. The target is under 2 seconds.",
        "payments",
        nothing="no calls",
        counted="calls",
        unit=Unit.TIME,
        formula="duration of a payment API call − time waiting for Stripe",
        source="calls of the payment API",
        sql="api_call_metrics",
    ),
    Definition(
        "processing_time_stripe",
        "Stripe's processing time",
        Better.LESS,
        "How long Stripe takes to answer a call that makes or changes a payment, refund, "
        "dispute or subscription. Reading "
        "in the background is not counted.",
        "payments",
        nothing="no calls",
        counted="calls",
        unit=Unit.TIME,
        formula="duration of a Stripe call of a payment operation",
        source="recorded calls to Stripe",
        sql="stripe_call_metrics",
    ),
    Definition(
        "processing_time_payment",
        "Time to pay",
        Better.LESS,
        "From the payment being set up to its success, for card payments that a customer "
        "makes: half are faster than the "
        "first figure, 95 in 100 faster than the second. It includes the time the customer takes. Renewals and retries "
        "without the customer are left out.",
        "payments",
        unit=Unit.TIME,
        formula="first successful card attempt − payment intent created",
        source="payment intents and charges",
        sql="payment_metrics",
    ),
)
