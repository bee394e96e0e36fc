"""Per channel, before any compute: what these data can and cannot tell about its effect."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmm.data.columns import listed
from mmm.data.mapping import PaidColumns
from mmm.data.quality.frame import Frame, modelled_columns
from mmm.data.quality.relations import (
    SpendAndExposure,
    correlations,
    exact_sets,
    explained_by,
    inflation,
    without,
)
from mmm.data.quality.result import CannotTell, Light, worst


@dataclass(frozen=True)
class Sentence:
    """One thing the data can (`light` green) or cannot tell. `alone` marks what the channel's own
    series says; the others repeat what a check finds between columns.
    """

    light: Light
    text: str
    alone: bool = False


@dataclass(frozen=True)
class ChannelReport:
    """A paid channel. `active` of `periods` have spend; shares are fractions; null where it cannot
    be computed.
    """

    channel: str
    light: Light
    sentences: tuple[Sentence, ...]
    periods: int
    active: int | None = None
    spend_share: float | None = None
    variation: float | None = None
    closest: str | None = None
    closest_r: float | None = None


@dataclass(frozen=True)
class _Together:
    """How the modelled columns move together: each one's correlations with all `names`, the exact
    sums it is part of, and its inflation factor with the columns that predict it most.
    """

    names: list[str] = field(default_factory=list)
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    exact: dict[str, tuple[str, ...]] = field(default_factory=dict)
    predicted: dict[str, tuple[float, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class ChannelReview:
    """Thresholds of what a channel's spend must show for its effect to be told."""

    red_active: int = 8
    yellow_active_share: float = 0.2
    low_variation: float = 0.2
    small_share: float = 0.01
    together_yellow: float = 0.8
    together_red: float = 0.9
    inflation_yellow: float = 5
    inflation_red: float = 10
    always_on_share: float = 0.98
    without_exposure: SpendAndExposure = field(default_factory=SpendAndExposure)
    least_periods: int = 12
    most_columns: int = 1000

    def run(self, frame: Frame) -> tuple[ChannelReport, ...]:
        try:
            total = sum(float(np.nansum(frame.series(paid.spend))) for paid in frame.mapping.paid)
            together = self._together(frame)
        except CannotTell as reason:
            total, together = 0.0, _Together()
            why: str | None = f"How it moves with the others cannot be told: {reason}"
        else:
            why = None
        return tuple(
            self._channel(frame, paid, total, together, why) for paid in frame.mapping.paid
        )

    def _together(self, frame: Frame) -> _Together:
        """How all modelled columns move together. Raises CannotTell."""
        names, matrix = correlations(
            frame, modelled_columns(frame.mapping), self.least_periods, self.most_columns
        )
        found = inflation(matrix)
        predicted = {
            name: (float(found[i]), explained_by(names, matrix, i))
            for i, name in enumerate(names)
            if self.inflation_yellow <= found[i] < np.inf
        }
        rows = dict(zip(names, matrix, strict=True))
        return _Together(names, rows, exact_sets(names, matrix), predicted)

    def _channel(
        self,
        frame: Frame,
        paid: PaidColumns,
        total: float,
        together: _Together,
        why: str | None,
    ) -> ChannelReport:
        try:
            spend = frame.series(paid.spend)
            exposure = frame.series(paid.exposure or paid.spend)
        except CannotTell as reason:
            nothing = (Sentence(Light.UNKNOWN, f"Nothing can be told: {reason}"),)
            return ChannelReport(paid.spend, Light.UNKNOWN, nothing, len(frame.periods))
        active = spend[spend > 0]
        share = float(active.sum()) / total if total > 0 else None
        variation = float(active.std() / active.mean()) if len(active) else None
        closest, r = self._closest(paid, together)
        said = [
            *self._activity(len(active), len(spend)),
            *self._exposure(paid, spend, exposure),
            *self._variation(exposure[exposure > 0], len(spend)),
            *self._separation(closest, r),
            *self._whole_set(paid, together, r),
            *([Sentence(Light.UNKNOWN, why)] if why else []),
            *self._size(share),
        ]
        if not said:
            text = (
                f"On in {len(active)} of {len(spend)} periods, {_range(active)}, and it "
                "moves apart from the others: enough to tell its effect, carryover and saturation."
            )
            said = [Sentence(Light.GREEN, text)]
        light = worst([item.light for item in said])
        return ChannelReport(
            paid.spend, light, tuple(said), len(spend), len(active), share, variation, closest, r
        )

    def _whole_set(self, paid: PaidColumns, together: _Together, r: float | None) -> list[Sentence]:
        """What all other columns together say of this channel's, beyond the one closest to it."""
        own = paid.exposure or paid.spend
        if own in together.exact:
            others = [name for name in together.exact[own] if name != own]
            what = f"an exact sum of {listed(others, most=5)}"
            if len(others) == 1:
                what = f"{others[0]!r} but for its scale"
            text = f"It is {what}: their effects cannot be told apart at all."
            return [Sentence(Light.RED, text)]
        if own not in together.predicted or (r is not None and abs(r) >= self.together_yellow):
            return []
        factor, others_most = together.predicted[own]
        light = Light.RED if factor >= self.inflation_red else Light.YELLOW
        text = (
            f"The other columns together predict it (VIF {factor:.1f}), mostly "
            f"{listed(others_most, most=3)}: its effect is hard to tell from theirs."
        )
        return [Sentence(light, text)]

    def _activity(self, active: int, periods: int) -> list[Sentence]:
        if not active:
            return [Sentence(Light.RED, "Never on: nothing can be told.", alone=True)]
        if active < self.red_active:
            return [
                Sentence(
                    Light.RED,
                    f"On in {active} of {periods} periods: its effect rests on too few of them.",
                    alone=True,
                )
            ]
        if active < self.yellow_active_share * periods:
            text = f"On in {active} of {periods} periods: carryover and saturation rest on few of them."
            return [Sentence(Light.YELLOW, text)]
        return []

    def _exposure(
        self, paid: PaidColumns, spend: np.ndarray, exposure: np.ndarray
    ) -> list[Sentence]:
        """Spend in periods without the exposure that is modelled in its place."""
        alone, share = without(spend, exposure)
        if share <= self.without_exposure.yellow_share:
            return []
        light = Light.RED if share > self.without_exposure.orange_share else Light.YELLOW
        periods = f"{len(alone)} of the {int((spend > 0).sum())} periods it is on"
        return [
            Sentence(
                light,
                f"In {periods} there is no {paid.exposure!r}: what was spent then earns nothing.",
            )
        ]

    def _variation(self, active: np.ndarray, periods: int) -> list[Sentence]:
        """What the modelled column shows where it is on: its exposure, else its spend."""
        if len(active) < self.red_active:
            return []
        variation = float(active.std() / active.mean())
        always = len(active) >= self.always_on_share * periods
        if variation >= self.low_variation:
            return []
        if always:
            text = (
                f"Always on and hardly changing ({_range(active)}): its effect cannot be "
                "told from the base, nor its saturation."
            )
            return [Sentence(Light.RED, text, alone=True)]
        text = f"Spend varies little where it is on ({_range(active)}): saturation cannot be told."
        return [Sentence(Light.YELLOW, text)]

    def _closest(self, paid: PaidColumns, together: _Together) -> tuple[str | None, float | None]:
        """The modelled column that moves most like this channel's, and r."""
        own = paid.exposure or paid.spend
        if own not in together.rows:
            return None, None
        names = together.names
        row = np.where([name == own for name in names], 0.0, together.rows[own])
        best = int(np.argmax(np.abs(row)))
        return names[best], float(row[best])

    def _separation(self, closest: str | None, r: float | None) -> list[Sentence]:
        if r is None or abs(r) < self.together_yellow:
            return []
        if abs(r) >= self.together_red:
            text = (
                f"Always moves with {closest!r} (r = {r:.2f}): their effects cannot be separated."
            )
            return [Sentence(Light.RED, text)]
        return [
            Sentence(
                Light.YELLOW,
                f"Mostly moves with {closest!r} (r = {r:.2f}): their effects are hard to separate.",
            )
        ]

    def _size(self, share: float | None) -> list[Sentence]:
        if share is None or share >= self.small_share or share == 0:
            return []
        return [
            Sentence(
                Light.YELLOW,
                f"It has {share:.1%} of the spend: its effect drowns in the noise unless it is large.",
            )
        ]


def _range(values: np.ndarray) -> str:
    """Smallest to largest, whole numbers from 10,000 on."""
    low, high = (
        f"{value:,.0f}" if value >= 10_000 else f"{value:,.4g}"
        for value in (values.min(), values.max())
    )
    return f"{low} to {high}"
