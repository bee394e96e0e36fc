"""The mean response over draws or kept models, and how draws are divided into those that a plan is
optimised on and those that it is measured on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.engines.response import ResponseModel

#: From so many draws on, half of them are kept from the optimisation: fewer cannot be divided
#: without either half saying little.
_FEWEST_TO_DIVIDE = 20


@dataclass(frozen=True)
class MeanResponse:
    """The weighted mean response of a model's draws: (P,) money per period, or (n, P), to the same
    shape.
    """

    model: ResponseModel

    def response(self, spend: np.ndarray) -> np.ndarray:
        return self._mean(self.model.response(np.asarray(spend, float)))

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        return self._mean(self.model.marginal(np.asarray(spend, float)))

    def next_unit(self, spend: np.ndarray) -> np.ndarray:
        """Response to one more unit of money (Robyn's marginal response)."""
        spend = np.asarray(spend, float)
        return self.response(spend + 1.0) - self.response(spend)

    def _mean(self, values: np.ndarray) -> np.ndarray:
        if len(values) == 1:
            return np.asarray(values[0])
        return np.asarray(np.tensordot(self.model.weights, values, axes=1))


@dataclass(frozen=True)
class _Around:
    """What is made of a response model, with its channels and the weights of its draws."""

    model: ResponseModel

    @property
    def channels(self) -> tuple[str, ...]:
        return self.model.channels

    @property
    def weights(self) -> np.ndarray:
        return self.model.weights


@dataclass(frozen=True)
class SomeDraws(_Around):
    """Some draws of a response model, their weights summing to 1 again."""

    chosen: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        weights = self.model.weights[self.chosen]
        return np.asarray(weights / weights.sum())

    def response(self, spend: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.response(spend)[self.chosen])

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.marginal(spend)[self.chosen])


@dataclass(frozen=True)
class Valued(_Around):
    """A response model in money: each channel's response times what a unit of it is worth (P,)."""

    values: np.ndarray

    def response(self, spend: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.response(spend) * self.values)

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.marginal(spend) * self.values)


@dataclass(frozen=True)
class Stretched(_Around):
    """A response model whose draws lie further from their mean, each channel's by its factor (P,): as
    wide as the certificate shows that intervals must be. A response that was at or above 0 stays so.
    """

    factors: np.ndarray

    def response(self, spend: np.ndarray) -> np.ndarray:
        drawn = self.model.response(spend)
        wider = self._around_mean(drawn)
        return np.where(drawn >= 0, np.maximum(wider, 0.0), wider)

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        return self._around_mean(self.model.marginal(spend))

    def _around_mean(self, drawn: np.ndarray) -> np.ndarray:
        middle = np.tensordot(self.model.weights, drawn, axes=1)
        return np.asarray(middle + self.factors * (drawn - middle))


def divided(model: ResponseModel) -> tuple[ResponseModel, ResponseModel]:
    """(draws to optimise on, draws to measure on): every other one by weight, so that both halves
    hold heavy and light ones. All draws twice where they are too few to divide.
    """
    count = len(model.weights)
    if count < _FEWEST_TO_DIVIDE:
        return model, model
    order = np.argsort(-model.weights, kind="stable")
    # Heaviest to the first half, the next two to the second, and so on: equal sums, nearly.
    second = np.isin(np.arange(count) % 4, (1, 2))
    return SomeDraws(model, np.sort(order[~second])), SomeDraws(model, np.sort(order[second]))


def weighted_quantiles(
    values: np.ndarray, weights: np.ndarray, at: tuple[float, ...]
) -> np.ndarray:
    """Quantiles `at` of values (K,) or (K, n) over draws with `weights` (K,): (len(at),) or
    (len(at), n). With equal weights they are numpy's.
    """
    if np.ptp(weights) < 1e-12:
        return np.asarray(np.quantile(values, at, axis=0))
    columns = values.reshape(len(values), -1)
    found = np.empty((len(at), columns.shape[1]))
    for column in range(columns.shape[1]):
        order = np.argsort(columns[:, column])
        sorted_weights = weights[order]
        # The middle of each draw's share, stretched so that the ends are the smallest and largest.
        middle = np.cumsum(sorted_weights) - 0.5 * sorted_weights
        middle = (middle - middle[0]) / (middle[-1] - middle[0])
        found[:, column] = np.interp(at, middle, columns[order, column])
    return found.reshape(len(at), *values.shape[1:])
