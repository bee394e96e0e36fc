"""A geo test designed on the user's own history: which geos to treat, for how long, what effect it would
show, and what it costs.

Many sets of geos are screened by a quick synthetic control in windows of the first half of the history.
The few that look best are replayed by the analysis itself in later windows, and what they can show is
declared from there. The later windows do not choose: a set that happens to look sharp there would be
taken, and called too often in the test. What is left of the screening's own luck is taken back by
regression to sets that were not chosen. The search goes the way of Meta's GeoLift (market selection);
other than there the windows that choose are not those that declare, and power is of the analysis that
will be used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from threadpoolctl import threadpool_limits

from mmm.errors import UserError
from mmm.testing.markets import candidate_sets
from mmm.testing.panel import LEAST_BEFORE, Panel
from mmm.testing.replay import FALSE_POSITIVES, POWER, Replay, Usual, replay, windows
from mmm.testing.synthetic import augmented

#: Windows that screen each set, and windows that declare.
_SCREENING, _DECLARING = 5, 10
#: Sets that are declared, and how many are tried for them where some cost too much or show too little.
_FINALISTS, _MOST_TRIED = 3, 6
#: Sets that nobody chose: by their place among all, and windows in which they are replayed.
_USUAL_PLACES, _USUAL_WINDOWS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85), 3
#: Of an effect in standard errors, so that it is called at 10 % with a power of 80 %.
_DETECTABLE = 2.4865
_LEAST_CONTROLS = 3


class Kind(StrEnum):
    """What is done in the treated geos."""

    GO_DARK = "go_dark"  # the channel's spend is stopped
    HOLDBACK = "holdback"  # a campaign that runs elsewhere is kept from them
    HEAVY_UP = "heavy_up"  # the channel's spend is raised

    @property
    def sign(self) -> float:
        """Of the effect on the treated geos' KPI that is looked for."""
        return 1.0 if self is Kind.HEAVY_UP else -1.0


@dataclass(frozen=True)
class Wanted:
    """What a design is to fulfil.

    `periods` are the lengths to try, `sizes` numbers of treated geos; `must` are treated, `never` are
    not (they stay controls), `excluded` are neither. `most_share` of the KPI may lie in treated geos.
    `effect` is what the test is expected to do, as a share of the KPI: then the cheapest design that
    shows it is the best, else the one that shows the smallest effect. `unit_cost` is the spend for
    one more unit of the KPI; `factor` what a heavy-up makes of the usual spend. `budget` is the most
    that a test may cost.
    """

    kind: Kind = Kind.HEAVY_UP
    periods: tuple[int, ...] = (15,)
    sizes: tuple[int, ...] = (2, 3, 4)
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    cooldown: int = 0
    effect: float | None = None
    unit_cost: float | None = None
    factor: float = 2.0
    budget: float | None = None
    most_share: float = 0.5


@dataclass(frozen=True)
class Candidate:
    """A set of treated geos and a length, and what they show. `kpi` is the treated geos' over the
    last such span of the history, `share` theirs of all; `cost` the money that the test moves, None
    where nothing says it (below 0: saved). `expected` is the effect that power and cost are of.
    """

    treated: tuple[str, ...]
    controls: tuple[str, ...]
    periods: int
    kpi: float
    share: float
    detectable: float
    expected: float
    power: float
    false_positives: float
    windows: int
    spread: float
    cost: float | None
    replay: Replay

    @property
    def shows_expected(self) -> bool:
        return self.power >= POWER


@dataclass(frozen=True)
class _Screened:
    places: tuple[int, ...]
    periods: int
    detectable: float
    cost: float | None = None


@dataclass(frozen=True)
class _Others:
    """What sets of a length show that nobody chose: `usual` half-widths of the analysis, and how many
    times what the screening says they need to be shown; 1 where nothing was replayed.
    """

    usual: Usual | None
    factor: float


def design_tests(panel: Panel, wanted: Wanted) -> list[Candidate]:
    """The best designs, the best first. UserError where the history or the wishes leave none."""
    with threadpool_limits(1):  # many small systems: more threads only wait for each other
        screened = _screen(panel, wanted)
        others = {length: _others(panel, wanted, screened, length) for length in wanted.periods}
        found = _finalists(panel, wanted, _affordable(panel, wanted, screened, others), others)
    # the order of the screening: windows that declare choose nothing but between enough and too little
    return sorted(found, key=lambda one: wanted.effect is not None and not one.shows_expected)


