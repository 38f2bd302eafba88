"""A review with its signatures and comments: loading it, and writing it as plain text or as one HTML page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from zoneinfo import ZoneInfo

from core.db import Database
from core.figures.wording import counted
from core.finance.reconciliation import period_name
from core.monitoring import overview
from core.periods import Period, business_day
from core.reviews import daily, signing, weekly
from core.reviews.check import Bars, Cadence, Check, Review, State, period_of, require_over
from core.reviews.signing import Notes
from core.staff import audit_words

TITLES = {Cadence.DAILY: "Daily checks", Cadence.WEEKLY: "Weekly review"}
MARKS = {State.GOOD: "✓", State.LOOK: "!", State.UNKNOWN: "–"}
BAR_WIDTH, BAR_HEIGHT, LABEL_WIDTH = 560, 22, 210
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d1d1f; max-width: 860px; margin: 32px auto; padding: 0 16px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 0 0 4px; }
section { border: 1px solid #d8d8dc; border-radius: 8px; padding: 16px; margin: 16px 0; break-inside: avoid; }
.state { float: right; font-weight: 600; }
.look { color: #9a3412; } .good { color: #166534; } .unknown { color: #57534e; }
table { border-collapse: collapse; margin: 8px 0; } td { padding: 2px 16px 2px 0; vertical-align: top; }
td + td { font-variant-numeric: tabular-nums; }
.quiet { color: #57534e; } svg text { font: 13px system-ui, sans-serif; }
@media print { body { margin: 0; max-width: none; } section { border-color: #999; } }
"""


@dataclass(frozen=True)
class Report:
    """The review of a day or week with its signatures and comments."""

    review: Review
    notes: Notes
    zone: ZoneInfo
    made_at: datetime

    @property
    def title(self) -> str:
        return f"{TITLES[self.review.cadence]}, {period_name(self.review.period)}"

    @property
    def headline(self) -> str:
        """Which checks need a look, in one sentence."""
        look = [check.title.lower() for check in self.review.checks if check.state is State.LOOK]
        if not look:
            return "Nothing needs a look."
        return f"{counted(len(look), 'check needs', 'checks need')} a look: {', '.join(look)}."

    @property
    def signed(self) -> int:
        return sum(check.name in self.notes["signatures"] for check in self.review.checks)


def load(db: Database, cadence: Cadence, day: date, *, zone: ZoneInfo, now: datetime) -> Report:
    """The review of the day, or of the week it is in; raises `Refused` for one that is not over yet."""
    period = period_of(cadence, day, zone)
    require_over(period, business_day(now, zone))
    currency = next(iter(overview.currencies(db)), "usd")
    checks = daily.checks if cadence is Cadence.DAILY else weekly.checks
    review = Review(cadence, period, checks(db, period, currency=currency, now=now))
    return Report(review, signing.notes(db, cadence, review.day), zone, now)


def lines(report: Report) -> Iterator[str]:
    """The report as plain text, for the command line and for a message."""
    yield report.title
    yield report.headline
    for check in report.review.checks:
        yield ""
        yield f"{MARKS[check.state]} {check.title}: {check.finding}"
        yield from (f"    {name}: {value}" for name, value in check.facts)
        yield f"    {_signature(report, check)}"
        yield from (f"    {line}" for line in _comments(report, check))


def html(report: Report) -> str:
    """The report as one HTML page without external files, suitable for printing."""
    sections = "".join(_section(report, check) for check in report.review.checks)
    made = f"{report.made_at.astimezone(report.zone):%-d %b %Y, %H:%M %Z}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(report.title)}</h1>"
        f"<p>{escape(report.headline)}</p>{sections}"
        f'<p class="quiet">{report.signed} of {len(report.review.checks)} checks signed off. Made {made}.</p>'
        "</body></html>\n"
    )


def _section(report: Report, check: Check) -> str:
    css = {State.GOOD: "good", State.LOOK: "look", State.UNKNOWN: "unknown"}[check.state]
    facts = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in check.facts)
    said = "<br>".join(escape(line) for line in (_signature(report, check), *_comments(report, check)))
    return (
        f'<section><span class="state {css}">{escape(check.state)}</span><h2>{escape(check.title)}</h2>'
        f"<p>{escape(check.finding)}</p>{_picture(check.bars) if check.bars else ''}"
        f'<table>{facts}</table><p class="quiet">{said}</p></section>'
    )


def _signature(report: Report, check: Check) -> str:
    signature = report.notes["signatures"].get(check.name)
    if signature is None:
        return "Not signed off yet"
    return f"Signed off by {audit_words.actor_name(signature['signed_by'])}, {moment(report, signature['signed_at'])}"


def _comments(report: Report, check: Check) -> Iterator[str]:
    for each in report.notes["comments"]:
        if each["item"] == check.name:
            who = audit_words.actor_name(each["written_by"])
            yield f"{who}, {moment(report, each['written_at'])}: {each['comment']}"


def moment(report: Report, at: str) -> str:
    """A time from the database (ISO text) as text in the business's time zone."""
    return f"{datetime.fromisoformat(at).astimezone(report.zone):%-d %b %Y, %H:%M %Z}"


def _picture(bars: Bars) -> str:
    """The bars as an SVG, with labels and values; the compared values are faint bars behind them."""
    widest = max([0.0, *map(abs, bars.values), *map(abs, bars.compared)]) or 1.0
    room, rows = BAR_WIDTH - LABEL_WIDTH - 90, []
    for at, (label, value) in enumerate(zip(bars.labels, bars.values, strict=True)):
        top = at * BAR_HEIGHT
        before = bars.compared[at] if at < len(bars.compared) else None
        if before is not None:
            rows.append(_bar(top, room * abs(before) / widest, "#d6d3d1", BAR_HEIGHT - 4))
        rows.append(_bar(top + 4, room * abs(value) / widest, "#2563eb", BAR_HEIGHT - 12))
        compared = f" ({before:,g})" if before is not None else ""
        x = LABEL_WIDTH + room * max(abs(value), abs(before or 0)) / widest + 6
        rows.append(f'<text x="{LABEL_WIDTH - 8}" y="{top + 15}" text-anchor="end">{escape(_short(label))}</text>')
        rows.append(f'<text x="{x:.1f}" y="{top + 15}">{value:,g}{compared}</text>')
    height = BAR_HEIGHT * len(bars.values)
    caption = f"{bars.title}, in {bars.unit}" if bars.unit not in bars.title else bars.title
    caption += f" ({bars.compared_name.lower()} in grey)" if bars.compared_name else ""
    return (
        f'<figure style="margin:8px 0"><figcaption class="quiet">{escape(caption)}</figcaption>'
        f'<svg role="img" aria-label="{escape(caption)}" viewBox="0 0 {BAR_WIDTH} {height}" '
        f'width="{BAR_WIDTH}" height="{height}" style="max-width:100%">{"".join(rows)}</svg></figure>'
    )


def _bar(top: float, width: float, color: str, height: float) -> str:
    return f'<rect x="{LABEL_WIDTH}" y="{top:.1f}" width="{max(width, 1):.1f}" height="{height}" fill="{color}"/>'


def _short(label: str) -> str:
    return label if len(label) <= 30 else label[:29] + "…"


def of_period(cadence: Cadence, period: Period) -> str:
    """The word for a period in sentences about its review."""
    return period_name(period) if cadence is Cadence.DAILY else f"Week of {period_name(period)}"
