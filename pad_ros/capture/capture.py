"""The way from photos or a film to a class folder; what stands of it is kept until the class does."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pad_ros.capture.board import Board, check_bar
from pad_ros.capture.board_views import BOARD_LOOK, locate_by_board
from pad_ros.capture.coverage import Coverage, cover
from pad_ros.capture.cutouts import cut_out, disagreeing
from pad_ros.capture.film import pick_frames
from pad_ros.capture.ground import Placed, part_of, place
from pad_ros.capture.photos import FEWEST, Dropped, Photo, find_photos, is_film, prepare_photos, shrink
from pad_ros.capture.points import find_points
from pad_ros.capture.report import Facts, chequered, write_report
from pad_ros.capture.structure import reconstruct
from pad_ros.capture.views import Sparse, pose_precision
from pad_ros.common.files import shown, write_text
from pad_ros.common.progress import Progress, silent
from pad_ros.dataset.classes import write_transforms
from pad_ros.errors import CaptureError
from pad_ros.images import read_image, write_image
from pad_ros.lens import Undistorter

RECORD = "capture.json"


@dataclass(frozen=True)
class CaptureSettings:
    """How a capture is made.

    Attributes:
        frames: taken from a film.
        longest: pixels of a photo's longer side in the class.
        paper: of the printed board under the part; none without.
        square: side of the board's squares as measured, in millimetres; by default as it was designed.
        bar: what the board's bar measures, in millimetres.
        seed: of everything that draws.
    """

    frames: int = 100
    longest: int = 1000
    paper: str | None = None
    square: float | None = None
    bar: float | None = None
    seed: int = 0

    @property
    def stored(self) -> int:
        """Pixels of a photo's longer side until its pose is known: far corners of a board are small."""
        return self.longest if self.paper is None else max(self.longest, BOARD_LOOK)

    def board(self) -> Board | None:
        """The board under the part.

        Raises:
            CaptureError: it was not printed in true size.
        """
        if self.paper is None:
            return None
        board = Board.of(self.paper)
        if self.square is not None:
            return Board(board.paper, self.square / 1000)
        if self.bar is not None:
            check_bar(self.bar, board)
        return board


@dataclass(frozen=True)
class Captured:
    """The class that was made: how many views of how many photos, what is missing, where its page is."""

    views: int
    photos: int
    coverage: Coverage
    report: Path
    unit: str


def capture_class(
    paths: Sequence[Path],
    out: Path,
    settings: CaptureSettings,
    stage: Callable[[str], Progress] | None = None,
) -> Captured:
    """Makes the class folder of a part from photos or a film of a good one.

    What is finished stays in `out/.capture`, so that it goes on after an interruption; at the end that is deleted.

    Args:
        paths: photos, folders of photos, or one film.
        out: the class's folder; must not hold one already.
        settings: see there.
        stage: called with a stage's title, gives that stage's progress callback.

    Raises:
        CaptureError: nothing usable can be made of these, and why.
        ImageError: a photo cannot be read.
    """
    stage = stage or (lambda title: silent)
    if (out / "transforms.json").is_file():
        raise CaptureError(f"{shown(out)}: there is a class already; choose another folder, or delete it")
    board = settings.board()
    sources = list(paths) if is_film(paths) and paths[0].is_file() else find_photos(paths)
    work = _work_folder(out, sources, settings)
    photos, dropped = _photos(sources, work, settings, stage)
    if len(photos) < FEWEST:
        raise CaptureError(
            f"only {len(photos)} of the photos are sharp, at least {FEWEST} are needed (60 to 100 are good)"
        )
    sparse, more = _cameras(photos, work, board, settings, stage)
    dropped += more
    placed = place(sparse, settings.seed) if board is None else part_of(sparse, True, board.sheet)
    return _write_class(out, work, photos, dropped, placed, board, settings, stage("cut-outs"))


def _work_folder(out: Path, sources: Sequence[Path], settings: CaptureSettings) -> Path:
    """The folder of unfinished work; emptied where that was of other photos or settings."""
    files = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in sources]
    key = hashlib.sha256(json.dumps([files, asdict(settings)]).encode()).hexdigest()
    work = out / ".capture"
    if not (work / "key").is_file() or (work / "key").read_text() != key:
        shutil.rmtree(work, ignore_errors=True)
        write_text(work / "key", key)
    return work


def _photos(
    sources: Sequence[Path], work: Path, settings: CaptureSettings, stage: Callable[[str], Progress]
) -> tuple[list[Photo], list[Dropped]]:
    done, folder = work / "photos.json", work / "photos"
    if not done.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        if is_film(sources):
            kept, dropped = pick_frames(
                sources[0], folder, settings.frames, settings.longest, settings.stored, stage("film")
            )
        else:
            kept, dropped = prepare_photos(sources, folder, settings.longest, settings.stored, stage("photos"))
        rows = {"photos": [(p.name, p.path.name) for p in kept], "dropped": [(d.name, d.reason) for d in dropped]}
        write_text(done, json.dumps(rows))
    content = json.loads(done.read_text())
    return [Photo(n, folder / f) for n, f in content["photos"]], [Dropped(n, r) for n, r in content["dropped"]]


