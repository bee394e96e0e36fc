"""A test's analysis in words and cells, for the command line and pages alike, and as the lift test
that an experiment takes.
"""

from __future__ import annotations

import math
from typing import Any

from mmm.errors import UserError
from mmm.format import fixed, percent
from mmm.testing.analysis import LEVEL, Analysis, Estimate
from mmm.testing.panel import GeoTest
from mmm.testing.registered import HALF_WIDTH, Found

HEADINGS = ("METHOD", "INCREMENTAL KPI", "90 % INTERVAL", "P", "IROAS", "90 % INTERVAL OF IROAS")


def shown(found: Analysis) -> list[tuple[str, ...]]:
    """A row a method, the main one first."""
    return [_row(one) for one in found.estimates]


def _row(one: Estimate) -> tuple[str, ...]:
    iroas, between = "-", "-"
    if one.iroas is not None:
        iroas = fixed(one.iroas, 2)
        between = f"{fixed(one.iroas_low, 2)} to {fixed(one.iroas_high, 2)}"
    interval = f"{fixed(one.low, 0)} to {fixed(one.high, 0)}"
    return one.method, fixed(one.incremental, 0), interval, fixed(one.p_value, 3), iroas, between


def remarks(found: Analysis) -> list[str]:
    """How far to trust it: the fit before the test, placebo tests, dates and geos that stand out."""
    fit, effects = found.pre_fit, found.placebo.effects
    word = "good enough" if fit.passes else "not good enough"
    said = [
        f"Before the test: {word}. In held-out periods the error is {percent(fit.error)} of the KPI "
        f"a period, {percent(fit.bias)} on average."
    ]
    larger = sum(abs(effect) >= abs(found.relative) for effect in effects)
    said.append(
        f"Placebo: {larger} of {len(effects)} geos without a treatment seem to have moved by as much."
    )
    if found.odd_geos:
        told = ", ".join(found.odd_geos)
        said.append(f"Something happened in {told} during the test: try without (--exclude).")
    if found.odd_dates:
        said.append(f"The treated geos stand out before the test on {', '.join(found.odd_dates)}.")
    return said


def as_found(test: GeoTest, found: Analysis) -> Found:
    """The main method's result as the registry keeps it. UserError like `as_lift_test`; a fit that
    does not pass is kept as such.
    """
    lift, error, spend = _measured(test, found)
    return Found(
        lift=lift,
        standard_error=error,
        spend=spend,
        method=found.estimates[0].method,
        pre_fit_passes=found.pre_fit.passes,
        disturbed=(*found.odd_geos, *found.odd_dates),
    )


def as_lift_test(test: GeoTest, found: Analysis, channel: str) -> dict[str, Any]:
    """The main method's result as an entry of an experiment's `lift_tests`. UserError where it is
    not to be used: the controls do not fit, the spend is not known, or the interval is open.
    """
    if not found.pre_fit.passes:
        raise UserError("the controls do not follow the treated geos.", where="pre-period fit")
    lift, error, spend = _measured(test, found)
    return {
        "channels": [channel],
        "start": str(test.dates[test.first]),
        "end": str(test.dates[test.last]),
        "lift": lift,
        "spend": spend,
        "standard_error": error,
        "source": f"geo test, {found.estimates[0].method}, {LEVEL:.0%} interval",
    }


def _measured(test: GeoTest, found: Analysis) -> tuple[float, float, float]:
    """(lift, its standard error, spend): what was held back is measured as what it had brought."""
    main = found.estimates[0]
    if test.spend is None:
        raise UserError("its spend is not known.", where="spend", fix="Give --spend.")
    error = (main.high - main.low) / (2.0 * HALF_WIDTH)
    if not math.isfinite(error):
        raise UserError("its interval has no end.", where="the test", fix="Give more history.")
    sign = -1.0 if test.spend < 0 else 1.0
    return sign * main.incremental, error, abs(test.spend)
