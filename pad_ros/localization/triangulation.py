"""3D points from matches between views of known pose; the poses stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.localization.colmap import colmap_camera, colmap_pose, pycolmap

_SEED = 0


@dataclass(frozen=True)
class Tracks:
    """Triangulated points [P, 3] and their observations [O], sorted by point: which keypoint of which view."""

    points: NDArray[np.float64]
    point_index: NDArray[np.int64]
    view_index: NDArray[np.int64]
    keypoint_index: NDArray[np.int64]


def view_pairs(poses: Sequence[Matrix], neighbours: int) -> list[tuple[int, int]]:
    """Pairs each view with the views whose optical axes are nearest to its own; (i, j) with i < j, sorted."""
    axes = np.stack([pose[:3, 2] for pose in poses])  # [V, 3]
    cosines = axes @ axes.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : min(neighbours, len(poses) - 1)]
    return sorted({(min(i, int(j)), max(i, int(j))) for i, row in enumerate(nearest) for j in row})


def epipolar_distances(
    camera: Camera, pose1: Matrix, pose2: Matrix, keypoints1: NDArray[np.floating], keypoints2: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Distances in pixels of keypoints [N, 2] and [M, 2] of two posed views from each other's epipolar lines.

    Returns:
        The larger of the two distances of every pair, [N, M].
    """
    second_from_first = invert_rigid(pose2) @ pose1
    x, y, z = second_from_first[:3, 3]
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    k_inverse = np.linalg.inv(camera.K)
    fundamental = k_inverse.T @ cross @ second_from_first[:3, :3] @ k_inverse
    first = np.column_stack([keypoints1, np.ones(len(keypoints1))])
    second = np.column_stack([keypoints2, np.ones(len(keypoints2))])
    lines_in_second = first @ fundamental.T  # [N, 3]
    lines_in_first = second @ fundamental  # [M, 3]
    residuals = np.abs(lines_in_second @ second.T)  # [N, M]
    norms1 = np.linalg.norm(lines_in_second[:, :2], axis=1)[:, None]
    norms2 = np.linalg.norm(lines_in_first[:, :2], axis=1)[None]
    return (residuals / np.maximum(np.minimum(norms1, norms2), 1e-12)).astype(np.float32)


def triangulate(
    camera: Camera,
    poses: Sequence[Matrix],
    keypoints: Sequence[NDArray[np.float32]],
    matches: Mapping[tuple[int, int], NDArray[np.uint32]],
    *,
    max_error_px: float,
    min_track: int,
) -> Tracks:
    """Triangulates verified matches with COLMAP, then refines the points with the poses fixed.

    Args:
        camera: of all views.
        poses: `object_from_camera` [4, 4] of each view.
        keypoints: [N, 2] of each view, pixel centres at +0.5.
        matches: index pairs [K, 2] of view pairs.
        max_error_px: largest reprojection error of an observation.
        min_track: fewest views that must see a point.
    """
    graph = pycolmap.CorrespondenceGraph()
    reconstruction = pycolmap.Reconstruction()
    reconstruction.add_camera_with_trivial_rig(colmap_camera(camera))
    for view, (pose, points) in enumerate(zip(poses, keypoints, strict=True)):
        graph.add_image(view, len(points))
        image = pycolmap.Image(
            name=str(view), keypoints=np.asarray(points, dtype=np.float64), camera_id=1, image_id=view
        )
        reconstruction.add_image_with_trivial_frame(image, colmap_pose(pose))
    for (i, j), pairs in matches.items():
        geometry = pycolmap.TwoViewGeometry(
            config=int(pycolmap.TwoViewGeometryConfiguration.CALIBRATED), inlier_matches=pairs
        )
        graph.add_two_view_geometry(i, j, geometry)
    graph.finalize()

    options = pycolmap.IncrementalTriangulatorOptions()
    options.random_seed = _SEED
    options.complete_max_reproj_error = options.merge_max_reproj_error = max_error_px
    manager = pycolmap.ObservationManager(reconstruction, graph)
    triangulator = pycolmap.IncrementalTriangulator(graph, reconstruction, manager)
    for view in range(len(poses)):
        triangulator.triangulate_image(options, view)
    for _ in range(2):  # better points complete and merge more tracks
        triangulator.complete_all_tracks(options)
        triangulator.merge_all_tracks(options)
        manager.filter_all_points3D(max_error_px, options.min_angle)
        _refine_points(reconstruction)
    manager.filter_all_points3D(max_error_px, options.min_angle)
    return _tracks(reconstruction, min_track)


def _refine_points(reconstruction: pycolmap.Reconstruction) -> None:
    if not reconstruction.num_points3D():
        return
    options = pycolmap.BundleAdjustmentOptions(
        refine_focal_length=False,
        refine_principal_point=False,
        refine_extra_params=False,
        refine_rig_from_world=False,
        refine_sensor_from_rig=False,
        print_summary=False,
    )
    options.ceres.loss_function_type = pycolmap.LossFunctionType.CAUCHY
    config = pycolmap.BundleAdjustmentConfig()
    for view in reconstruction.reg_image_ids():
        config.add_image(view)
    # Not pycolmap.bundle_adjustment: it turns COLMAP's log back on.
    pycolmap.create_default_bundle_adjuster(options, config, reconstruction).solve()


def _tracks(reconstruction: pycolmap.Reconstruction, min_track: int) -> Tracks:
    points: list[NDArray[np.float64]] = []
    rows: list[tuple[int, int, int]] = []
    for _, point in sorted(reconstruction.points3D.items()):
        elements = sorted((element.image_id, element.point2D_idx) for element in point.track.elements)
        # Distinct views, not COLMAP's track length: SIFT gives one place several keypoints.
        if len({view for view, _ in elements}) >= min_track:
            rows += [(len(points), view, keypoint) for view, keypoint in elements]
            points.append(point.xyz)
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Tracks(np.array(points, dtype=np.float64).reshape(-1, 3), table[:, 0], table[:, 1], table[:, 2])
