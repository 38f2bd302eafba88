"""Subscribers, their monthly recurring revenue, and churn."""

from core.figures.definition import Better, Definition, Unit

HISTORY = "the history of subscription items"
MOVEMENT = "the customer's monthly revenue at the period's start and end"


def _movement(name: str, title: str, better: Better, meaning: str, formula: str) -> Definition:
    return Definition(
        name,
        title,
        better,
        meaning,
        "subscriptions",
        nothing="no subscribers",
        counted="subscribers",
        unit=Unit.MONEY,
        formula=formula,
        source=HISTORY,
        sql="mrr_metrics",
    )


SUBSCRIPTIONS = (
    Definition(
        "active_subscribers",
        "Active subscribers",
        Better.MORE,
        "Customers with monthly revenue above 0 at the end of the "
        "period. Those past due are included; "
        "trials and free plans are not.",
        "subscriptions",
        view={"list": "customers: end"},
        exact=True,
        formula="customers with a subscription active or past due and a monthly price above 0",
        source=HISTORY,
        sql="churn_metrics",
    ),
    Definition(
        "trialing_subscribers",
        "Customers on trial",
        Better.MORE,
        "Customers whose subscription is in its trial at the end of the period.",
        "subscriptions",
        view={"list": "on trial"},
        formula="customers with a subscription in trial",
        source=HISTORY,
        sql="trial_metrics",
    ),
    _movement(
        "mrr",
        "Monthly recurring revenue",
        Better.MORE,
        "Monthly revenue of the subscriptions running at the end of the period: yearly prices divided by 12, weekly "
        "ones times 52 and divided by 12, daily ones times 365 and divided by 12, after "
        "discounts that recur (coupons that "
        "last forever, or for some months while they run). Trials, tax and metered use are left out, and so is a "
        "subscription that is unpaid or paused, from the day it becomes so. Where only its "
        "collection is paused, it stays "
        "if the invoices are kept as drafts, and is left out while they are voided or marked uncollectible.",
        "Σ monthly price of each item after recurring discounts",
    ),
    _movement(
        "mrr_new",
        "New MRR",
        Better.MORE,
        "Monthly recurring revenue of customers who had never paid before.",
        f"{MOVEMENT}: from 0, first time",
    ),
    _movement(
        "mrr_expansion",
        "Expansion MRR",
        Better.MORE,
        "Increase in the monthly revenue of customers who were already subscribers at the start of the period.",
        f"{MOVEMENT}: increase of those above 0 at both",
    ),
    _movement(
        "mrr_contraction",
        "Contraction MRR",
        Better.LESS,
        "Decrease in the monthly revenue of customers who were subscribers at the start and stayed.",
        f"{MOVEMENT}: decrease of those above 0 at both",
    ),
    _movement(
        "mrr_churned",
        "Churned MRR",
        Better.LESS,
        "Monthly revenue of the customers lost in the period.",
        f"{MOVEMENT}: down to 0",
    ),
    _movement(
        "mrr_reactivated",
        "Reactivated MRR",
        Better.MORE,
        "Monthly revenue of customers who had left earlier and came back in the period.",
        f"{MOVEMENT}: from 0, not the first time",
    ),
    Definition(
        "subscriber_churn_rate",
        "Subscriber churn (30 days)",
        Better.LESS,
        "Customers with monthly revenue who lost all of it in the 30 days up to the end of the period "
        "(canceled, unpaid, paused or down to 0), each once, divided by those active 30 days "
        "before and those who joined "
        "since. This is Stripe's formula.",
        "subscriptions",
        view={"list": "customers: churned"},
        nothing="no subscribers",
        counted="subscribers",
        unit=Unit.RATE,
        formula="customers lost in 30 days ÷ (active 30 days ago + new in the 30 days)",
        source=HISTORY,
        sql="churn_metrics",
        example="100 ÷ (1,000 + 100): 9.1%",
    ),
    Definition(
        "subscriber_churn_rate_classic",
        "Subscriber churn (classic)",
        Better.LESS,
        "Customers with monthly revenue who lost all of it in the 30 days up to the end of the period "
        "(canceled, unpaid, paused or down to 0), each once, divided by those active 30 days before.",
        "subscriptions",
        view={"list": "customers: churned"},
        nothing="no subscribers",
        counted="subscribers",
        unit=Unit.RATE,
        formula="customers lost in 30 days ÷ active 30 days ago",
        source=HISTORY,
        sql="churn_metrics",
        example="100 ÷ 1,000: 10.0%",
    ),
    Definition(
        "gross_mrr_churn_rate",
        "Gross MRR churn",
        Better.LESS,
        "Churned and contraction MRR of the period, divided by the monthly recurring revenue at its start.",
        "subscriptions",
        view={"list": "customers: churned"},
        nothing="no subscribers",
        unit=Unit.RATE_BY_AMOUNT,
        formula="(churned + contraction MRR) ÷ MRR at the start",
        source=HISTORY,
        sql="mrr_metrics",
    ),
    Definition(
        "scheduled_to_cancel",
        "Scheduled to cancel",
        Better.LESS,
        "Subscriptions that are set to end and still run, and their monthly revenue; a "
        "trial has none. They are not churn "
        "yet. This is as of now, whatever the period.",
        "subscriptions",
        view={"list": "scheduled to cancel"},
        exact=True,
        as_of_now=True,
        formula="subscriptions with cancel_at_period_end or cancel_at, and their monthly price",
        source=HISTORY,
        sql="scheduled_to_cancel",
        amount_is="a month",
    ),
)
