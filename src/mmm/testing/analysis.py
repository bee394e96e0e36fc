"""A geo test analysed: the effect by three methods, whether the controls can be trusted, and the
verdict in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from mmm.format import fixed, percent
from mmm.testing.conformal import Interval, interval
from mmm.testing.estimators import METHODS, Counterfactual, RidgeSynthetic
from mmm.testing.panel import GeoTest
from mmm.testing.placebo import Placebo, odd_dates, placebo_effects

LEVEL = 0.9
#: Of the mean KPI, in periods held out before the test: the error of a period and of their mean.
_MOST_ERROR, _MOST_BIAS = 0.2, 0.05


@dataclass(frozen=True)
class Estimate:
    """What one method says. `effect` is the mean per treated geo and period; `incremental` the KPI
    of all treated geos over the test and its cooldown, with its interval; `iroas` None where the
    spend is not known.
    """

    method: str
    effect: float
    incremental: float
    low: float
    high: float
    p_value: float
    iroas: float | None = None
    iroas_low: float | None = None
    iroas_high: float | None = None


@dataclass(frozen=True)
class PreFit:
    """How the main method does in periods held out before the test, as shares of the mean KPI."""

    error: float
    bias: float

    @property
    def passes(self) -> bool:
        return self.error <= _MOST_ERROR and abs(self.bias) <= _MOST_BIAS


@dataclass(frozen=True)
class Analysis:
    """`estimates` has the main method first. `counterfactual` (T,) is its, per treated geo, beside
    `observed` (T,). `odd_dates` and `odd_geos` are named, not removed.
    """

    estimates: tuple[Estimate, ...]
    pre_fit: PreFit
    placebo: Placebo
    dates: np.ndarray
    observed: np.ndarray
    counterfactual: np.ndarray
    odd_dates: tuple[str, ...]
    odd_geos: tuple[str, ...]
    relative: float
    verdict: str


def analyse(test: GeoTest) -> Analysis:
    """The test's effect. Works on the mean of the treated geos against the controls."""
    with threadpool_limits(1):  # many small systems: more threads only wait for each other
        return _analysed(test)


def _analysed(test: GeoTest) -> Analysis:
    target, controls, before = test.target, test.controls, test.before
    methods = dict(METHODS)
    main, *_ = methods
    methods[main] = RidgeSynthetic().settled(target, controls, before)
    estimates = tuple(
        _estimate(name, method, test, target, controls) for name, method in methods.items()
    )
    expected = methods[main](target, controls, before)
    placebo = placebo_effects(controls, test.control_geos, before)
    pre_fit = _pre_fit(methods[main], target, controls, before)
    relative = estimates[0].effect / float(expected[~before].mean())
    return Analysis(
        estimates=estimates,
        pre_fit=pre_fit,
        placebo=placebo,
        dates=test.dates[: len(target)],
        observed=target,
        counterfactual=expected,
        odd_dates=odd_dates(target - expected, before, test.dates),
        odd_geos=placebo.odd,
        relative=relative,
        verdict=_verdict(estimates, pre_fit, relative),
    )


def _estimate(
    name: str, method: Counterfactual, test: GeoTest, target: np.ndarray, controls: np.ndarray
) -> Estimate:
    before = test.before
    effect = float((target - method(target, controls, before))[~before].mean())
    found: Interval = interval(method, target, controls, before, effect, LEVEL)
    size = float(test.treated.sum()) * float((~before).sum())
    incremental, low, high = (value * size for value in (effect, found.low, found.high))
    ratios: tuple[float | None, ...] = (None, None, None)
    if test.spend:
        ratios = tuple(value / test.spend for value in (incremental, low, high))
        if (
            test.spend < 0
        ):  # spend was held back: the KPI that was lost for the money that was saved
            ratios = (ratios[0], ratios[2], ratios[1])
    return Estimate(name, effect, incremental, low, high, found.p_value, *ratios)


def _pre_fit(
    method: Counterfactual, target: np.ndarray, controls: np.ndarray, before: np.ndarray
) -> PreFit:
    """Hold out the last periods before the test, as many as the test has, at most a third."""
    rows = int(before.sum())
    held = min(int((~before).sum()), rows // 3)
    seen = np.arange(rows) < rows - held
    gap = target[:rows] - method(target[:rows], controls[:rows], seen)
    level = float(target[:rows].mean()) or 1.0
    error = float(np.sqrt((gap[~seen] ** 2).mean())) / level
    return PreFit(error, float(gap[~seen].mean()) / level)


def _verdict(estimates: tuple[Estimate, ...], pre_fit: PreFit, relative: float) -> str:
    main, *others = estimates
    if not pre_fit.passes:
        return (
            "No verdict: before the test the controls do not follow the treated geos well enough "
            f"(error {percent(pre_fit.error)} of the KPI a period, {percent(pre_fit.bias)} on "
            "average in held-out periods)."
        )
    size = f"{fixed(main.incremental, 0)} ({fixed(main.low, 0)} to {fixed(main.high, 0)})"
    told = f"incremental KPI {size}, {percent(relative)} of what was expected"
    if main.low > 0:
        start = f"The test raised the KPI: {told}."
    elif main.high < 0:
        start = f"The test lowered the KPI: {told}."
    else:
        start = f"No effect is shown: {told}; the 90 % interval holds 0."
    return f"{start} {_others(main, others)}"


def _others(main: Estimate, others: list[Estimate]) -> str:
    """Whether the second opinions' intervals share a value with the main one."""
    apart = [one.method for one in others if one.low > main.high or one.high < main.low]
    if apart:
        return f"The methods differ: {' and '.join(apart)} says otherwise."
    return "The other methods agree."
