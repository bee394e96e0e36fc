"""What was spent, by period and paid channel: the part of a run that planning starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.errors import UserError

Tables = Mapping[str, pa.Table]


@dataclass(frozen=True)
class History:
    """Money of P paid channels on all T rows of the data, `spend` (P, T). `window` are the rows that
    were modelled, in order.
    """

    dates: np.ndarray
    window: np.ndarray
    channels: tuple[str, ...]
    spend: np.ndarray

    def rows(self, period: str = "all") -> np.ndarray:
        """Rows of a date range: `all` (the window), `last_10` (its last ten), `2018-01-01` or
        `2018-01-01:2018-03-26` (every period the dates touch). The range may begin before the
        window, where data is, and ends with it.

        Robyn reads "all" as everything from the first row of the data, and two dates as just these
        two rows when both are periods' starts; neither is done here.
        """
        where = f"date range {period!r}"
        if period == "all":
            return self.window
        if period.startswith("last_"):
            return self._last(period.removeprefix("last_"), where)
        first, _, last = period.partition(":")
        start, end = self._row(first, where), self._row(last or first, where)
        if end < start:
            raise UserError("ends before it begins.", where=where)
        return np.arange(start, end + 1)

    def _last(self, count: str, where: str) -> np.ndarray:
        if not count.isdigit() or not 1 <= int(count) <= len(self.window):
            raise UserError(
                f"{count!r} is no number of periods.",
                where=where,
                fix=f"Give 1 to {len(self.window)}, as in last_10.",
            )
        return self.window[-int(count) :]

    def _row(self, text: str, where: str) -> int:
        """The row of the period that a date lies in."""
        try:
            day = np.datetime64(date.fromisoformat(text.strip()), "D")
        except ValueError:
            raise UserError(
                f"{text!r} is not a date.",
                where=where,
                fix="Write all, last_10 or 2018-01-01:2018-03-26.",
            ) from None
        last = int(self.window[-1])
        following = self.dates[last] + (self.dates[last] - self.dates[last - 1])
        if not self.dates[0] <= day < following:
            raise UserError(
                f"{day} lies outside the data.",
                where=where,
                fix=f"The model knows {self.dates[0]} to {following - np.timedelta64(1, 'D')}.",
            )
        return min(int(np.searchsorted(self.dates, day, side="right")) - 1, last)


def read_history(tables: Tables) -> History:
    """From a run's result table `media`; UserError where the run has no paid channel."""
    media = tables["media"]
    paid = media.filter(pc.equal(media["kind"], "paid"))
    if not paid.num_rows:
        raise UserError("the model has no paid channel to plan.", where="plan")
    channels = [
        row["channel"]
        for row in paid.group_by("channel", use_threads=False).aggregate([]).to_pylist()
    ]
    spend = []
    for name in channels:
        rows = paid.filter(pc.equal(paid["channel"], name)).sort_by("date")
        spend.append(rows["spend"].to_numpy())
    dates = rows["date"].to_numpy().astype("datetime64[D]")
    window = np.flatnonzero(rows["in_window"].to_numpy(zero_copy_only=False))
    return History(dates, window, tuple(channels), np.array(spend, float))


def reported_effects(tables: Tables, history: History, weights: Mapping[str, float]) -> np.ndarray:
    """What all paid channels brought in each period as the report has it, (T,), the weighted mean of
    the models in `weights`; NaN outside the window.
    """
    rows = tables["contributions"]
    names = pa.array(list(weights), pa.string())
    of_models = pc.is_in(rows["model_id"], names)
    rows = rows.filter(pc.and_(pc.equal(rows["kind"], "paid"), of_models))
    place = pc.index_in(rows["model_id"], names).to_numpy(zero_copy_only=False)
    weight = np.array(list(weights.values()))[place]
    effect = np.nan_to_num(rows["effect"].to_numpy(zero_copy_only=False).astype(float))
    row = np.searchsorted(history.dates, rows["date"].to_numpy().astype("datetime64[D]"))
    total = np.bincount(row, effect * weight, len(history.dates))
    inside = np.isin(np.arange(len(history.dates)), history.window)
    return np.where(inside, total, np.nan)
