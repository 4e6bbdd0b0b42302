"""Poses of photos by structure from motion (COLMAP's): one camera with distortion took them all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from pad_ros.capture.photos import FEWEST, Dropped, Photo
from pad_ros.capture.views import Sparse
from pad_ros.common.progress import Progress, silent
from pad_ros.dataset.colmap_model import read_lens
from pad_ros.errors import CaptureError
from pad_ros.localization.colmap import object_from_camera, pycolmap
from pad_ros.localization.matching import match_mutual

_KEYPOINTS = 3000  # per photo
_LARGEST = 300  # of them, by scale, say which photos are worth matching (Wu, 2013: preemptive matching)
_PARTNERS = 16  # photos with most such matches that each is matched with
_NEXT = 3  # and those that were taken just before and after
_BATCH = 50  # pairs of photos between two reports of progress
_RATIO = 0.85
_LEAST_REGISTERED = 0.6  # share of the photos
_LEAST_ANGLE = 10.0  # degrees between the outermost directions to the part: less is hardly any parallax
_SECOND_GROUP = 0.2  # share of the photos that hang together without the others


def reconstruct(
    photos: Sequence[Photo], folder: Path, seed: int = 0, progress: Progress = silent
) -> tuple[Sparse, list[Dropped]]:
    """Finds the lens, the poses and 3D points of photos in one frame of unknown scale.

    Args:
        photos: in the order in which they were taken; all in one folder.
        folder: for COLMAP's data base; what it has from an earlier run is not worked out again.
        seed: of RANSAC.
        progress: called with (done, total, text).

    Raises:
        CaptureError: the photos do not hang together, or show everything from one place.
    """
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "database.db"
    # The bar's unit is a photo registered or extracted; matching a photo with all others takes about as long.
    total = 3 * len(photos)
    _extract(photos, database, lambda done, text: progress(done, total, text))
    pairs = _pairs(photos, database)
    _match(photos, pairs, folder, lambda share, text: progress(len(photos) + round(share * len(photos)), total, text))
    _check_overlap(photos, database)
    # The focal length that most pairs agree on: from a guess that is far from it, mapping may not even begin.
    pycolmap.calibrate_view_graph(database, pycolmap.ViewGraphCalibrationOptions(random_seed=seed))
    options = pycolmap.IncrementalPipelineOptions(
        random_seed=seed, multiple_models=False, min_model_size=3, extract_colors=True
    )
    registered = 2

    def next_image() -> None:
        nonlocal registered
        registered += 1
        progress(2 * len(photos) + min(registered, len(photos)), total, "placing cameras")

    models = folder / "models"
    shutil.rmtree(models, ignore_errors=True)
    models.mkdir()
    found = pycolmap.incremental_mapping(
        database, photos[0].path.parent, models, options=options, next_image_callback=next_image
    )
    if not found:
        raise CaptureError(
            "no two photos fit together with parallax: go around the part instead of turning on the "
            "spot or zooming, and "
            "give it texture (a printed board under it: `pad capture --print-board board.pdf`)"
        )
    model = max(found.values(), key=lambda one: one.num_reg_images())
    if model.num_reg_images() > 2:
        _refine(model)
    sparse = read_sparse(model)
    progress(total, total, f"{len(sparse.names)} cameras")
    unplaced = [photo for photo in photos if photo.path.name not in set(sparse.names)]
    if len(sparse.names) < max(_LEAST_REGISTERED * len(photos), min(FEWEST, len(photos)) / 2):
        raise CaptureError(
            f"only {len(sparse.names)} of {len(photos)} photos fit together (not "
            f"{_listed(unplaced)}): take them closer "
            "to each other (10 to 15 degrees apart), keep part and surroundings still, or put the "
            "part on a printed board"
        )
    _check_parallax(sparse)
    return sparse, [Dropped(photo.name, "does not fit to the other photos: too few matches") for photo in unplaced]


def read_sparse(model: pycolmap.Reconstruction) -> Sparse:
    """What a COLMAP model of one camera says; views in the order of their names."""
    images = sorted((model.images[index] for index in model.reg_image_ids()), key=lambda image: image.name)
    lens = read_lens(images[0].camera)
    ids = {int(point_id): row for row, point_id in enumerate(sorted(model.points3D))}
    rows, views, pixels = [], [], []
    for view, image in enumerate(images):
        for point in image.points2D:
            if point.has_point3D():
                rows.append(ids[point.point3D_id])
                views.append(view)
                pixels.append(point.xy)
    points = [model.points3D[index] for index in sorted(model.points3D)]
    return Sparse(
        lens=lens,
        names=tuple(image.name for image in images),
        poses=np.stack([object_from_camera(image.cam_from_world()) for image in images]),
        points=np.array([point.xyz for point in points]).reshape(-1, 3),
        colors=np.array([point.color for point in points], np.uint8).reshape(-1, 3),
        point_index=np.array(rows, np.int64),
        view_index=np.array(views, np.int64),
        pixels=lens.undistort(np.array(pixels, np.float64).reshape(-1, 2)),
        error_px=float(model.compute_mean_reprojection_error()),
    )


def _refine(model: pycolmap.Reconstruction) -> None:
    """All of it at once, the principal point too: mapping leaves that in the middle."""
    options = pycolmap.BundleAdjustmentOptions(refine_principal_point=True, print_summary=False)
    config = pycolmap.BundleAdjustmentConfig()
    for image in model.reg_image_ids():
        config.add_image(image)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    # Not pycolmap.bundle_adjustment: it turns COLMAP's log back on.
    pycolmap.create_default_bundle_adjuster(options, config, model).solve()
    model.update_point_3d_errors()


def _pairs(photos: Sequence[Photo], path: Path) -> list[tuple[int, int]]:
    """The pairs that probably show the same: each photo's best partners by its largest features, and the next."""
    with pycolmap.Database.open(path) as database:
        ids = {image.name: image.image_id for image in database.read_all_images()}
        largest = [_largest_features(database, ids[photo.path.name]) for photo in photos]
    votes = np.zeros((len(photos), len(photos)), int)
    for i, j in combinations(range(len(photos)), 2):
        votes[i, j] = votes[j, i] = len(match_mutual(largest[i], largest[j], _RATIO, None))
    best = np.argsort(-votes, axis=1, kind="stable")[:, :_PARTNERS]
    pairs = {(min(i, int(j)), max(i, int(j))) for i, row in enumerate(best) for j in row if i != j and votes[i, j] > 0}
    pairs |= {(i, j) for i in range(len(photos)) for j in range(i + 1, min(i + 1 + _NEXT, len(photos)))}
    return sorted(pairs)


