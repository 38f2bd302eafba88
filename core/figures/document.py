"""Writes `docs/metrics.md` from the definitions: `python -m core.figures.document`."""

from collections.abc import Iterator
from pathlib import Path

from core.figures.definition import Definition
from core.figures.definitions import GROUPS

PATH = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
INTRODUCTION = """# Metrics

Generated from `core/figures/definitions` by `python -m core.figures.document`; change a definition there, not here.

Every figure on a page, in `payops metrics`, in a report and in an alert is defined once, counted once in SQL and shown with
its definition one click away. Figures are for business days (`BUSINESS_TIMEZONE`) and for one currency: sums never cross
currencies. A rate of fewer than 30 observations is shown with its Wilson 95% interval. Where the denominator is zero there
is no figure ("no payments"), never 0% or 100%.

A **payment** is a payment intent with at least one attempt. An **attempt** is a charge that is decided, or a failed
confirmation without a charge (a failed 3-D Secure check). A pending bank debit is no attempt yet. An authorization that we
cancel ourselves and never capture is in neither side of the success rate.
"""


def document() -> str:
    """The whole page as Markdown."""
    return "\n".join([INTRODUCTION, *_groups()])


def _groups() -> Iterator[str]:
    for title, metrics in GROUPS.items():
        yield f"## {title}\n"
        for metric in metrics:
            yield from _metric(metric)


def _metric(metric: Definition) -> Iterator[str]:
    yield f"### {metric.title} (`{metric.name}`)\n"
    yield f"{metric.meaning}\n"
    yield f"- Formula: {metric.formula}"
    yield f"- Unit: {metric.unit}; better: {metric.better}"
    yield f"- Source: {metric.source}, counted by `payops.{metric.sql}`"
    if metric.example:
        yield f"- Example: {metric.example}"
    yield ""


if __name__ == "__main__":
    PATH.write_text(document())
