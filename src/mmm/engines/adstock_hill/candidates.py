"""Candidates of a search and what was found of them, as arrays; how the window is split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmm.engines.adstock_hill.transforms import jit


class Candidates(NamedTuple):
    """Hyperparameters of B candidates. `penalty` are the factors v_j >= 0, any scale; `rate` and
    `scale` are the adstock's theta (scale unused) or Weibull shape and scale; `lambda_` is
    absolute; `train_size` within (0, 1].
    """

    alpha: np.ndarray  # (B, M)
    gamma: np.ndarray  # (B, M)
    rate: np.ndarray  # (B, M)
    scale: np.ndarray  # (B, M)
    lambda_: np.ndarray  # (B,)
    train_size: np.ndarray  # (B,)
    penalty: np.ndarray  # (B, p)

    @property
    def batch(self) -> int:
        return int(self.lambda_.shape[0])

    def rows(self, index: np.ndarray | slice) -> Candidates:
        return Candidates(*(values[index] for values in self))


class Evaluation(NamedTuple):
    """Results of B candidates. Splits are ordered train, validation, test; NaN where a split is
    empty.
    """

    coefficients: np.ndarray  # (B, p)
    intercept: np.ndarray  # (B,)
    nrmse: np.ndarray  # (B, 3)
    rsq: np.ndarray  # (B, 3) adjusted
    loss: np.ndarray  # (B, 3) NRMSE of the search, DECOMP.RSSD, calibration MAPE
    effects: np.ndarray  # (B, p + 1) sum over the window per regressor, then the intercept's
    inflexion: np.ndarray  # (B, M)
    inflation: np.ndarray  # (B, M)
    passes: (
        np.ndarray
    )  # (B,) factorisations or coordinate-descent passes; negative: did not converge
    studied: (
        np.ndarray
    )  # (B, S, 2) effect over each study's period, in its scope and in total; NaN: no comparison
    flexible: np.ndarray  # (B, q) coefficients of the flexible baseline's columns
    effect_error: np.ndarray  # (B, M) standard errors of the media's effects; 0: not known

    @classmethod
    def empty(
        cls, batch: int, p: int, media: int, studies: int = 0, flexible: int = 0
    ) -> Evaluation:
        return cls(
            np.zeros((batch, p)), np.zeros(batch), np.full((batch, 3), np.nan), np.full((batch, 3), np.nan),
            np.zeros((batch, 3)), np.zeros((batch, p + 1)), np.zeros((batch, media)), np.zeros((batch, media)),
            np.zeros(batch, np.int64), np.full((batch, studies, 2), np.nan),
            np.zeros((batch, flexible)), np.zeros((batch, media)),
        )  # fmt: skip

    def rows(self, index: np.ndarray | slice) -> Evaluation:
        return Evaluation(*(values[index] for values in self))


@dataclass(frozen=True)
class Split:
    """Row counts of the window's parts in time order (Robyn: train_size, floor of the type-7
    quantile).
    """

    train: int
    val: int
    test: int


def split_rows(rows: int, train_size: float) -> Split:
    train, val = split_counts(rows, train_size)
    return Split(train, val, rows - train - val)


@jit
def split_counts(n, train_size):  # type: ignore[no-untyped-def]
    """(rows of the training part, rows of the validation part) of n."""
    if train_size >= 1.0:
        return n, 0
    return math.floor(1.0 + (n - 1) * train_size), math.floor((1.0 - train_size) / 2.0 * n)
