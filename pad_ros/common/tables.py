"""Tables as aligned text or Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool = False) -> str:
    """Lines up cells under a header, the first column to the left and numbers to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def cells(line: Sequence[str]) -> list[str]:
        return [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]

    if not markdown:
        return "\n".join("  ".join(cells(line)).rstrip() for line in lines)
    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    body = [f"| {' | '.join(cells(line))} |" for line in lines]
    return "\n".join([body[0], f"| {' | '.join(rule)} |", *body[1:]])
