"""Each metric is defined completely in one place, and the page of definitions matches."""

import pytest

from core.db.deploy import FUNCTIONS
from core.figures import document
from core.figures.definition import Unit
from core.figures.definitions import METRICS

SQL = "\n".join(path.read_text() for path in sorted(FUNCTIONS.rglob("*.sql")))
CONTRACT = (
    "payment_success_rate attempt_success_rate authorization_rate drop_off_rate failures_by_category failures_by_code "
    "processing_time_own processing_time_stripe processing_time_payment gross refunded fees net recovery_rate "
    "dispute_activity dispute_rate chargeback_rate dispute_win_rate vamp_ratio "
    "active_subscribers trialing_subscribers mrr "
    "mrr_new mrr_expansion mrr_contraction mrr_churned mrr_reactivated subscriber_churn_rate "
    "subscriber_churn_rate_classic "
    "gross_mrr_churn_rate scheduled_to_cancel webhook_handling_time webhook_delay "
    "assignment_success_rate assignment_time"
).split()


def test_the_metrics_of_the_contract_are_there_in_its_order():
    assert [name for name in METRICS if name in CONTRACT] == CONTRACT


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_a_metric_says_what_it_is_and_which_function_counts_it(metric):
    assert all([metric.title, metric.meaning, metric.formula, metric.source, metric.page])
    counting = SQL[SQL.index(f"create function payops.{metric.sql}(") :]
    counted = "failures" if metric.unit is Unit.BREAKDOWN else metric.name
    assert f"'{counted}'" in counting[: counting.index("\n$$;")]


def test_titles_are_distinct():
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


def test_the_page_of_definitions_is_up_to_date():
    assert document.PATH.read_text() == document.document(), "run: python -m core.figures.document"


def test_amounts_have_no_interval():
    by_amount = {name for name, metric in METRICS.items() if metric.unit is Unit.RATE_BY_AMOUNT}
    assert by_amount == {"recovery_rate", "gross_mrr_churn_rate"}
