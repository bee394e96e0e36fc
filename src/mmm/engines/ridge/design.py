"""What the compiled core is given: a frame, the settings and lift tests as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmm.engines.adstock_hill.frame import Frame, lambda_max, study_rows
from mmm.engines.adstock_hill.transforms import ADSTOCK_CODES
from mmm.engines.base import LiftTest, PreviousModel
from mmm.engines.ridge.candidates import EXACT, ROBYN, Design
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.words import Sign

#: Method "exact": media are expected to make this share of the KPI, with this standard deviation as
#: a share of it; at the largest lambda ROIs differ by this share of it (standard deviation).
_EXPECTED_SHARE, _LEVEL_SD, _LEAST_SPREAD = 0.25, 0.6, 0.3


def _bounds(sign: str) -> tuple[float, float]:
    bounds = {Sign.POSITIVE: (0.0, np.inf), Sign.NEGATIVE: (-np.inf, 0.0)}
    return bounds.get(Sign(sign), (-np.inf, np.inf))


def build_design(
    frame: Frame,
    settings: RidgeSettings,
    lift_tests: tuple[LiftTest, ...] = (),
    previous: PreviousModel | None = None,
) -> Design:
    """Arrays for the compiled core. Prophet's own parts are held to [0, 1], as in Robyn, whatever
    their sign; a flexible baseline has no such bounds.
    """
    bounds = []
    for kind, sign in zip(frame.base_kinds, frame.base_signs, strict=True):
        bounds.append(_bounds(sign) if kind == "context" else (0.0, 1.0))
    bounds += [_bounds(sign) for sign in frame.media_signs]
    adstocks = [_medium_adstock(name, selected, settings) for name, selected in _both_names(frame)]
    spend = frame.spend[:, frame.window_rows].sum(axis=1)
    studies = _studies(frame, settings, lift_tests)
    return Design(
        y=np.ascontiguousarray(frame.y[frame.window_rows]),
        base=np.ascontiguousarray(frame.base[frame.window_rows]),
        media=np.ascontiguousarray(frame.media),
        window_start=frame.window[0],
        adstock=np.array([ADSTOCK_CODES[kind] for kind in adstocks], np.int64),
        lower=np.array([low for low, _ in bounds]),
        upper=np.array([high for _, high in bounds]),
        trend=frame.base_kinds.index("trend") if "trend" in frame.base_kinds else -1,
        spend_share=spend / spend.sum(),
        intercept=settings.intercept,
        non_negative_intercept=_non_negative_intercept(frame, settings),
        zero_effect_penalty=settings.zero_effect_penalty,
        method=ROBYN if settings.method == "robyn" else EXACT,
        threshold=settings.threshold,
        use_validation=settings.validation is not None,
        **studies,
        **_baseline(frame, spend),
        previous_share=np.empty(0) if previous is None else _shares(frame, previous),
        previous_weight=1.0 if previous is None else 1.0 / (1.0 - previous.steps / frame.n),
    )


def _non_negative_intercept(frame: Frame, settings: RidgeSettings) -> bool:
    """As set; left open, Robyn's rule for Robyn's frame alone."""
    if settings.intercept_sign is None:
        return frame.baseline is None
    return settings.intercept_sign == "non_negative"


def _baseline(frame: Frame, spend: np.ndarray) -> dict[str, Any]:
    """The baseline's columns in the window, the base column each belongs to, and penalties; none
    where the base columns themselves are fitted.
    """
    baseline = frame.baseline
    p = len(frame.names)
    if baseline is None:
        return {
            "flexible": np.empty((frame.n, 0)),
            "flexible_part": np.empty(0, np.int64),
            "flexible_precision": np.empty(0),
            "solved": np.empty(0, np.int64),
            "own_precision": np.zeros(p),
            "spend_total": spend,
            "expected_roi": 0.0,
            "level_pull": 0.0,
            "noise": 0.0,
            "roi_pull": 0.0,
        }
    place = {name: i for i, name in enumerate(frame.base_names)}
    own = np.zeros(p)
    own[: len(frame.base_names)] = baseline.control_precision
    own[len(frame.base_names) + frame.paid :] = baseline.control_precision
    level = float(np.abs(frame.y[frame.window_rows]).mean())
    # Without spend there is no ROI to expect, and nothing that the pulls below act on.
    expected = _EXPECTED_SHARE * level * frame.n / spend.sum() if frame.paid else 1.0
    noise = baseline.noise * level
    parts = {place[name] for name in baseline.part}
    return {
        "flexible": np.ascontiguousarray(baseline.columns[frame.window_rows]),
        "flexible_part": np.array([place[name] for name in baseline.part], np.int64),
        "flexible_precision": baseline.precision,
        "solved": np.array([j for j in range(p) if j not in parts], np.int64),
        "own_precision": own,
        "spend_total": spend,
        "expected_roi": expected,
        "noise": noise,
        "level_pull": (noise / (_LEVEL_SD * expected)) ** 2 if frame.paid else 0.0,
        "roi_pull": (noise / (_LEAST_SPREAD * expected)) ** 2 / lambda_max(frame),
    }


def _shares(frame: Frame, previous: PreviousModel) -> np.ndarray:
    """Shares of the previous model's effects, (p + 1,), in the order of the coefficients, the
    intercept last.
    """
    effects = np.array([previous.effects[name] for name in (*frame.names, "intercept")])
    return np.asarray(effects / effects.sum())


def _both_names(frame: Frame) -> list[tuple[str, str]]:
    return list(zip(frame.media_names, frame.selected, strict=True))


def _medium_adstock(name: str, selected: str, settings: RidgeSettings) -> str:
    own = settings.media.get(name) or settings.media.get(selected)
    return (own.adstock if own else None) or settings.adstock


def _studies(
    frame: Frame, settings: RidgeSettings, lift_tests: tuple[LiftTest, ...]
) -> dict[str, Any]:
    """Lift tests as arrays. A study outside the window is left out; `mmm.experiments.problem` has
    warned of it.
    """
    rows, media, immediate, scale, lift, error = [], [], [], [], [], []
    for test in lift_tests:
        found = study_rows(frame, test, robyn=settings.method == "robyn")
        if found is None:
            continue
        first, last, factor = found
        rows.append((first, last))
        media.append(
            [
                int(name in test.channels or other in test.channels)
                for name, other in _both_names(frame)
            ]
        )
        immediate.append(int(test.scope == "immediate"))
        scale.append(factor)
        lift.append(test.lift)
        error.append(test.error)
    shape = (len(lift), len(frame.media_names))
    return {
        "lift_rows": np.array(rows, np.int64).reshape(len(lift), 2),
        "lift_media": np.array(media, np.int64).reshape(shape),
        "lift_immediate": np.array(immediate, np.int64),
        "lift_scale": np.array(scale, float),
        "lift_value": np.array(lift, float),
        "lift_error": np.array(error, float),
    }
