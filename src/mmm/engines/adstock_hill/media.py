"""A stored model's media: every medium's history and curve, read from the result tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.adstock_hill.curves import DELAYED_LAGS, Curve, hill
from mmm.engines.schemas import kept_ids
from mmm.errors import NotFound, UserError

Tables = Mapping[str, pa.Table]
Parameters = dict[tuple[str, str], float]

#: What `parameters` and `draws` call the two numbers of each kind of adstock; "" where it has one.
_RATES = {
    "geometric": ("theta", ""),
    "weibull_cdf": ("shape", "scale"),
    "weibull_pdf": ("shape", "scale"),
    "delayed": ("theta", "delay"),
}
#: What the names of a Hill curve's parameters begin with where it is that of a frequency.
FREQUENCY = "frequency_"
#: At most so many draws are read, evenly spaced: more change no figure that is shown.
_MOST_DRAWS = 400


@dataclass(frozen=True)
class Medium:
    """One medium of one model. `spend` (T,) is the money in the books, None for organic media;
    `input` (T,) is what the model was given: spend, exposure rescaled to money, or the organic
    variable; with a frequency the reach in money times the Hill curve of the frequency.
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


def read_model(tables: Tables, model_id: str) -> MediaModel:
    """A kept model from a run's result tables (`channels`, `media`, `parameters`).

    NotFound where the model is not among the kept ones; UserError where the results lack what
    planning needs.
    """
    return read_models(tables, [model_id])[0]


def read_models(tables: Tables, model_ids: Sequence[str] | None = None) -> list[MediaModel]:
    """Several kept models, all when None, which share their history; errors as in `read_model`."""
    kept = kept_ids(tables)
    wanted = kept if model_ids is None else list(model_ids)
    for model_id in wanted:
        if model_id not in kept:
            raise NotFound(
                f"there is no kept model {model_id!r} in the results.",
                fix="Choose one of the kept models.",
            )
    stored = tables["parameters"]
    chosen = stored.filter(pc.is_in(stored["model_id"], pa.array(wanted, pa.string())))
    parameters: dict[str, Parameters] = {model_id: {} for model_id in wanted}
    for row in chosen.select(["model_id", "variable", "parameter", "value"]).to_pylist():
        parameters[row["model_id"]][row["variable"], row["parameter"]] = row["value"]
    history = _history(tables)
    media = _channels(tables)
    return [_model(model_id, history, media[model_id], parameters[model_id]) for model_id in wanted]


def read_draws(tables: Tables, model_id: str) -> list[MediaModel]:
    """The posterior draws of a kept model, each as a model; none where it has no draws.

    What `draws` does not hold of a channel is taken from `parameters`.
    """
    stored = tables["draws"]
    stored = stored.filter(pc.equal(stored["model_id"], model_id))
    numbers = np.unique(stored["draw"].to_numpy())
    if not len(numbers):
        return []
    step = -(-len(numbers) // _MOST_DRAWS)
    chosen = numbers[::step]
    stored = stored.filter(pc.is_in(stored["draw"], pa.array(chosen, pa.int32())))
    fixed: Parameters = {}
    parameters = tables["parameters"]
    for row in parameters.filter(pc.equal(parameters["model_id"], model_id)).to_pylist():
        fixed[row["variable"], row["parameter"]] = row["value"]
    drawn: dict[int, Parameters] = {int(number): dict(fixed) for number in chosen}
    for row in stored.to_pylist():
        drawn[row["draw"]][row["variable"], row["parameter"]] = row["value"]
    history, media = _history(tables), _channels(tables)[model_id]
    return [_model(model_id, history, media, drawn[number]) for number in sorted(drawn)]


@dataclass(frozen=True)
class _History:
    """What all models of a run share: dates (T,), rows of the window, spend and input by channel."""

    dates: np.ndarray
    window: np.ndarray
    spend: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray]
    frequency: Mapping[str, np.ndarray]


def _history(tables: Tables) -> _History:
    media = tables["media"].sort_by([("channel", "ascending"), ("date", "ascending")])
    spend, given, frequency = {}, {}, {}
    for name in pc.unique(media["channel"]).to_pylist():
        rows = media.filter(pc.equal(media["channel"], name))
        spend[name], given[name] = rows["spend"].to_numpy(), rows["input"].to_numpy()
        if rows["frequency"].null_count < rows.num_rows:
            frequency[name] = rows["frequency"].to_numpy()
    dates = rows["date"].to_numpy().astype("datetime64[D]")
    window = np.flatnonzero(rows["in_window"].to_numpy(zero_copy_only=False))
    return _History(dates, window, spend, given, frequency)


def _channels(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """Channels of each kept model, in order: name, kind, adstock."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in tables["channels"].select(["model_id", "channel", "kind", "adstock"]).to_pylist():
        found.setdefault(row["model_id"], []).append(row)
    return found


def _model(
    model_id: str, history: _History, channels: list[dict[str, Any]], parameters: Parameters
) -> MediaModel:
    media = []
    for row in channels:
        name, kind = row["channel"], row["kind"]
        frequency = history.frequency.get(name)
        curve = _curve(name, row["adstock"], parameters, saturates=frequency is None)
        spend = history.spend[name] if kind == "paid" else None
        given = history.given[name]
        if frequency is not None:
            shape = parameters[name, f"{FREQUENCY}alpha"]
            given = given * hill(frequency, shape, parameters[name, f"{FREQUENCY}inflexion"])
        media.append(Medium(name, kind, spend, given, curve))
    return MediaModel(model_id, history.dates, history.window, tuple(media))


def _curve(name: str, adstock: str | None, parameters: Parameters, *, saturates: bool) -> Curve:
    if adstock not in _RATES:
        raise UserError(
            "has no response curve in these results, so nothing can be planned with it.", where=name
        )
    rate, scale = _RATES[adstock]
    return Curve(
        kind=adstock,
        rate=parameters[name, rate],
        scale=parameters[name, scale] if scale else 0.0,
        alpha=parameters[name, "alpha"] if saturates else 1.0,
        inflexion=parameters[name, "inflexion"] if saturates else 1.0,
        coefficient=parameters[name, "coefficient"],
        lags=int(parameters.get((name, "lags"), DELAYED_LAGS)),
        saturates=saturates,
    )
