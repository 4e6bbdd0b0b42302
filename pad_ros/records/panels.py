"""The pieces of a report's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def section(title: str, body: str) -> str:
    """A titled panel; nothing of nothing."""
    return f'<h2>{escape(title)}</h2><section class="panel">{body}</section>' if body else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of texts; the columns `numbers` to the right."""

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = (' class="num"' if column in numbers else "" for column in range(len(cells)))
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True))

    lines = "".join(f"<tr>{line(cells, 'td')}</tr>" for cells in rows)
    return f"<table><tr>{line(header, 'th')}</tr>{lines}</table>"
