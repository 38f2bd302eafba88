"""Our ledger beside Stripe's balance as a plain HTML table, which loads faster than Streamlit's data grid."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from core.exports.table import Column, Row
from core.money import Money
from core.ui.kit import rows

_STYLE = """<style>
.payops-ledger { overflow-x: auto; border-radius: .5rem;
  border: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.payops-ledger table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
.payops-ledger th, .payops-ledger td { padding: .5rem .65rem; text-align: right; white-space: nowrap; border: 0; }
.payops-ledger th { font-weight: 400; }
.payops-ledger thead th { opacity: .75; }
.payops-ledger thead th[title] { text-decoration: underline dotted; text-underline-offset: .25em; }
.payops-ledger tr > :first-child { text-align: left; }
.payops-ledger tbody tr { border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
</style>"""


def show(lines: Sequence[Row], columns: Sequence[Column], *, name: str) -> None:
    """Show the lines with their export; the first column has their names."""
    heads = "".join(_heading(each) for each in columns)
    body = "".join(f"<tr>{_cells(line, columns)}</tr>" for line in lines)
    st.html(
        f'{_STYLE}<div class="payops-ledger" tabindex="0"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
    rows.files(lambda _: lines, columns, name=name)


def _heading(column: Column) -> str:
    explained = f' title="{escape(column.help)}"' if column.help else ""
    return f'<th scope="col"{explained}>{escape(column.title)}</th>'


def _cells(line: Row, columns: Sequence[Column]) -> str:
    first, *others = columns
    named = f'<th scope="row">{escape(_written(first, line))}</th>'
    return named + "".join(f"<td>{escape(_written(each, line))}</td>" for each in others)


def _written(column: Column, line: Row) -> str:
    value = column.value(line)
    if value is None:
        return ""
    if column.kind == "money":
        return str(Money(value, str(line[column.currency_field])))
    return f"{value:,}" if column.kind == "count" else str(value)
