"""What an engine may offer beyond training, each asked for by name.

`offered(engine, Exports)` is the engine where it offers exports, else None; `asked` refuses with a
sentence in place of None. Nothing outside `engines/` asks which engine it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from mmm.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from mmm.engines.base import Engine, Problem
    from mmm.engines.response import ResponseModel

Tables = Mapping[str, "pa.Table"]


@runtime_checkable
class Presets(Protocol):
    """Sizes of a training by name."""

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """The settings each name stands for; what a preset does not name keeps its default."""
        ...


@dataclass(frozen=True)
class Rates:
    """Measured cost of a training: seconds without its candidates, of a candidate, of a candidate's
    row and column by kind; bytes of memory.
    """

    fixed: float
    per_candidate: float
    per_cell: Mapping[str, float]
    memory_bytes: float
    memory_per_candidate: float


@dataclass(frozen=True)
class SearchSize:
    """What of the settings a training's time depends on: models that are evaluated (or sweeps of a
    sampler), and the `kind` of each by which `Rates.per_cell` names its cost.
    """

    candidates: int
    kind: str = ""


@runtime_checkable
class Sized(Protocol):
    """The cost of a training is known before it."""

    @property
    def rates(self) -> Rates: ...

    def search_size(self, settings: Any, *, calibrated: bool) -> SearchSize:
        """The size of a training with these settings, `calibrated` where there are lift tests."""
        ...


@runtime_checkable
class Varies(Protocol):
    """The same experiment can be trained another way, for a study of its stability."""

    def variant(
        self,
        settings: Any,
        *,
        seed: int = 0,
        holdout: float | None = None,
        effort: Mapping[str, int] | None = None,
    ) -> Any:
        """Settings with the `seed`-th other seed (0: the same), with only the first `holdout` of the
        window trained on, with another `effort` (`iterations`, `trials`). UserError for what the
        engine cannot vary.
        """
        ...


@runtime_checkable
class Quick(Protocol):
    """A training can be made much shorter without its numbers changing much: for hundreds of
    trainings on simulated data.
    """

    def quick_effort(self, settings: Any) -> Mapping[str, int]:
        """The effort, as `Varies.variant` takes it, of the shortest training whose estimates and
        intervals still are those of these settings.
        """
        ...


@runtime_checkable
class Refreshes(Protocol):
    """A model can be brought up to date with new periods (`Problem.previous`)."""

    def refresh_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a refresh of a model that was trained with `settings`."""
        ...


@dataclass(frozen=True)
class ExportRequest:
    """What of a run is to be written: its problem, settings and results, `models` in full,
    `everything` that was evaluated. `experiment` is what was asked for, as JSON; `date` the name of
    its date column.
    """

    run_id: str
    problem: Problem
    settings: Mapping[str, Any]
    tables: Tables
    engine_version: str
    experiment: Mapping[str, Any]
    date: str
    country: str | None = None
    models: Sequence[str] = ()
    everything: bool = False


@dataclass(frozen=True)
class Export:
    """Files by name: tables, each made when it is written, and documents to be written as JSON."""

    tables: Mapping[str, Callable[[], pa.Table]]
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


#: The section of an exported document that makes the model again: `engine`, `model_id`, `experiment`
#: and what the engine needs. Beside it `Extras.raw_data` holds the data by rows.
SECTION = "mmm"


@runtime_checkable
class Exports(Protocol):
    """The engine writes its models in formats of its own."""

    def export(self, request: ExportRequest) -> Export: ...


@dataclass(frozen=True)
class Preview:
    """What ranges of settings allow: `sentences`; rows of `decay` (end, lag, weight) and of
    `saturation` (end, pressure, effect), empty where there is nothing to draw. With the data also rows
    of `response` (end, spend, response per period) and of what is `expected` (name, "" for all paid
    media, quantity as in `words.Quantity`, low, middle, high: nine in ten lie between the ends).
    """

    sentences: Sequence[str] = ()
    decay: Sequence[Mapping[str, Any]] = ()
    saturation: Sequence[Mapping[str, Any]] = ()
    response: Sequence[Mapping[str, Any]] = ()
    expected: Sequence[Mapping[str, Any]] = ()