def _cameras(
    photos: Sequence[Photo],
    work: Path,
    board: Board | None,
    settings: CaptureSettings,
    stage: Callable[[str], Progress],
) -> tuple[Sparse, list[Dropped]]:
    done, words = work / "sparse.npz", work / "sparse.json"
    if not words.is_file():
        if board is None:
            sparse, dropped = reconstruct(photos, work / "colmap", settings.seed, stage("cameras"))
        else:
            found = locate_by_board(photos, board, stage("board"))
            images = [shrink(read_image(photo.path), settings.longest) for photo in found.photos]
            lens = replace(found.lens, camera=found.lens.camera.resized(images[0].shape[1], images[0].shape[0]))
            undistorter = Undistorter(lens)
            images = [undistorter.undistort(image) for image in images]
            names = [photo.path.name for photo in found.photos]
            sparse = find_points(images, lens, names, found.poses, stage("points"))
            dropped = found.dropped
        sparse.save(done)
        write_text(words, json.dumps([(d.name, d.reason) for d in dropped]))
    return Sparse.load(done), [Dropped(name, reason) for name, reason in json.loads(words.read_text())]


def _write_class(
    out: Path,
    work: Path,
    photos: Sequence[Photo],
    dropped: list[Dropped],
    placed: Placed,
    board: Board | None,
    settings: CaptureSettings,
    progress: Progress,
) -> Captured:
    sparse = placed.sparse
    by_file = {photo.path.name: photo for photo in photos}
    undistorter = Undistorter(sparse.lens)
    originals = [shrink(read_image(by_file[name].path), settings.longest) for name in sparse.names]
    cut = cut_out([undistorter.undistort(image) for image in originals], placed, progress)
    bad = set(disagreeing(cut))
    dropped += [
        Dropped(by_file[sparse.names[v]].name, "its cut-out disagrees with the other views'") for v in sorted(bad)
    ]
    kept = [view for view in range(len(originals)) if view not in bad]
    if len(kept) < FEWEST * 0.6:
        raise CaptureError(
            f"in only {len(kept)} of {len(originals)} photos the part could be told from its "
            f"surroundings as the others say: "
            "take it off like-coloured ground, onto a plain cloth or the printed board, and keep it still"
        )
    rows: list[dict[str, Any]] = []
    pictures, cropped = [], 0
    shutil.rmtree(out / "train", ignore_errors=True)
    for index, view in enumerate(kept):
        alpha = np.clip(undistorter.distort(cut.alphas[view]), 0.0, 1.0)
        name, file = by_file[sparse.names[view]].name, f"train/good/{index}.png"
        write_image(out / file, np.dstack([originals[view], np.rint(255 * alpha).astype(np.uint8)]))
        rows.append({"file": file, "source": name, "agreement": round(cut.agreements[view], 4)})
        pictures.append((name, chequered(originals[view], alpha)))
        edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        cropped += bool((edge > 0.5).any())
    sparse = sparse.only_views(kept)
    middle = 0.5 * (placed.box[0] + placed.box[1])
    coverage = cover(sparse.poses, middle)
    unit = "typical camera distance" if board is None else "m"
    rotation, position = pose_precision(sparse)
    record: dict[str, Any] = {
        "views": rows,
        "dropped": [asdict(d) for d in dropped],
        "settings": asdict(settings),
        "unit": unit,
        "reprojection_px": sparse.error_px,
        "expected_pose_error": {"degrees": rotation, "share_of_distance": position},
        "missing": coverage.advice(),
    }
    write_text(out / RECORD, json.dumps(record, indent=1))
    write_text(out / "dataset.yaml", f"unit: {unit}\n")
    warnings = _warnings(board, settings, cropped, len(kept), coverage)
    tiles = {
        "views": f"{len(kept)} of {len(photos) + sum(d.reason == 'blurred' for d in dropped)}",
        "reprojection error": f"{sparse.error_px:.2f} px",
        "expected rotation error": f"{rotation:.3f}°",
        "expected position error": f"{100 * position:.2f} % of the distance",
        "directions with a photo": f"{coverage.share:.0%}",
        "lens": f"f {sparse.camera.fx:.0f} px, {sparse.lens.model}",
        "unit of length": unit,
    }
    facts = Facts(shown(out.name), tiles, warnings, dropped)
    report = write_report(out, facts, placed, coverage, pictures)
    # Last: with it, the folder is a class.
    write_transforms(out / "transforms.json", sparse.lens, zip((r["file"] for r in rows), sparse.poses, strict=True))
    shutil.rmtree(work, ignore_errors=True)
    return Captured(len(kept), len(kept) + len(dropped), coverage, report, unit)


def _warnings(
    board: Board | None, settings: CaptureSettings, cropped: int, views: int, coverage: Coverage
) -> list[str]:
    said = []
    if board is None:
        said.append("Without a board the size is unknown: lengths are in typical camera distances.")
    elif settings.bar is None and settings.square is None:
        said.append("The board's bar was not measured (--bar): lengths are metres only if it was printed at 100 %.")
    if cropped > 0.2 * views:
        said.append(f"In {cropped} of {views} photos the part reaches the edge: take them from further away.")
    if views < 60:
        said.append(f"{views} views are few: 60 to 100 make a better twin.")
    if coverage.share < 0.8:
        said.append("Parts on the line that are seen from the missing directions will not be judged well.")
    return said
