"""Do the line's scores still look like those that the threshold comes from?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pad_ros.anomaly.calibration import Calibration

_FEWEST = 8  # images; of fewer, nothing is said
_PROBABILITY = 0.01  # that scores of one kind differ so much
_DISTANCE = 0.3  # between the two distributions, from which on it matters


@dataclass(frozen=True)
class Drift:
    """The two-sample Kolmogorov-Smirnov test of the line's scores against the calibration's.

    Attributes:
        distance: of the two distribution functions, 0…1.
        probability: that scores of one distribution are so far apart.
        ratio: the median of the line's scores over that of the calibration's.
        images: how many of the line there are.
    """

    distance: float
    probability: float
    ratio: float
    images: int

    @property
    def drifted(self) -> bool:
        """Whether it is neither chance nor of no importance."""
        return self.probability < _PROBABILITY and self.distance > _DISTANCE

    def line(self) -> str:
        """One line for people."""
        test = (
            f"Kolmogorov-Smirnov distance {self.distance:.2f}, p {self.probability:.1g}, {self.images} images; "
            f"median {self.ratio:.2g} times the calibration's"
        )
        if not self.drifted:
            return f"Scores of parts that passed are like those that the threshold comes from ({test})."
        return (
            f"Scores of parts that passed drift from those that the threshold comes from ({test}): the false-reject "
            "rate that was asked for no longer holds. Look at the light and the lens, then set the threshold anew from "
            "good images of the line (`pad calibrate`)."
        )


def drift_of(calibration: Calibration, scores: Sequence[float]) -> Drift | None:
    """Compares scores of images of parts that passed with a calibration's; None when either are too few.

    Parts that passed have no scores far above the threshold, so the calibration's there are left out as well.
    """
    # Imported here: half a second, and only reports need it.
    from scipy.stats import ks_2samp

    if not scores:
        return None
    highest = max(calibration.threshold, max(scores))
    known = [score for score in calibration.scores if score <= highest]
    if min(len(known), len(scores)) < _FEWEST:
        return None
    test = ks_2samp(known, list(scores))
    middle = float(np.median(known))
    ratio = float(np.median(scores)) / middle if middle > 0 else float("inf")
    return Drift(float(test.statistic), float(test.pvalue), ratio, len(scores))
