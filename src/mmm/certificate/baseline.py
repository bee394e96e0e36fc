"""The KPI without paid media, and the noise, of simulated worlds: what the user's own KPI leaves
once a truth's effects are taken away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.certificate.material import Material

#: Cosines over the window: waves down to so many periods.
_SHORTEST_WAVE = 13.0
_YEAR_DAYS = 365.25
_SEASON_PAIRS = 6
#: Prior sizes of the terms as shares of the mean KPI: level, trend and waves, season, what the
#: model knows (per standard deviation).
_LEVEL, _TREND, _WAVE, _SEASON, _KNOWN = 1.0, 0.3, 0.1, 0.1, 0.1


@dataclass(frozen=True)
class Smoother:
    """A ridge regression on level, trend, slow waves, season and the model's own regressors.

    `terms` (W, R) are the columns over their prior sizes, `gram` (R, R) their products plus the
    noise's variance, all in units of the mean KPI; `noise` is its standard deviation there.
    """

    terms: np.ndarray
    gram: np.ndarray
    noise: float

    def smooth(self, values: np.ndarray) -> np.ndarray:
        """What the terms explain of values (W,) or (W, n)."""
        return np.asarray(self.terms @ np.linalg.solve(self.gram, self.terms.T @ values))

    def rest(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values - self.smooth(values))


def smoother(material: Material, noise: float) -> Smoother:
    """The smoother of a window; `noise` is the noise's share of the mean KPI."""
    rows = len(material.kpi)
    days = np.arange(rows) * float(material.problem.step_days)
    time = (np.arange(rows) + 0.5) / rows
    columns = [np.full(rows, _LEVEL), _TREND * (time - 0.5) * np.sqrt(12.0)]
    for number in range(1, int(2 * rows / _SHORTEST_WAVE) + 1):
        wave = np.sqrt(2.0) * np.cos(np.pi * number * time)
        columns.append(_WAVE / number * wave)
    for number in range(1, _SEASON_PAIRS + 1):
        phase = 2 * np.pi * number * days / _YEAR_DAYS
        columns += [_SEASON * np.sin(phase), _SEASON * np.cos(phase)]
    terms = np.column_stack([*columns, _KNOWN * material.known])
    gram = terms.T @ terms + noise**2 * np.eye(terms.shape[1])
    return Smoother(terms, gram, noise)


@dataclass(frozen=True)
class Noise:
    """Autocorrelated noise with the residuals' own shocks: e_t = `persistence` e_{t-1} + shock."""

    persistence: float
    shocks: np.ndarray

    @property
    def deviation(self) -> float:
        """Standard deviation of the noise itself."""
        return float(self.shocks.std() / np.sqrt(1.0 - self.persistence**2))

    def draw(self, rows: int, random: np.random.Generator) -> np.ndarray:
        """Noise of so many rows, (rows,), with a lead-in so that it has no beginning."""
        lead = 20
        shocks = random.choice(self.shocks, rows + lead) * random.choice([-1.0, 1.0], rows + lead)
        values = np.zeros(rows + lead)
        for row in range(1, rows + lead):
            values[row] = self.persistence * values[row - 1] + shocks[row]
        return values[lead:]


#: Residuals of a model that follows slow movements closely look anti-correlated; noise is not.
_PERSISTENCE = (0.0, 0.8)


def residual_noise(material: Material) -> Noise:
    """Noise like the fitted residuals, widened for what the fit took up: one part of the variance
    for each of its regressors and two for each medium's curve.
    """
    residuals = material.residuals - material.residuals.mean()
    power = float(residuals @ residuals)
    raw = float(residuals[1:] @ residuals[:-1]) / power if power > 0 else 0.0
    persistence = float(np.clip(raw, *_PERSISTENCE))
    shocks = residuals[1:] - persistence * residuals[:-1]
    rows, used = len(residuals), material.known.shape[1] + 3 * len(material.channels) + 1
    widened = np.sqrt(rows / max(rows - used, 0.5 * rows))
    return Noise(persistence, shocks * widened)
