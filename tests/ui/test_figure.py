"""Our quick figure draws exactly what Plotly's own draws, whatever a chart tells it."""

from datetime import date

import plotly.graph_objects as go
import plotly.io
import pytest
from plotly.subplots import make_subplots

from core.ui.figure import Figure
from core.ui.kit import charts

DAYS = [date(2026, 11, 1), date(2026, 11, 2)]
LAYOUT = {"height": 200, "margin": {"l": 8, "t": 26}, "yaxis": {"title": {"text": "USD", "standoff": 6}}}


def tell(figure: go.Figure | Figure) -> None:
    figure.add_bar(x=DAYS, y=[1.5, None], name="now", marker={"color": "#2f9180", "opacity": [1.0, 0.45]}, width=3)
    figure.add_scatter(
        x=DAYS, y=[2, 3], mode="lines", line={"color": "rgba(1,2,3,.4)", "width": 1.5}, customdata=[1, 2]
    )
    figure.add_bar(y=["a"], x=[3], orientation="h", marker_color="#cf6a3b")
    figure.add_heatmap(x=["0"], y=["Nov 26"], z=[[0.5, None]], zmin=0, colorscale=[[0, "#f0b08c"], [1, "#7cc4b4"]])
    figure.add_waterfall(x=["a", "b"], y=[1, 2], measure=["absolute", "total"], decreasing={"marker": {"color": "red"}})
    figure.add_hline(95, line={"color": "#8b909c", "dash": "dash", "width": 1.5})
    figure.add_vline("2026-11-01", line={"dash": "dot"})
    figure.add_vrect(x0="2026-11-01", x1="2026-11-02", fillcolor="#cf6a3b", opacity=0.28, line_width=0)
    figure.add_annotation(x=1.01, xref="paper", y=95, text="target", showarrow=False, font={"size": 11})
    figure.update_layout(margin_r=52, legend_traceorder="reversed", margin={"b": 4}, plot_bgcolor="white")
    figure.update_yaxes(rangemode="tozero", title_text="EUR", nticks=4).update_xaxes(tickformat="%H:%M", dtick=1)
    figure.update_yaxes(nticks=None, range=[0, 4])
    figure.update_xaxes(dtick=None)


def test_one_frame_draws_what_plotly_draws() -> None:
    theirs, ours = go.Figure(layout=LAYOUT), Figure(LAYOUT)
    tell(theirs)
    tell(ours)
    assert plotly.io.to_json(ours.to_dict(), validate=False) and ours.layout.margin.r == 52
    assert ours.to_dict() == theirs.to_dict() | {"data": [dict(each) for each in theirs.to_dict()["data"]]}


def test_rows_draw_what_plotly_draws() -> None:
    theirs = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12, row_heights=[0.6, 0.4])
    ours = Figure(rows=(0.6, 0.4))
    for figure in (theirs, ours):
        for row in (1, 2):
            figure.add_bar(x=DAYS, y=[1, 2], row=row, col=1)
            figure.update_yaxes(title_text=f"row {row}", row=row, col=1)
        figure.add_vline("2026-11-01", line={"dash": "dot", "width": 1})
        figure.update_xaxes(visible=False)
    assert ours.to_dict() == theirs.to_dict()


def test_a_property_that_plotly_does_not_know_is_found_by_reading_the_figure() -> None:
    figure = Figure()
    figure.add_bar(x=[1], colour="red")
    with pytest.raises(ValueError, match="colour"):
        assert figure.data


def test_a_chart_that_is_told_nothing_says_so() -> None:
    figure = charts.framed("payments")
    charts.no_data(figure, "No payment failed.")
    assert figure.layout.annotations[0].text == "No payment failed." and figure.layout.xaxis.visible is False


def test_what_one_figure_is_told_stays_in_it() -> None:
    first, second = charts.in_rows(0.6, 0.4), charts.in_rows(0.6, 0.4)
    first.update_yaxes(title_text="only here", row=2, col=1)
    first.update_layout(margin_t=99)
    assert second.layout.yaxis2.title.text is None
    assert second.layout.margin.t == charts.LAYOUT["margin"]["t"] == 26
