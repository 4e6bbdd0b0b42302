"""The printed ChArUco board under the part: its pattern, and its PDF in true size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.common.files import replacing
from pad_ros.errors import CaptureError
from pad_ros.results import Image

PAPERS = {
    "a4": (210.0, 297.0, 17.5),
    "a3": (297.0, 420.0, 24.5),
    "a2": (420.0, 594.0, 35.0),
    "a1": (594.0, 841.0, 49.0),
}
BAR = 100.0  # millimetres: the bar on the sheet that is measured after printing
_COLUMNS, _ROWS, _MARKER = 11, 15, 0.75  # squares, and a marker's side in squares
_RIM = 2  # squares: around a plain middle, where the part stands; on black squares a black part could not be told
_BITS = 5  # of a marker's side, without its black rim
_TRUE_SIZE = 0.005  # how far the bar may be from its length


@dataclass(frozen=True)
class Board:
    """A board for a paper size; lengths in metres, `square` is a square's side.

    Its frame is the object's: origin in the middle of the pattern, x to the right, y up the sheet, z out of it.
    """

    paper: str
    square: float

    @classmethod
    def of(cls, paper: str) -> Board:
        """The board of a paper size.

        Raises:
            CaptureError: no such paper.
        """
        if paper.lower() not in PAPERS:
            raise CaptureError(f"no board for paper {paper!r}; there are {', '.join(PAPERS)}")
        return cls(paper.lower(), PAPERS[paper.lower()][2] / 1000)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the pattern."""
        return _COLUMNS * self.square, _ROWS * self.square

    @property
    def middle(self) -> tuple[float, float]:
        """Width and height of the plain middle."""
        return (_COLUMNS - 2 * _RIM) * self.square, (_ROWS - 2 * _RIM) * self.square

    @property
    def sheet(self) -> NDArray[np.float64]:
        """Size of the pattern and of its plain middle, [2, 2]."""
        return np.array([self.size, self.middle])

    @property
    def charuco(self) -> cv2.aruco.CharucoBoard:
        """OpenCV's description of it, in squares, as if its middle were printed."""
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_100)
        return cv2.aruco.CharucoBoard((_COLUMNS, _ROWS), 1.0, _MARKER, dictionary)

    def black(self) -> Iterator[tuple[float, float, float, float]]:
        """The black rectangles: left, top, width, height in squares, from the pattern's left upper corner."""
        charuco, module = self.charuco, _MARKER / (_BITS + 2)
        for row in range(_ROWS):
            for column in range(_COLUMNS):
                if (row + column) % 2 == 0 and not _in_middle(column, row):
                    yield column, row, 1.0, 1.0
        dictionary = charuco.getDictionary()
        for marker, corners in zip(np.ravel(charuco.getIds()), charuco.getObjPoints(), strict=True):
            left, top = np.asarray(corners)[:, :2].min(axis=0)
            if _in_middle(left, top):
                continue
            bits = cv2.aruco.generateImageMarker(dictionary, int(marker), _BITS + 2)
            for y, x in np.argwhere(bits == 0):
                yield left + x * module, top + y * module, module, module

    def picture(self, pixels_per_square: int = 56, margin: float = 0.5) -> Image:
        """The pattern as a picture [H, W, 3], with a white margin in squares."""
        width, height = (round((n + 2 * margin) * pixels_per_square) for n in (_COLUMNS, _ROWS))
        picture = np.full((height, width, 3), 255, np.uint8)
        for box in self.black():
            left, top, right, bottom = np.rint(
                (np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]]) + margin) * pixels_per_square
            ).astype(int)
            picture[top:bottom, left:right] = 0
        return picture

    def has(self, ids: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of OpenCV's chessboard corners [N] are printed: those with four squares of the rim around them."""
        corners = np.asarray(self.charuco.getChessboardCorners())[ids, :2]
        return np.array([not any(_in_middle(x - a, y - b) for a in (0, 1) for b in (0, 1)) for x, y in corners], bool)

    def corner_points(self, ids: NDArray[np.integer]) -> NDArray[np.float64]:
        """The places [N, 3] of chessboard corners in the object's frame."""
        corners = np.asarray(self.charuco.getChessboardCorners(), np.float64)[ids]
        return (corners - (_COLUMNS / 2, _ROWS / 2, 0.0)) * (self.square, -self.square, 0.0)


def _in_middle(x: float, y: float) -> bool:
    """Whether a square or marker at x, y from the left upper corner is in the plain middle."""
    return bool(_RIM <= x < _COLUMNS - _RIM and _RIM <= y < _ROWS - _RIM)


def write_pdf(path: Path | str, board: Board) -> None:
    """Writes a board as a PDF of one page in true size, with the bar to measure it by."""
    width, height, _ = PAPERS[board.paper]
    square = board.square * 1000
    left, top = (width - _COLUMNS * square) / 2, (height - _ROWS * square) / 2
    lines = ["0 g", f"{72 / 25.4:.9f} 0 0 {72 / 25.4:.9f} 0 0 cm"]  # in millimetres from here on
    for x, y, w, h in board.black():
        lines.append(
            f"{left + x * square:.4f} {height - top - (y + h) * square:.4f} {w * square:.4f} {h * square:.4f} re f"
        )
    base = top / 2
    lines.append(f"{left:.4f} {base - 1:.4f} {BAR:.4f} 2 re f")
    text = f"<- {BAR:.0f} mm: print at 100 %, measure this bar, say --bar. pad_ros {board.paper.upper()}, {square:g} mm"
    lines.append(f"BT /F 2.8 Tf {left + BAR + 2:.4f} {base - 1:.4f} Td ({text}) Tj ET")
    stream = "\n".join(lines).encode("ascii")
    box = f"[0 0 {width * 72 / 25.4:.4f} {height * 72 / 25.4:.4f}]"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources << /Font << /F 5 0 "
        f"R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    data += b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
    data += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, data.index(b"xref"))
    with replacing(path) as partial:
        partial.write_bytes(data)


def check_bar(measured: float, board: Board) -> None:
    """Refuses a board that was not printed in true size, by what its bar measures in millimetres.

    Raises:
        CaptureError: says at how many percent it was printed.
    """
    share = measured / BAR
    if abs(share - 1) > _TRUE_SIZE:
        raise CaptureError(
            f"the board was printed at {100 * share:.3g} % (its {BAR:.0f} mm bar measures "
            f"{measured:g} mm): print it again at "
            f"100 % ('actual size', not 'fit to page'), or say --square "
            f"{1000 * board.square * share:.2f}, its squares' side in mm"
        )
