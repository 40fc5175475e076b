"""How far a segment's own figure is trusted: Bühlmann-Straub credibility.

Each segment i has observed values X_ij (a month's default rate, say) with weights w_ij (the
balance at risk). With v the variance within segments and a that between them, a segment's own mean
counts Z_i = w_i / (w_i + v / a), and the credibility-weighted mean of all segments the rest. Both
are estimated without assuming any distribution, and without bias. H. Bühlmann and A. Gisler, A
Course in Credibility Theory and its Applications (2005), 4.8; S. Klugman, H. Panjer and G.
Willmot, Loss Models, "Nonparametric estimation".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class Credibility:
    """Structure parameters, and by segment [I] weight, own mean (nan if empty), Z and estimate.

    ``within`` v and ``between`` a (0 where its estimate is not positive: then Z = 0, and all take
    the weighted mean); ``collective``: the mean towards which segments are shrunk.
    """

    weight: FloatArray
    mean: FloatArray
    z: FloatArray
    within: float
    between: float
    collective: float

    @property
    def estimate(self) -> FloatArray:
        """Z X + (1 - Z) collective [I]."""
        return self.shrunk(self.mean)

    def shrunk(self, own: FloatArray, collective: float | None = None) -> FloatArray:
        """``own`` [I] figures shrunk by the same Z towards ``collective``."""
        centre = self.collective if collective is None else collective
        return (
            np.where(self.z > 0, self.z * np.where(self.z > 0, own, 0.0), 0.0)
            + (1.0 - self.z) * centre
        )

    @property
    def error(self) -> FloatArray:
        """Root mean squared error of the estimates [I]: a (1 - Z) (1 + (1 - Z) / sum Z).

        The second factor is for the estimated collective mean (Bühlmann and Gisler, 4.4).
        """
        total = float(self.z.sum())
        rest = 1.0 - self.z
        more = rest / total if total > 0 else 0.0
        return np.sqrt(self.between * rest * (1.0 + more))


def buhlmann_straub(
    group: IntArray, value: FloatArray, weight: FloatArray, groups: int
) -> Credibility:
    """Credibility of ``groups`` segments from observations (``group``, ``value``, ``weight``).

    v = sum w_ij (X_ij - X_i)^2 / sum (n_i - 1); a = (sum w_i (X_i - X)^2 - (I - 1) v) /
    (w - sum w_i^2 / w), over segments with weight. Where no segment has two observations v is not
    known and all Z are 0. Observations without weight do not count.
    """
    used = weight > 0
    group, value, weight = group[used], value[used], weight[used]
    total = np.bincount(group, weight, minlength=groups).astype(np.float64)
    some = total > 0
    safe = np.where(some, total, 1.0)
    mean = np.where(some, np.bincount(group, weight * value, minlength=groups) / safe, np.nan)
    if not some.any():
        nothing = np.zeros(groups)
        return Credibility(nothing, mean, nothing, 0.0, 0.0, float("nan"))
    count = np.bincount(group, minlength=groups)
    degrees = int(np.maximum(count - 1, 0).sum())
    spread = float((weight * (value - mean[group]) ** 2).sum())
    within = spread / degrees if degrees else 0.0
    whole = float(total.sum())
    centre = float((total[some] * mean[some]).sum()) / whole
    apart = float((total[some] * (mean[some] - centre) ** 2).sum())
    room = whole - float((total**2).sum()) / whole
    between = (apart - (int(some.sum()) - 1) * within) / room if room > 1e-12 * whole else 0.0
    if degrees == 0 or between <= 0.0:
        return Credibility(total, mean, np.zeros(groups), within, 0.0, centre)
    z = total / (total + within / between)
    collective = float((z[some] * mean[some]).sum() / z.sum())
    return Credibility(total, mean, z, within, between, collective)
