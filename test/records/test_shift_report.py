import json
import re
import shutil
from datetime import timedelta
from html.parser import HTMLParser

import numpy as np
import pytest
from records_stage import BEGIN, fill, recorder_in

from pad_ros.geometry import invert_rigid
from pad_ros.images import write_image
from pad_ros.records.models import RegionRow
from pad_ros.records.pictures import Picture
from pad_ros.records.places import Surface, find_places, pixel_of, visible
from pad_ros.records.queries import Choice, read_products, read_views
from pad_ros.records.replay import Inspectors, replay
from pad_ros.records.report import write_shift_report
from pad_ros.records.store import Store
from pad_ros.records.verdicts import Seen, view_row
from pad_ros.results import Inspection, PoseEstimate, Region, RegionKind, Status

HOUR = Choice(BEGIN, BEGIN + timedelta(hours=1))


class Page(HTMLParser):
    """Notices what the page refers to, and that its tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for key, value in attrs if key in ("src", "href")]
        if tag not in {"meta", "input", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.sources += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_of_a_shift_is_self_contained_and_complete(tmp_path):
    store = Store(fill(tmp_path / "records", [1.0, 9.0, None, 2.0, 6.0] * 8), "line 1")
    text = write_shift_report(store, tmp_path / "shift.html", HOUR).read_text()
    page = Page(text)
    words = " ".join(page.text)
    assert page.sources and all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    for said in ("line 1: shift report", "40", "40.0 %", "modified", "NOT LOCALIZED", "only 5 matches", "localization"):
        assert said in words, said
    assert "20.0% of the images have no result" in words
    assert "The twin of bracket is not at hand" in words
    assert len(page.sources) == 2 * 12  # overlay and image of the worst
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_names_from_outside_are_text(tmp_path):
    recorder = recorder_in(tmp_path / "records", of_passes=1.0, station="<b>line</b>")
    seen = Seen("<script>alert(1)</script>", 1, 1, part_id="<script>alert(1)</script>")
    recorder.add(seen, Inspection(Status.ERROR, "<img src=x onerror=y>"), "<i>p</i>", "c", lambda: None)
    choice = Choice(recorder.store.clock() - timedelta(hours=1), recorder.store.clock() + timedelta(hours=1))
    text = write_shift_report(recorder.store, tmp_path / "shift.html", choice).read_text()
    assert "<script" not in text and "<img src=x" not in text and "<i>p" not in text and "<b>line" not in text
    Page(text)


def test_a_shift_of_nothing_has_a_page(tmp_path):
    Page(write_shift_report(Store(tmp_path / "records"), tmp_path / "shift.html", HOUR).read_text())


@pytest.fixture(scope="module")
def surface(product):
    return Surface(product)


def seen_at(surface, point, pose, kind=RegionKind.MODIFIED, part="p"):
    """A verdict with a region where a camera at `pose` sees a point of the surface."""
    camera = surface.product.camera
    x, y, depth = camera.K @ (invert_rigid(pose) @ np.append(point, 1.0))[:3]
    region = Region(kind, (round(x / depth) - 6, round(y / depth) - 6, 12, 12), 9.0, 100)
    inspection = Inspection(Status.OK, "", 9.0, 4.0, True, [region], PoseEstimate(pose, 50, 60, 0.4))
    return view_row(Seen(f"{part} {x}", 1, 1, part_id=part), inspection, "car", "c", "line 1")


def front_point(surface, pose):
    """The point of the surface that a camera has in front of it, in the middle of the part's points."""
    seen = surface.points @ invert_rigid(pose)[:3, :3].T + invert_rigid(pose)[:3, 3]
    near = np.linalg.norm(seen[:, :2] - np.median(seen[:, :2], axis=0), axis=1) < 0.03 * surface.size
    return surface.points[near][seen[near, 2].argmin()]


def test_regions_of_several_views_and_parts_meet_at_their_place_on_the_twin(surface):
    poses = surface.picture_poses()
    points = [front_point(surface, poses[0]), front_point(surface, poses[2])]
    views = [seen_at(surface, points[0], poses[0], part=f"part {index}") for index in range(3)]
    views += [seen_at(surface, points[0], poses[0], RegionKind.ADDED, part="part 0")]  # another view of it
    views += [seen_at(surface, points[1], poses[2], RegionKind.MISSING, part="part 9")]
    places, nowhere = find_places(views, surface)
    assert nowhere == 0
    assert [len(place.parts) for place in places] == [3, 1]
    assert [dict(place.kinds) for place in places] == [{"modified": 3}, {"missing": 1}]
    for place, point, pose, other in zip(places, points, (poses[0], poses[2]), (poses[2], poses[0]), strict=True):
        assert np.linalg.norm(place.point - point) < 0.08 * surface.size
        assert visible(place, pose) and not visible(place, other)
        x, y = pixel_of(place, surface, pose)
        assert 0.2 < x < 0.8 and 0.2 < y < 0.8
        assert place.worst == pytest.approx(9.0 / 4.0)


def test_a_region_far_from_the_part_is_at_no_place(surface):
    view = seen_at(surface, surface.centre, surface.picture_poses()[0])
    view.regions = [RegionRow(kind="added", x=0, y=0, width=4, height=4, peak=9.0, area=10)]
    assert find_places([view], surface) == ([], 1)


def test_the_whole_of_a_part_is_in_its_pictures(surface):
    for pose in surface.picture_poses():
        camera = surface.product.camera
        seen = surface.points @ invert_rigid(pose)[:3, :3].T + invert_rigid(pose)[:3, 3]
        pixels = seen @ camera.K.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        inside = ((pixels > 0) & (pixels < (camera.width, camera.height))).all(axis=1)
        assert inside.mean() > 0.99
        assert np.ptp(pixels, axis=0).max() > 0.5 * camera.width


def test_recorded_images_give_their_scores_again_and_the_twin_is_in_the_report(
    sample_product, product, inspector, sample_images, tmp_path
):
    recorder = recorder_in(tmp_path / "records", of_passes=1.0)
    copy = shutil.copytree(sample_product, tmp_path / "product")
    recorder.product(product, copy)
    for index in (0, 9):
        image = sample_images[index][2]
        seen = Seen(f"camera {index}", index, index + 1, part_id=f"part {index}")
        picture = Picture.of(image)
        recorder.add(seen, inspector.inspect(image), product.name, product.checksum, lambda picture=picture: picture)
    with recorder.store.session() as session:
        views, products = read_views(session, Choice()), read_products(session)
    found = list(replay(recorder.store.folder, views, Inspectors(products)))
    assert [again.same for again in found] == [True] * 2
    assert "the same" in found[0].line()

    now = recorder.store.clock()
    choice = Choice(now - timedelta(hours=1), now + timedelta(hours=1))
    words = " ".join(Page(write_shift_report(recorder.store, tmp_path / "a.html", choice).read_text()).text)
    assert f"Where on {product.name}" in words

    # A product that is gone, a picture that was altered, and one that is gone.
    calibration = copy / "product.yaml"
    calibration.write_text(calibration.read_text() + "\n")
    (again,) = replay(recorder.store.folder, views[1:], Inspectors(products))
    assert "not at hand" in again.line() and json.dumps(product.name)[1:-1] in again.line()
    write_image(recorder.store.folder / views[0].picture, sample_images[9][2])
    (recorder.store.folder / views[1].picture).unlink()
    found = list(replay(recorder.store.folder, views, Inspectors(products, [sample_product])))
    assert [again.same for again in found] == [False, False]
    assert "DIFFERS" in found[0].line() and "gone by now" in found[1].line()