def _finalists(
    panel: Panel, wanted: Wanted, screened: list[_Screened], others: dict[int, _Others]
) -> list[Candidate]:
    found: list[Candidate] = []
    too_dear = False
    for one in screened[:_MOST_TRIED]:
        if len(found) >= _FINALISTS and _enough(wanted, found):
            break
        declared = _declared(panel, wanted, one, others[one.periods].usual)
        if not np.isfinite(declared.detectable):
            continue
        if _costs_too_much(wanted, declared.cost):
            too_dear = True
            continue
        found.append(declared)
    if found:
        return found
    if too_dear or not screened:
        what = "no set of geos fulfils all that was asked for."
        fix = "Ask for fewer geos, a longer history, a larger budget or a larger share."
        raise UserError(what, where="the design", fix=fix)
    what = "no effect of any size would be shown by the sets of geos that look best."
    raise UserError(what, where="the design", fix="Give more history, or longer tests.")


def _enough(wanted: Wanted, found: list[Candidate]) -> bool:
    return wanted.effect is None or any(one.shows_expected for one in found)


def _costs_too_much(wanted: Wanted, cost: float | None) -> bool:
    return wanted.budget is not None and cost is not None and abs(cost) > wanted.budget


def cells_of(panel: Panel, wanted: Wanted, cells: int) -> list[list[Candidate]]:
    """A design a cell, each cell's best first: no geo is in two, and none is another's control."""
    found = []
    for number in range(cells):
        asked = wanted if number == 0 else replace(wanted, must=())
        designs = design_tests(panel, asked)
        found.append(designs)
        wanted = replace(wanted, excluded=(*wanted.excluded, *designs[0].treated))
    return found


def _rank(
    wanted: Wanted, detectable: float, cost: float | None, kpi: float
) -> tuple[bool, float, float]:
    """Small is good: those that show what is expected, the cheapest first; or the sharpest first."""
    if wanted.effect is None or detectable > wanted.effect:
        return (wanted.effect is not None, detectable, kpi)
    return (False, kpi if cost is None else abs(cost), detectable)


def _screen(panel: Panel, wanted: Wanted) -> list[_Screened]:
    """All sets that are allowed, for each length, with what the screening says that they show."""
    must, never, excluded = (
        panel.marked(names) for names in (wanted.must, wanted.never, wanted.excluded)
    )
    if (must & (never | excluded)).any():
        raise UserError("a geo must be treated and must not.", where="must, never, exclude")
    _require_history(panel, wanted)
    sets = candidate_sets(panel.kpi, wanted.sizes, must, never | excluded)
    found = []
    for length in wanted.periods:
        early, _ = windows(len(panel.dates), length + wanted.cooldown, _SCREENING)
        for places in sets:
            one = _screened(panel, wanted, places, length, early)
            if one is not None:
                found.append(one)
    return sorted(found, key=lambda one: one.detectable)


def _others(panel: Panel, wanted: Wanted, screened: list[_Screened], length: int) -> _Others:
    """Sets of a length from all over the screening's order, replayed in some of the later windows."""
    sets = [one for one in screened if one.periods == length]
    places = sorted({int(len(sets) * place) for place in _USUAL_PLACES}) if sets else []
    widths, factors = [], []
    for place in places:
        one = sets[place]
        done = _replayed(panel, wanted, one, _USUAL_WINDOWS)
        if 0 < done.detectable < np.inf and one.detectable > 0:
            widths.append(float(done.half_widths.mean()))
            factors.append(done.detectable / one.detectable)
    if not widths:
        return _Others(None, 1.0)
    return _Others(Usual.of(widths), float(np.exp(np.log(factors).mean())))


def _affordable(
    panel: Panel, wanted: Wanted, screened: list[_Screened], others: dict[int, _Others]
) -> list[_Screened]:
    """The sets within the budget, the best first: the screening's figures in proportion to what the
    analysis needs.
    """
    found = []
    for one in screened:
        detectable = one.detectable * others[one.periods].factor
        treated = np.isin(np.arange(len(panel.geos)), one.places)
        cost = _cost(panel, wanted, treated, one.periods, wanted.effect or detectable)
        if not _costs_too_much(wanted, cost):
            found.append(replace(one, detectable=detectable, cost=cost))
    kpi = panel.kpi[-max(wanted.periods) :].sum(axis=0)
    return sorted(
        found,
        key=lambda one: _rank(wanted, one.detectable, one.cost, float(kpi[list(one.places)].sum())),
    )


