"""Pictures and pages in the house's one style: PNG by matplotlib, HTML that needs nothing else."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DOTS_PER_INCH = 110
# In characters; a longer cell is a sentence: left-aligned, broken into lines.
LONGEST_FIGURE = 40
# Okabe and Ito's palette: told apart by colour-blind readers and on grey prints.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")

_LOOK: dict[Any, Any] = {
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.prop_cycle": cycler(color=list(COLOURS)),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.size": 9,
    "grid.color": "#e4e4e4",
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6673;--paper:#fbfbfa;--card:#ffffff;
--line:#dfe3e8;--good:#0b7a4b;--bad:#b3361b;--accent:#0072b2}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3adb8;--paper:#14181d;
--card:#1c2229;--line:#333c46;--good:#4cc38a;--bad:#ff8f70;--accent:#6cb6ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1200px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:0 0 10px}h3{font-size:16px;margin:22px 0 6px}
p{margin:8px 0;max-width:78ch}.soft{color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:18px 20px;margin:18px 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px;margin:10px 0}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left}
th.prose,td.prose{text-align:left;white-space:normal}td{vertical-align:top}
img{max-width:100%;height:auto;background:#fff;border-radius:6px;display:block;margin:10px 0}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
pre{overflow-x:auto;background:var(--paper);border:1px solid var(--line);border-radius:6px;
padding:10px 12px;font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
nav{display:flex;flex-wrap:wrap;gap:2px 14px}nav a{color:var(--accent);text-decoration:none;white-space:nowrap}
details{margin:8px 0}summary{cursor:pointer;color:var(--accent)}
@media print{section{break-inside:avoid;border:none;padding:0}nav{display:none}}
"""


def picture_png(draw: Callable[[Figure], None], width_inches: float, height_inches: float) -> bytes:
    """Return the PNG of what `draw` puts on an empty figure of this size (inches)."""
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        buffer = io.BytesIO()
        # No date and no version inside: the same figure is the same bytes.
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def picture_html(png: bytes, alt: str) -> str:
    """Return an <img> that carries the picture itself; `alt` is what it shows, in words."""
    data = base64.b64encode(png).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'


def table_html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a <table>; every cell is text and is escaped; a column of sentences is set as such."""
    prose = {
        column for row in rows for column, cell in enumerate(row) if len(cell) > LONGEST_FIGURE
    }
    head = "".join(
        f'<th scope="col"{_class(column in prose)}>{escape(cell)}</th>'
        for column, cell in enumerate(header)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(column in prose)}>{escape(cell)}</td>" for column, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    # On a narrow screen the table scrolls by itself; by keyboard only what has the focus does.
    label = escape(", ".join(cell for cell in header if cell) or "table")
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
        f"<table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _class(is_prose: bool) -> str:
    return ' class="prose"' if is_prose else ""


def page_html(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """Return one self-contained page: `sections` are (heading, inner HTML) pairs.

    Title and headings are text and are escaped; the inner HTML is taken as it is, so whoever
    writes it escapes the data in it.
    """
    links = "".join(
        f'<a href="#part-{index}">{escape(heading)}</a>'
        for index, (heading, _) in enumerate(sections)
    )
    parts = "".join(
        f'<section id="part-{index}"><h2>{escape(heading)}</h2>{inner}</section>'
        for index, (heading, inner) in enumerate(sections)
    )
    navigation = f"<nav>{links}</nav>" if len(sections) > 1 else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{navigation}{parts}</main></body></html>\n"
    )
