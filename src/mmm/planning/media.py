"""What planning needs of a stored model: every medium's history and curve, read from the result
tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.adstock_hill.curves import Curve
from mmm.errors import NotFound, UserError

Tables = Mapping[str, pa.Table]

_RATE = {"geometric": "theta", "weibull_cdf": "shape", "weibull_pdf": "shape"}


@dataclass(frozen=True)
class Medium:
    """One medium of one model. `spend` (T,) is the money in the books, None for organic media;
    `input` (T,) is what the model was given: spend, exposure rescaled to money, or the organic
    variable.
    """

    name: str
    kind: str
    spend: np.ndarray | None
    input: np.ndarray
    curve: Curve

    def money(self) -> np.ndarray:
        """Spend (T,); UserError for an organic medium."""
        if self.spend is None:
            raise UserError("is organic: no money is spent on it.", where=self.name)
        return self.spend

    def input_per_money(self, rows: np.ndarray, window: np.ndarray) -> float:
        """Modelled input that one unit of money bought in `rows`; in the window where no money was
        spent in `rows`.

        1 where spend itself is modelled. Exposures cost more in one week than in another; rescaling
        them to money makes both equal over the whole window only.
        """
        money = self.money()
        for chosen in (rows, window):
            spent, given = float(money[chosen].sum()), float(self.input[chosen].sum())
            if spent > 0 and given > 0:
                return given / spent
        return 1.0


@dataclass(frozen=True)
class MediaModel:
    """One model's media on all T rows of the data. `window` are the rows that were modelled, in
    order.
    """

    model_id: str
    dates: np.ndarray
    window: np.ndarray
    media: tuple[Medium, ...]

    @property
    def paid(self) -> tuple[Medium, ...]:
        return tuple(medium for medium in self.media if medium.kind == "paid")

    def medium(self, name: str) -> Medium:
        for medium in self.media:
            if medium.name == name:
                return medium
        known = ", ".join(medium.name for medium in self.media)
        raise NotFound(f"there is no medium {name!r} in the model.", fix=f"Its media are {known}.")

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


def read_model(tables: Tables, model_id: str) -> MediaModel:
    """A kept model from a run's result tables (`channels`, `media`, `parameters`).

    NotFound where the model is not among the kept ones; UserError where the results lack what
    planning needs.
    """
    return read_models(tables, [model_id])[0]


def read_models(tables: Tables, model_ids: Sequence[str] | None = None) -> list[MediaModel]:
    """Several kept models, all when None, which share their history; errors as in `read_model`."""
    channels: dict[str, list[dict[str, Any]]] = {}
    for row in tables["channels"].select(["model_id", "channel", "kind", "adstock"]).to_pylist():
        channels.setdefault(row["model_id"], []).append(row)
    wanted = list(channels) if model_ids is None else list(model_ids)
    for model_id in wanted:
        if model_id not in channels:
            raise NotFound(
                f"there is no kept model {model_id!r} in the results.",
                fix="Choose one of the kept models.",
            )
    stored = tables["parameters"]
    chosen = stored.filter(
        pc.is_in(stored["model_id"], pa.array(wanted, stored["model_id"].type))
    ).to_pylist()
    parameters: dict[str, dict[tuple[str, str], float]] = {model_id: {} for model_id in wanted}
    for row in chosen:
        parameters[row["model_id"]][row["variable"], row["parameter"]] = row["value"]
    history: dict[str, pa.Table] = {}
    for name in dict.fromkeys(row["channel"] for model_id in wanted for row in channels[model_id]):
        history[name] = (
            tables["media"].filter(pc.equal(tables["media"]["channel"], name)).sort_by("date")
        )
    series = {
        name: (rows["spend"].to_numpy(), rows["input"].to_numpy()) for name, rows in history.items()
    }
    rows = next(iter(history.values()))
    dates = rows["date"].to_numpy().astype("datetime64[D]")
    window = np.flatnonzero(rows["in_window"].to_numpy(zero_copy_only=False))

    def medium(model_id: str, row: dict[str, Any]) -> Medium:
        name, kind = row["channel"], row["kind"]
        spend, given = series[name]
        curve = _curve(name, row["adstock"], parameters[model_id])
        return Medium(name, kind, spend if kind == "paid" else None, given, curve)

    return [
        MediaModel(
            model_id, dates, window, tuple(medium(model_id, row) for row in channels[model_id])
        )
        for model_id in wanted
    ]


def _curve(name: str, adstock: str | None, parameters: Mapping[tuple[str, str], float]) -> Curve:
    if adstock not in _RATE:
        raise UserError(
            "has no response curve in these results, so nothing can be planned with it.", where=name
        )
    return Curve(
        kind=adstock,
        rate=parameters[name, _RATE[adstock]],
        scale=0.0 if adstock == "geometric" else parameters[name, "scale"],
        alpha=parameters[name, "alpha"],
        inflexion=parameters[name, "inflexion"],
        coefficient=parameters[name, "coefficient"],
    )
