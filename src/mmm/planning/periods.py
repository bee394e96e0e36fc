"""The periods after the data, and how many a year has."""

from __future__ import annotations

import numpy as np

_MONTH_DAYS = (28, 31)
#: A year in whole weeks, so that weekdays stay in place.
_YEAR_DAYS = 364


def dates_ahead(dates: np.ndarray, count: int) -> np.ndarray:
    """The starts of the next periods after the last date, (count,), at the dates' own step."""
    step = int(np.median(np.diff(dates).astype(int)))
    if _MONTH_DAYS[0] <= step <= _MONTH_DAYS[1]:
        last = dates[-1].astype("datetime64[M]")
        within = dates[-1] - last.astype("datetime64[D]")
        months = last + np.arange(1, count + 1)
        return np.asarray(months.astype("datetime64[D]") + within)
    return np.asarray(dates[-1] + step * np.arange(1, count + 1))


def periods_of_a_year(dates: np.ndarray) -> int:
    """How many periods a year has at the dates' step."""
    step = int(np.median(np.diff(dates).astype(int)))
    if _MONTH_DAYS[0] <= step <= _MONTH_DAYS[1]:
        return 12
    return max(round(_YEAR_DAYS / step), 1)
