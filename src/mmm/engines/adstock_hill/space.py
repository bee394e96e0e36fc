"""The search space: from points in [0, 1]^d to candidates' hyperparameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mmm.engines.adstock_hill.candidates import Candidates
from mmm.engines.adstock_hill.frame import LAMBDA_RATIO, Frame, lambda_max
from mmm.engines.adstock_hill.settings import AdstockHillSettings, MediumSettings

#: Robyn's plural names of the hyperparameters, whose alphabetical order is the order of the search
#: space.
ROBYN_NAMES = {
    "alpha": "alphas",
    "gamma": "gammas",
    "theta": "thetas",
    "shape": "shapes",
    "scale": "scales",
}


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter: of a medium, of a regressor's penalty, or of the whole fit. `low` ==
    `high`: fixed.
    """

    variable: str
    parameter: str
    low: float
    high: float

    @property
    def fixed(self) -> bool:
        return self.low == self.high

    @property
    def stored_name(self) -> str:
        """Its name in the table `parameters`, where `lambda` is the penalty itself."""
        return "lambda_unit" if self.parameter == "lambda" else self.parameter


@dataclass(frozen=True)
class Space:
    """All hyperparameters in order. `dimensions` are the ranged ones."""

    frame: Frame
    hyperparameters: tuple[Hyperparameter, ...]
    lambda_max: float
    kinds: tuple[str, ...]

    @property
    def dimensions(self) -> int:
        return sum(not item.fixed for item in self.hyperparameters)

    def values(self, points: np.ndarray) -> np.ndarray:
        """(B, d) points to (B, H) values; lambda stays in [0, 1]. Coordinates keep 10 significant
        digits, as Robyn.
        """
        low = np.array([item.low for item in self.hyperparameters])
        high = np.array([item.high for item in self.hyperparameters])
        ranged = low != high
        out = np.tile(low, (points.shape[0], 1))
        out[:, ranged] = low[ranged] + (high - low)[ranged] * _significant(points, 10)
        return out

    def absolute_lambda(self, unit: np.ndarray) -> np.ndarray:
        """Lambda from its unit scale: linear between 1e-4 of the largest and the largest, as in
        Robyn.

        A logarithmic scale was tried: the search dominates less with it
        (benchmarks/search_quality.py).
        """
        low = LAMBDA_RATIO * self.lambda_max
        return np.asarray(low + (self.lambda_max - low) * unit)

    def candidates(self, values: np.ndarray) -> Candidates:
        """(B, H) values to the compiled core's arrays."""
        batch, media, p = values.shape[0], len(self.frame.media_names), len(self.frame.names)
        curves = {name: np.zeros((batch, media)) for name in ("alpha", "gamma", "rate", "scale")}
        penalty, lambda_, train_size = np.ones((batch, p)), np.zeros(batch), np.ones(batch)
        for i, item in enumerate(self.hyperparameters):
            column = values[:, i]
            if item.parameter == "lambda":
                lambda_ = self.absolute_lambda(column)
            elif item.parameter == "train_size":
                train_size = column
            elif item.parameter == "penalty":
                penalty[:, self.frame.names.index(item.variable)] = column
            else:
                target = {"theta": "rate", "shape": "rate"}.get(item.parameter, item.parameter)
                curves[target][:, self.frame.media_names.index(item.variable)] = column
        return Candidates(
            alpha=curves["alpha"],
            gamma=curves["gamma"],
            rate=curves["rate"],
            scale=curves["scale"],
            lambda_=np.ascontiguousarray(lambda_),
            train_size=np.ascontiguousarray(train_size),
            penalty=penalty,
        )


def _significant(x: np.ndarray, digits: int) -> np.ndarray:
    """Round to a number of significant digits (R's signif)."""
    magnitude = 10.0 ** (digits - 1 - np.floor(np.log10(np.where(x > 0, x, 1.0))))
    return np.asarray(np.round(x * magnitude) / magnitude)


def medium_settings(name: str, selected: str, settings: AdstockHillSettings) -> MediumSettings:
    """A medium's own settings, by its name or by its modelled column's."""
    return settings.media.get(name) or settings.media.get(selected) or MediumSettings()


def media_hyperparameters(
    media: Iterable[tuple[str, str]], settings: AdstockHillSettings
) -> list[tuple[str, Hyperparameter]]:
    """(Robyn's name, hyperparameter) of media given as (name, modelled column), in Robyn's order."""
    found = []
    for name, selected in media:
        own = medium_settings(name, selected, settings)
        rates = ["shape", "scale"]
        if (own.adstock or settings.adstock) == "geometric":
            rates = ["theta"]
        for parameter in ("alpha", "gamma", *rates):
            low, high = getattr(own, parameter) or getattr(settings, parameter)
            found.append(
                (f"{selected}_{ROBYN_NAMES[parameter]}", Hyperparameter(name, parameter, low, high))
            )
    return sorted(found, key=lambda pair: pair[0])


def build_space(frame: Frame, settings: AdstockHillSettings) -> Space:
    """The hyperparameters of a frame under `settings`, in Robyn's order (media by full name, then
    the rest).
    """
    media = list(zip(frame.media_names, frame.selected, strict=True))
    kinds = [medium_settings(*medium, settings).adstock or settings.adstock for medium in media]
    ordered = [item for _, item in media_hyperparameters(media, settings)]
    if settings.validation:
        ordered.append(Hyperparameter("", "train_size", *settings.validation.train_size))
    ordered.append(Hyperparameter("", "lambda", *settings.lambda_))
    if settings.penalty_factors:
        ordered += [Hyperparameter(name, "penalty", 0.0, 1.0) for name in frame.names]
    return Space(frame, tuple(ordered), lambda_max(frame), tuple(kinds))