def _largest_features(database: pycolmap.Database, image: int) -> np.ndarray:
    keypoints = database.read_keypoints(image)  # x, y and the affine shape
    scale = np.abs(keypoints[:, 2] * keypoints[:, 5] - keypoints[:, 3] * keypoints[:, 4])
    descriptors = np.asarray(database.read_descriptors(image).data)
    return descriptors[np.argsort(-scale, kind="stable")[:_LARGEST]]


def _extract(photos: Sequence[Photo], database: Path, progress) -> None:  # type: ignore[no-untyped-def]
    reader = pycolmap.ImageReaderOptions(camera_model="OPENCV")
    options = pycolmap.FeatureExtractionOptions(use_gpu=False)
    options.sift.max_num_features = _KEYPOINTS
    names = [photo.path.name for photo in photos]
    for start in range(0, len(names), 4):  # photos that are in the data base are left out
        if start or database.is_file():
            reader.existing_camera_id = 1
        pycolmap.extract_features(
            database,
            photos[0].path.parent,
            image_names=names[start : start + 4],
            camera_mode=pycolmap.CameraMode.SINGLE,
            reader_options=reader,
            extraction_options=options,
        )
        progress(min(start + 4, len(names)), "finding features")


def _match(photos: Sequence[Photo], pairs: Sequence[tuple[int, int]], folder: Path, progress) -> None:  # type: ignore[no-untyped-def]
    options = pycolmap.FeatureMatchingOptions(use_gpu=False)
    listed = folder / "pairs.txt"
    for start in range(0, len(pairs), _BATCH):
        batch = pairs[start : start + _BATCH]
        listed.write_text("".join(f"{photos[i].path.name} {photos[j].path.name}\n" for i, j in batch))
        pycolmap.match_image_pairs(
            folder / "database.db",
            matching_options=options,
            pairing_options=pycolmap.ImportedPairingOptions(match_list_path=listed),
            device=pycolmap.Device.cpu,
        )
        progress(min(start + _BATCH, len(pairs)) / len(pairs), "matching photos")


def _check_overlap(photos: Sequence[Photo], path: Path) -> None:
    """Refuses photos that fall into groups which share nothing.

    Raises:
        CaptureError: says which.
    """
    with pycolmap.Database.open(path) as database:
        ids = {image.image_id: image.name for image in database.read_all_images()}
        pair_ids, geometries = database.read_two_view_geometries()
    linked = [
        tuple(ids[image] for image in pycolmap.pair_id_to_image_pair(pair_id))
        for pair_id, geometry in zip(pair_ids, geometries, strict=True)
        if len(geometry.inlier_matches) >= 15
    ]
    groups = connected([photo.path.name for photo in photos], linked)
    if len(groups[0]) < _LEAST_REGISTERED * len(photos) and len(groups[0]) < 3 * max(2, len(photos) // 20):
        raise CaptureError(
            f"the photos do not overlap: at most {len(groups[0])} of {len(photos)} share details; take them 10 to 15 "
            "degrees apart, sharp, and put a part of little texture on a printed board"
        )
    large = [group for group in groups if len(group) >= max(3, _SECOND_GROUP * len(photos))]
    if len(large) > 1:
        name_of = {photo.path.name: photo.name for photo in photos}
        parts = "; ".join(f"{len(group)} as {name_of[min(group)]}" for group in large)
        raise CaptureError(
            f"the photos fall into {len(large)} groups that share nothing ({parts}): are these photos of two different "
            "parts or places? Give one part alone, or photos in between"
        )


def connected(nodes: Sequence[str], edges: Sequence[tuple[str, ...]]) -> list[set[str]]:
    """The groups of nodes that edges connect, the largest first."""
    group_of = {node: {node} for node in nodes}
    for one, other in edges:
        if one in group_of and other in group_of and group_of[one] is not group_of[other]:
            merged = group_of[one] | group_of[other]
            group_of.update(dict.fromkeys(merged, merged))
    unique = {id(group): group for group in group_of.values()}
    return sorted(unique.values(), key=len, reverse=True)


def _check_parallax(sparse: Sparse) -> None:
    """Refuses photos that were all taken from one place.

    Raises:
        CaptureError: says within which angle.
    """
    middle = np.median(sparse.points, axis=0)
    directions = sparse.poses[:, :3, 3] - middle
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    angle = float(np.degrees(np.arccos(np.clip((directions @ directions.T).min(), -1, 1))))
    if angle < _LEAST_ANGLE:
        raise CaptureError(
            f"all photos are from within {angle:.0f} degrees: no parallax; go around the part, at two or three heights"
        )


def _listed(photos: Sequence[Photo]) -> str:
    return ", ".join(photo.name for photo in photos[:3]) + (", …" if len(photos) > 3 else "")
