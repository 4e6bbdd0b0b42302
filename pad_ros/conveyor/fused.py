"""The verdict on a part from what its views together say of each place on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pad_ros.anomaly.calibration import Calibration
from pad_ros.conveyor.policy import Verdict, ViewVerdict, describe_part, unseen_views
from pad_ros.errors import ConfigError


class FusedPolicy:
    """Rejects a part that is more suspicious than good ones are, all of its views taken together.

    The limit is that of the product's calibration for as many views as were judged (`pad_ros.anomaly.part`).
    Of one view there is nothing to fuse: its own verdict is the part's.
    A view that never came or could not be judged rejects, except for up to `max_unjudged` of them; so does a part of
    which no view was judged.
    """

    def __init__(self, calibration: Calibration, max_unjudged: int = 0) -> None:
        """Takes the product's calibration.

        Raises:
            ConfigError: it knows nothing of parts, or `max_unjudged` is below 0.
        """
        if not isinstance(max_unjudged, int) or isinstance(max_unjudged, bool) or max_unjudged < 0:
            raise ConfigError(f"reject policy: max_unjudged must be a whole number >= 0, got {max_unjudged!r}")
        if calibration.part is None:
            raise ConfigError(
                "reject policy 'fused': the product's calibration says nothing of whole parts, as those of older "
                "versions; calibrate it with good images (`pad calibrate`), train it again, or choose the policy `any`"
            )
        self._part, self._threshold = calibration.part, calibration.threshold
        self.max_unjudged = max_unjudged

    def judge(self, views: Sequence[ViewVerdict], missing: int = 0) -> Verdict:
        """Judges a part by its views; `missing` more were announced and never came."""
        judged = [view for view in views if view.judged]
        score = max((view.score for view in judged), default=float("nan"))
        said = describe_part(views, missing)
        if not judged or unseen_views(views, missing) > self.max_unjudged:
            return Verdict(True, "; ".join(["not all of the part was seen", *said]), score, math.inf)
        if len(judged) == 1:
            return Verdict(judged[0].anomalous, "; ".join(said), score, score / max(self._threshold, 1e-9))
        try:
            found = self._part.suspicion([view.evidence for view in judged])
        except ConfigError as error:  # of another product, or of an older version's results
            return Verdict(True, "; ".join([str(error), *said]), score, math.inf)
        limit = self._part.limit(len(judged))
        said.append(f"together {found:.1f}, and good parts reach {limit:.1f}")
        return Verdict(found > limit, "; ".join(said), score, found / limit)
