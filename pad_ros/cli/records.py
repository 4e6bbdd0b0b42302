"""`pad records`: what was inspected and decided."""

from __future__ import annotations

import argparse
import math
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from pad_ros.common.progress import progress_bar, say
from pad_ros.common.tables import format_table
from pad_ros.errors import ConfigError
from pad_ros.records.export import KINDS, check_kind, part_lines, view_lines, write_table
from pad_ros.records.models import View
from pad_ros.records.queries import (
    Choice,
    Part,
    find_view,
    last_day,
    parse_moment,
    read_parts,
    read_products,
    read_views,
)
from pad_ros.records.store import Store

_TARGET = "PAD_RECORDS_TO"  # environment variable: what is on a command line, other users of the machine can read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (text, run_action, *declare) in _ACTIONS.items():
        sub = actions.add_parser(name, help=text, description=text)
        sub.add_argument("records", type=Path, metavar="DIR", help="folder of the records")
        sub.set_defaults(run_action=run_action)
        for declaring in declare:
            declaring(sub)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    store = Store(arguments.records, getattr(arguments, "station", ""), must_exist=True)
    try:
        return arguments.run_action(store, arguments) or 0
    finally:
        store.close()


def _choosing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", default="", metavar="TIME", help="2026-03-02T06:00, or 8h for eight hours ago")
    parser.add_argument("--until", default="", metavar="TIME", help="the same")
    parser.add_argument("--part", default="", help="of this part alone")
    parser.add_argument("--product", default="", dest="named", metavar="NAME", help="of this product alone")
    parser.add_argument("--bad", action="store_true", help="only what was not passed")


def _choice(arguments: argparse.Namespace) -> Choice:
    since, until = (parse_moment(text) if text else None for text in (arguments.since, arguments.until))
    return Choice(since, until, arguments.part, arguments.named, arguments.bad)


def _listing(parser: argparse.ArgumentParser) -> None:
    _choosing(parser)
    parser.add_argument("-n", type=int, default=20, metavar="N", help="the newest so many (20)")
    parser.add_argument("--decisions", action="store_true", help="decisions on parts, not verdicts on images")


def _list(store: Store, arguments: argparse.Namespace) -> None:
    with store.session() as session:
        if arguments.decisions:
            rows = [_part_cells(part) for part in read_parts(session, _choice(arguments), arguments.n)]
            columns, left = ["number", "time", "part", "decision", "PLC", "views", "reason"], [1, 2, 3, 4, 6]
        else:
            rows = [_view_cells(view) for view in read_views(session, _choice(arguments), arguments.n)]
            columns, left = ["id", "time", "part", "view", "verdict", "score", "threshold", "regions"], [1, 2, 4, 7]
    print(format_table(columns, rows, left=left) if rows else "nothing on record fits")


def _part_cells(part: Part) -> tuple[str, ...]:
    made = part.decision
    verdict = "REJECT" if made.reject else "pass"
    return str(made.sequence), _time(made.recorded), made.part_id, verdict, part.gate, str(made.views), made.reason


def _view_cells(view: View) -> tuple[str, ...]:
    verdict = ("anomalous" if view.anomalous else "good") if view.status == "OK" else view.status
    kinds = ", ".join(f"{kind} ×{n}" for kind in ("missing", "added", "modified") if (n := _count(view, kind)))
    numbers = ("" if value is None else f"{value:.4g}" for value in (view.score, view.threshold))
    return str(view.id), _time(view.recorded), view.part_id, str(view.view_index), verdict, *numbers, kinds


def _count(view: View, kind: str) -> int:
    return sum(region.kind == kind for region in view.regions)


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="number or uid of a verdict, from `pad records list`")


def _show(store: Store, arguments: argparse.Namespace) -> None:
    with store.session() as session:
        view = find_view(session, arguments.id)
        for name, value in view_lines([view])[0].items():
            print(f"{name:20}{value if value is not None else '-'}")
        kept = view.picture and (store.folder / view.picture).is_file()
        print(f"{'picture is there':20}{'yes' if kept else 'no'}")
        near = timedelta(hours=2)
        around = Choice(view.recorded - near, view.recorded + near)
        for part in read_parts(session, around):
            if view.uid in {other.uid for other in part.views}:
                print(f"{'decision':20}{'  '.join(_part_cells(part))}")


def _exporting(parser: argparse.ArgumentParser) -> None:
    _choosing(parser)
    kinds = " or ".join(KINDS)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=f"ends in {kinds}")
    parser.add_argument("--decisions", action="store_true", help="decisions on parts, not verdicts on images")


