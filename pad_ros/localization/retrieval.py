"""Which map views look most like the image? Those that its direct matches vote for; no retrieval network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pad_ros.localization.sfm_map import SfmMap


def views_with_most_votes(sfm_map: SfmMap, points: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    """Lets every matched point vote for the views that saw it.

    Args:
        sfm_map: the map.
        points: indices of the matched points [K].
        count: how many views.

    Returns:
        At most `count` view indices that have votes, most votes first.
    """
    votes_of_point = np.bincount(points, minlength=len(sfm_map.points))
    votes = np.bincount(
        sfm_map.view_index, weights=votes_of_point[sfm_map.point_index], minlength=len(sfm_map.view_poses)
    )
    best = np.argsort(-votes, kind="stable")[:count]
    return best[votes[best] > 0]
