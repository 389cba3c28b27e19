"""The page of a run: a plot of all ratios, ours against each peer, and the table. One file, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path

from lockbench_harness.cli.bench import amount
from lockbench_harness.pages import template
from lockbench_protocol import LocalError

from lockbench_benchmarks.row import Row

_AHEAD, _BEHIND, _MISSED = "#3a7d44", "#8a8d91", "#b3402f"
_INK, _GRID = "#7f8894", "rgba(127,136,148,.25)"  # on light and on dark paper
_ROW_PIXELS = 22


def check(out: Path) -> None:
    """LocalError when plotly is not installed or the file cannot be written."""
    if find_spec("plotly") is None:
        raise LocalError("the page needs plotly: pip install plotly")
    try:
        out.open("a").close()
    except OSError as error:
        raise LocalError(f"{out} cannot be written: {error.strerror}") from None


def write(out: Path, machine: Mapping[str, str], rows: Sequence[Row], missing: Sequence[str]) -> None:
    out.write_text(page(machine, rows, missing), "utf-8")


def page(machine: Mapping[str, str], rows: Sequence[Row], missing: Sequence[str]) -> str:
    return template("lockbench_benchmarks", "page.html.j2").render(
        machine=machine, rows=rows, missing=missing, amount=amount, plot=_plot(rows)
    )


def _plot(rows: Sequence[Row]) -> str:
    import plotly.graph_objects as go

    names = [escape(f"{row.name} / {row.against}") for row in rows]
    colours = [_MISSED if not row.met else _AHEAD if row.ratio >= 1 else _BEHIND for row in rows]
    bars = go.Bar(
        y=names,
        x=[row.ratio for row in rows],
        orientation="h",
        marker_color=colours,
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
    )
    goals = [(name, row.goal) for name, row in zip(names, rows, strict=True) if row.goal is not None]
    strokes = go.Scatter(
        y=[name for name, _ in goals],
        x=[goal for _, goal in goals],
        mode="markers",
        marker={"symbol": "line-ns", "size": 14, "line": {"width": 3, "color": _INK}},
        hovertemplate="goal %{x:g}<extra></extra>",
    )
    figure = go.Figure([bars, strokes])
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font_color=_INK,
        height=120 + _ROW_PIXELS * len(rows),
        margin={"l": 10, "r": 20, "t": 10, "b": 40},
        showlegend=False,
        xaxis={"type": "log", "title": "ratio", "gridcolor": _GRID, "zerolinecolor": _GRID},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    html: str = figure.to_html(full_html=False, include_plotlyjs=True, config={"displayModeBar": False})
    return html
