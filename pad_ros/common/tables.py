"""Tables as aligned text or Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def format_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool = False, left: Collection[int] = (0,)
) -> str:
    """Lines up cells under a header: the columns `left` to the left, the others, of numbers, to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def cells(line: Sequence[str]) -> list[str]:
        columns = enumerate(zip(line, widths, strict=True))
        return [cell.ljust(width) if column in left else cell.rjust(width) for column, (cell, width) in columns]

    if not markdown:
        return "\n".join("  ".join(cells(line)).rstrip() for line in lines)
    rule = ["-" * w if column in left else "-" * (w - 1) + ":" for column, w in enumerate(widths)]
    body = [f"| {' | '.join(cells(line))} |" for line in lines]
    return "\n".join([body[0], f"| {' | '.join(rule)} |", *body[1:]])
