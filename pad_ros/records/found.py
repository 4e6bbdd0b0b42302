"""What was found in a shift, for its report: kinds of regions, and where on the twin they are."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from html import escape

from pad_ros.evaluation.results_writer import encode_jpeg
from pad_ros.records.panels import table
from pad_ros.records.places import Place, Surface, find_places, pixel_of, visible
from pad_ros.records.shift import Shift
from pad_ros.records.twins import Twins

_PLACES = 8


def found_section(shift: Shift, twins: Twins) -> str:
    """The kinds of regions, and the places of each product where they are."""
    kinds = shift.kinds()
    most = max(count for count, _ in kinds.values()) or 1
    bars = "".join(
        f'<b>{kind}</b><i class="{kind if count else ""}" style="width:{100 * count / most:.1f}%"></i>'
        f'<span class="num">{count} regions, {parts} parts</span>'
        for kind, (count, parts) in kinds.items()
    )
    pieces = [f'<section class="panel"><div class="bars">{bars}</div>{_note_of_kinds()}</section>']
    for checksum, name in dict.fromkeys((view.product_checksum, view.product) for view in shift.views):
        surface = twins.surface(checksum)
        views = [view for view in shift.views if view.product_checksum == checksum]
        if surface is None:
            if any(view.regions for view in views if view.anomalous):
                pieces.append(
                    f'<section class="panel">The twin of {escape(name)} is not at hand: no places. '
                    "Name its folder with --product.</section>"
                )
            continue
        places, nowhere = find_places(views, surface)
        if places:
            shown = _places(name, checksum, surface, places, nowhere, twins)
            pieces.append(f'<section class="panel">{shown}</section>')
    return f"<h2>What was found</h2>{''.join(pieces)}"


def _note_of_kinds() -> str:
    return (
        '<p class="note">Missing: only the twin has it. Added: only the image has it. Modified: both have it, and it '
        "looks different.</p>"
    )


def _places(name: str, checksum: str, surface: Surface, places: Sequence[Place], nowhere: int, twins: Twins) -> str:
    figures = ""
    for pose, picture in twins.turn(checksum):
        data = base64.b64encode(encode_jpeg(picture, 480)).decode("ascii")
        spots = "".join(
            _spot(number, place, len(place.parts) / len(places[0].parts), pixel_of(place, surface, pose))
            for number, place in enumerate(places[:_PLACES], start=1)
            if visible(place, pose)
        )
        figures += (
            f'<figure><img src="data:image/jpeg;base64,{data}" alt="twin of {escape(name, quote=True)}">'
            f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{spots}</svg></figure>'
        )
    decimals = max(0, 2 - math.floor(math.log10(surface.size)))  # about a thousandth of the part
    rows = [
        (
            str(number),
            str(len(place.parts)),
            ", ".join(f"{kind} ×{count}" for kind, count in place.kinds.most_common()),
            f"{place.worst:.1f}×",
            ", ".join(f"{value:.{decimals}f}" for value in place.point),
        )
        for number, place in enumerate(places[:_PLACES], start=1)
    ]
    where = f"x, y, z on the twin ({surface.product.unit})"
    listed = table(("place", "parts", "found", "worst peak", where), rows, numbers=(1, 3))
    hidden = len(places) - _PLACES
    more = f"{hidden} more {'places are' if hidden > 1 else 'place is'} not shown. " if hidden > 0 else ""
    off = f"{nowhere} {'regions lie' if nowhere > 1 else 'region lies'} beside the part. " if nowhere else ""
    return (
        f"<b>Where on {escape(name)}</b><div class='halves'><div class='turn'>{figures}</div><div>{listed}"
        '<p class="note">A part counts once per place, however many views show it; peaks in thresholds. '
        f"{more}{off}</p></div></div>"
    )


def _spot(number: int, place: Place, share: float, at: tuple[float, float]) -> str:
    x, y = (100 * value for value in at)
    kind = place.kinds.most_common(1)[0][0]
    return (
        f'<circle class="spot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="{2.5 + 5.0 * share**0.5:.1f}"/>'
        f'<text x="{x:.1f}" y="{y + 1.6:.1f}">{number}</text>'
    )