def _export(store: Store, arguments: argparse.Namespace) -> None:
    check_kind(arguments.output)
    with store.session() as session:
        if arguments.decisions:
            made = part_lines(read_parts(session, _choice(arguments)))
        else:
            made = view_lines(read_views(session, _choice(arguments)))
    write_table(arguments.output, made)
    print(f"{arguments.output}: {len(made)} {'decisions' if arguments.decisions else 'verdicts'}")


def _reporting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", default="", metavar="TIME", help="8h or 2026-03-02T06:00 (a day before --until)")
    parser.add_argument("--until", default="", metavar="TIME", help="the same (the newest record)")
    parser.add_argument("-o", "--output", type=Path, default=Path("shift.html"), metavar="FILE")
    parser.add_argument("--product", type=Path, action="append", default=[], help="folder of a product, for its twin")


def _report(store: Store, arguments: argparse.Namespace) -> None:
    from pad_ros.records.report import write_shift_report  # OpenCV and the twin

    with store.session() as session:
        shift = last_day(session)
    if arguments.until:
        until = parse_moment(arguments.until)
        shift = Choice(until - timedelta(days=1), until)
    if arguments.since:
        shift = Choice(parse_moment(arguments.since), shift.until)
    if not (shift.since and shift.until and shift.since < shift.until):
        raise ConfigError("the shift ends before it begins; check --since and --until")
    print(write_shift_report(store, arguments.output, shift, arguments.product))


def _replaying(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="verdicts; all that are chosen without any")
    _choosing_again(parser)


def _choosing_again(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", default="", metavar="TIME", help="8h, or 2026-03-02T06:00")
    parser.add_argument("--until", default="", metavar="TIME", help="the same")
    parser.add_argument("-n", type=int, default=None, metavar="N", help="the newest so many")
    parser.add_argument("--product", type=Path, action="append", default=[], help="folder of a product")


def _replay(store: Store, arguments: argparse.Namespace) -> int:
    from pad_ros.records.replay import Inspectors, replay  # all of inspection

    with store.session() as session:
        if arguments.ids:
            views = [find_view(session, name) for name in arguments.ids]
        else:
            since, until = (parse_moment(text) if text else None for text in (arguments.since, arguments.until))
            views = [view for view in read_views(session, Choice(since, until), arguments.n) if view.picture]
        inspectors = Inspectors(read_products(session), arguments.product)
    found = []
    for again in replay(store.folder, views, inspectors):
        print(again.line(), flush=True)
        found.append(again)
    judged = [again for again in found if again.inspection is not None]
    same = sum(again.same for again in judged)
    print(f"{len(judged)} of {len(found)} recorded images judged again: {same} the same, {len(judged) - same} differ")
    return int(same < len(judged) or (bool(arguments.ids) and len(judged) < len(found)))


def _syncing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", default="", metavar="URL", help=f"postgresql://USER@HOST/DATABASE; or in ${_TARGET}")
    parser.add_argument("--every", type=float, default=0.0, metavar="SECONDS", help="go on until interrupted")
    help_of_patience = "for a lost connection (60; with --every without end)"
    parser.add_argument("--patience", type=float, metavar="SECONDS", help=help_of_patience)


def _sync(store: Store, arguments: argparse.Namespace) -> None:
    from pad_ros.records.sync import Target, keep_sending

    url = arguments.to or os.environ.get(_TARGET, "")
    if not url:
        raise ConfigError(f"no target: give --to postgresql://USER@HOST/DATABASE, or set {_TARGET}")
    target = Target(url)
    patience = (math.inf if arguments.every else 60.0) if arguments.patience is None else arguments.patience
    with progress_bar(f"to {target.name}") as progress:
        for sent in keep_sending(store, target, arguments.every, patience, progress, _say_waiting):
            if not arguments.every or sent:
                say(f"{sent} new rows are in {target.name}")


def _say_waiting(problem: str) -> None:
    say(f"pad records: {problem}; trying again", sys.stderr)


_ACTIONS = {
    "list": ("list verdicts or decisions", _list, _listing),
    "show": ("show one verdict whole", _show, _naming),
    "export": ("write verdicts or decisions as a table", _export, _exporting),
    "report": ("write a shift's report, one page", _report, _reporting),
    "replay": ("judge recorded images again; exits 1 when a score differs", _replay, _replaying),
    "sync": ("send what is new to a plant's PostgreSQL", _sync, _syncing),
}