def _require_history(panel: Panel, wanted: Wanted) -> None:
    rows, needed = len(panel.dates), LEAST_BEFORE + 2 * (max(wanted.periods) + wanted.cooldown)
    if rows < needed:
        what = f"has {rows} periods; a test of {max(wanted.periods)} needs {needed} to be replayed."
        raise UserError(what, where="the history", fix="Give more history, or ask for less.")


def _screened(
    panel: Panel, wanted: Wanted, places: tuple[int, ...], length: int, early: np.ndarray
) -> _Screened | None:
    """What a set would show by synthetic control without ridge; None where it is not allowed."""
    treated = np.isin(np.arange(len(panel.geos)), places)
    controls = ~treated & ~panel.marked(wanted.excluded)
    share = float(panel.kpi[:, treated].sum() / (panel.kpi.sum() or 1.0))
    if controls.sum() < _LEAST_CONTROLS or share > wanted.most_share:
        return None
    target, others = panel.kpi[:, treated].mean(axis=1), panel.kpi[:, controls]
    squares = [
        _quick_error(target, others, int(start), length + wanted.cooldown) ** 2 for start in early
    ]
    return _Screened(places, length, _DETECTABLE * float(np.sqrt(np.mean(squares))))


def _quick_error(target: np.ndarray, controls: np.ndarray, start: int, length: int) -> float:
    """Standard error of the mean effect in a window, as a share of the KPI: what the window shows
    and what the fit before it lets expect.
    """
    level, levels = target[:start].mean(), controls[:start].mean(axis=0)
    weights = augmented(target[:start] - level, controls[:start] - levels, ridge=False).weights
    rows = slice(0, start + length)
    gap = (target[rows] - level - (controls[rows] - levels) @ weights) / (level or 1.0)
    expected = float((gap[:start] ** 2).mean()) / length
    return float(np.sqrt(0.5 * (expected + float(gap[start:].mean()) ** 2)))


def _cost(
    panel: Panel, wanted: Wanted, treated: np.ndarray, length: int, effect: float
) -> float | None:
    """The money that a test moves: of the usual spend, or of the KPI at the price of a unit."""
    if panel.spend is not None:
        usual = float(panel.spend[-length:, treated].sum())
        return usual * (wanted.factor - 1.0) if wanted.kind is Kind.HEAVY_UP else -usual
    if wanted.unit_cost is None:
        return None
    moved = effect * float(panel.kpi[-length:, treated].sum()) * wanted.unit_cost
    return wanted.kind.sign * moved


def _replayed(panel: Panel, wanted: Wanted, screened: _Screened, count: int) -> Replay:
    """A set replayed by the analysis in so many of the windows that have not chosen it."""
    treated, controls = _sides(panel, wanted, screened)
    length = screened.periods + wanted.cooldown
    _, late = windows(len(panel.dates), length, count)
    target = panel.kpi[:, treated].mean(axis=1)
    return replay(target, panel.kpi[:, controls], late, length, wanted.kind.sign)


def _sides(panel: Panel, wanted: Wanted, screened: _Screened) -> tuple[np.ndarray, np.ndarray]:
    """Which geos (N,) are treated, and which are controls."""
    treated = np.isin(np.arange(len(panel.geos)), screened.places)
    return treated, ~treated & ~panel.marked(wanted.excluded)


def _declared(panel: Panel, wanted: Wanted, screened: _Screened, usual: Usual | None) -> Candidate:
    """What a set shows in windows that have not chosen it, drawn towards the `usual`."""
    treated, controls = _sides(panel, wanted, screened)
    found = _replayed(panel, wanted, screened, _DECLARING).regressed(usual)
    effect = wanted.effect or found.detectable
    recent = panel.kpi[-screened.periods :]
    return Candidate(
        treated=tuple(panel.geos[place] for place in screened.places),
        controls=tuple(panel.geos[place] for place in np.flatnonzero(controls)),
        periods=screened.periods,
        kpi=float(recent[:, treated].sum()),
        share=float(recent[:, treated].sum() / (recent.sum() or 1.0)),
        detectable=found.detectable,
        expected=effect,
        power=found.power(effect),
        false_positives=found.false_positives,
        windows=len(found.errors),
        spread=found.spread,
        cost=_cost(panel, wanted, treated, screened.periods, effect),
        replay=found,
    )


__all__ = ["FALSE_POSITIVES", "POWER", "Candidate", "Kind", "Wanted", "cells_of", "design_tests"]