@runtime_checkable
class Previews(Protocol):
    """The settings' ranges can be shown before a training."""

    def preview(
        self,
        settings: Any,
        channel: str,
        *,
        length: int,
        period: str,
        problem: Problem | None = None,
    ) -> Preview:
        """Of a channel, "" for all of them, on a series of `length` periods, each called `period`;
        `problem` is what would be trained, None while it cannot be.
        """
        ...


@runtime_checkable
class Responds(Protocol):
    """Planning with the engine's models."""

    def response_model(
        self,
        tables: Tables,
        rows: np.ndarray | None = None,
        *,
        carryover: str = "held",
        models: Sequence[str] | None = None,
    ) -> ResponseModel:
        """How the paid channels of kept models respond at rest, with the prices of `rows`.

        `tables` are a result's. `rows` are those of the data, None for the whole window. `carryover`
        is "held" (earlier input goes on as it was) or "follows" (it follows the spend). `models`
        are kept ones, None for all: K is their number, or that of the draws of a single one that
        has draws.
        """
        ...


@dataclass(frozen=True)
class EffectsByDraw:
    """What each named component did in each period of `dates` (T,), datetime64[D]: `effects`
    (K, components, T) in units of the KPI, over K draws or kept models with `weights` (K,) that sum
    to 1.
    """

    names: tuple[str, ...]
    dates: np.ndarray
    weights: np.ndarray
    effects: np.ndarray


@runtime_checkable
class DrawsEffects(Protocol):
    """The media's effects of any periods can be told by posterior draw, so that sums over periods
    have intervals.
    """

    def drawn_effects(self, tables: Tables, model_id: str) -> EffectsByDraw | None:
        """Effects of the media over the window, None where the model has no draws."""
        ...


Offer = TypeVar("Offer")


def offered(engine: Engine, offer: type[Offer]) -> Offer | None:
    """The engine where it offers what is asked for, else None."""
    return engine if isinstance(engine, offer) else None


def asked(engine: Engine, offer: type[Offer], what: str, fix: str = "") -> Offer:
    """The engine where it offers what is asked for; UserError says that its models do not do
    `what`.
    """
    found = offered(engine, offer)
    if found is None:
        raise UserError(f"models of the engine {engine.name} {what}.", where="engine", fix=fix)
    return found


@dataclass(frozen=True)
class Deviation:
    """How far a quantity of a model that was made again is from the stored one: relative to it, 0
    when equal bit for bit.
    """

    quantity: str
    largest: float
    where: str


@runtime_checkable
class Recreates(Protocol):
    """A model can be made again from the document that the engine's export wrote of it."""

    def stored_model(self, section: Mapping[str, Any]) -> Any:
        """The model in a document's section `SECTION`; ValueError where it holds none."""
        ...

    def recreate(self, stored: Any, problem: Problem) -> list[Deviation]:
        """The model made again on a problem's data: how far it is from what it said. UserError for
        data of other dates.
        """
        ...


@runtime_checkable
class TakesFrequency(Protocol):
    """Models a channel's frequency beside its reach (`PaidMedium.frequency`)."""

    takes_frequency: bool


@runtime_checkable
class StiffensTrend(Protocol):
    """Can follow slow movements of the KPI less closely."""

    def with_stiffer_trend(self, settings: Any) -> Any:
        """Settings with a trend about four times as stiff."""
        ...


@runtime_checkable
class CountsTerms(Protocol):
    """The data check of observations per coefficient counts with the engine's own terms."""

    def own_terms(self, problem: Problem, settings: Any) -> tuple[str, ...]:
        """The terms of a model besides the mapped columns, one coefficient each: "intercept",
        "trend", "season", ...
        """
        ...
