"""The page of a run: a plot of all ratios, ours against each peer, and the table. One file, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path

from lockbench_harness.cli.bench import amount
from lockbench_protocol import LocalError

from lockbench_benchmarks.row import Row

_AHEAD, _BEHIND, _MISSED = "#3a7d44", "#8a8d91", "#b3402f"
_ROW_PIXELS = 22
_HEADS = ("work", "ours", "against", "theirs", "ratio", "goal")
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; }
tr.missed td { color: #b3402f; }
"""


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
    body = "".join(
        f'<tr class="{"" if row.met else "missed"}">{_cells("td", _texts(row))}</tr>\n' for row in rows
    )
    absent = f"<p>Not installed, so not here: {escape(', '.join(missing))}.</p>" if missing else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>lockbench bench</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>How fast the bench is</h1>\n"
        f"<p>{escape('; '.join(machine.values()))}</p>\n"
        "<p>A bar says how many times as much ours does in the same time; left of 1 it loses. A black stroke "
        f"is a goal.</p>\n{_plot(rows)}\n{absent}\n"
        f"<table><thead><tr>{_cells('th', _HEADS)}</tr></thead><tbody>\n{body}</tbody></table>\n"
        "</body></html>\n"
    )


def _texts(row: Row) -> tuple[str, ...]:
    goal = "" if row.goal is None else f"{row.goal:g}" if row.met else f"{row.goal:g}, missed"
    ours, theirs = amount(row.ours, row.unit), amount(row.theirs, row.unit)
    return row.name, ours, row.against, theirs, f"{row.ratio:.2f}", goal


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


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
        marker={"symbol": "line-ns", "size": 14, "line": {"width": 3, "color": "black"}},
        hovertemplate="goal %{x:g}<extra></extra>",
    )
    figure = go.Figure([bars, strokes])
    figure.update_layout(
        height=120 + _ROW_PIXELS * len(rows),
        margin={"l": 10, "r": 20, "t": 10, "b": 40},
        showlegend=False,
        template="plotly_white",
        xaxis={"type": "log", "title": "ratio"},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    html: str = figure.to_html(full_html=False, include_plotlyjs=True, config={"displayModeBar": False})
    return html
