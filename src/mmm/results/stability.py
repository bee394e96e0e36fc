"""The confidence in each channel when the model could have come out otherwise: other candidates,
trials, seeds, windows.

The rule is that of `mmm.engines.confidence`: high when 90 % of the models lie within 25 % of their
middle, medium within 75 %, else inconclusive; the worst source counts. `values`
are long tables of the ROI (effect per unit of money, whatever the KPI) by source, variant and
channel; the variant "" is the model they are compared with.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines.confidence import CENTRAL, HIGH_WIDTH, MEDIUM_WIDTH, confidence_word
from mmm.engines.schemas import kept_ids
from mmm.engines.words import Confidence
from mmm.format import Labels, count, listed, percent
from mmm.results.summary import Tables, of_model

#: Where variants come from, in the order they are shown, and what they are called.
SOURCES = {
    "candidates": "candidate model",
    "trials": "trial",
    "seeds": "other seed",
    "windows": "earlier window",
    "holdouts": "holdout",
}
#: From the best to the worst.
_WORDS = tuple(str(word) for word in Confidence)
#: Less than this share of the largest channel's ROI counts as no effect.
_NO_EFFECT = 1e-4
#: An order that changes in fewer comparisons than this is called the same.
_FEW_FLIPS = 0.05

_f8, _i4, _s = pa.float64(), pa.int32(), pa.string()
VALUES = pa.schema([("source", _s), ("variant", _s), ("channel", _s), ("roi", _f8)])
_SPREAD = pa.schema(
    [
        ("channel", _s), ("source", _s), ("variants", _i4), ("value", _f8), ("low", _f8), ("mid", _f8), ("high", _f8),
        ("flips", _f8), ("no_effect", _f8), ("confidence", _s),
    ]
)  # fmt: skip


def rule() -> str:
    return (
        f"High confidence: 90 % of the models lie within {100 * HIGH_WIDTH:g} % of their middle; "
        f"medium: within {100 * MEDIUM_WIDTH:g} %; inconclusive: beyond, or when they reach down to "
        "no effect. The worst source counts."
    )


def values_of(tables: Tables, model_id: str) -> pa.Table:
    """What the stored tables hold: every kept model, and the best kept model of every trial,
    against `model_id`.
    """
    channels = tables["channels"]
    paid = (
        channels.filter(pc.equal(channels["kind"], "paid"))
        .select(["model_id", "channel", "roi"])
        .to_pylist()
    )
    models = (
        tables["models"]
        .filter(pc.is_in(tables["models"]["model_id"], pa.array(kept_ids(tables))))
        .select(["model_id", "trial", "score"])
    )
    best: dict[int, tuple[float, str]] = {}
    for row in models.filter(pc.is_valid(models["trial"])).to_pylist():
        found = (float("inf") if row["score"] is None else row["score"], row["model_id"])
        best[row["trial"]] = min(best.get(row["trial"], found), found)
    # One trial alone agrees with itself: it says nothing of what another would have found.
    chosen = {}
    if len(best) > 1:
        chosen = {name: trial for trial, (_, name) in best.items()}
    rows = []
    for row in paid:
        name, value = row["model_id"], {"channel": row["channel"], "roi": row["roi"]}
        rows.append({"source": "candidates", "variant": "" if name == model_id else name, **value})
        if name in chosen:
            rows.append({"source": "trials", "variant": f"trial {chosen[name]}", **value})
        if name == model_id and chosen:
            rows.append({"source": "trials", "variant": "", **value})
    return pa.Table.from_pylist(rows, schema=VALUES)


def spread(values: pa.Table, labels: Labels) -> pa.Table:
    """Per channel and source: how far 90 % of the variants reach, as ROAS or CPA with
    `value` the compared model's; `flips` is the share of comparisons with other channels whose
    order is another than in the compared model, `no_effect` that of variants where the channel has
    none or a negative one.
    """
    rows: list[dict[str, Any]] = []
    for source in SOURCES:
        table = values.filter(pc.equal(values["source"], source)).to_pylist()
        names = list(dict.fromkeys(row["channel"] for row in table))
        variants = list(dict.fromkeys(row["variant"] for row in table))
        if "" not in variants or len(variants) < 2:
            continue
        roi = np.full((len(variants), len(names)), np.nan)
        for row in table:
            if row["roi"] is not None:
                roi[variants.index(row["variant"]), names.index(row["channel"])] = row["roi"]
        base = roi[variants.index("")]
        others = np.delete(roi, variants.index(""), axis=0)
        flips = _flips(others, base)
        for i, name in enumerate(names):
            low, mid, high = _quantiles(roi[:, i])
            value = base[i]
            if not labels.revenue:
                value, mid = _inverse(value), _inverse(mid)
                low, high = _inverse(high), _inverse(low)
            rows.append(
                {
                    "channel": name,
                    "source": source,
                    "variants": len(others),
                    "value": _known(value),
                    "low": _known(low),
                    "mid": _known(mid),
                    "high": _known(high),
                    "flips": _known(flips[i]),
                    "no_effect": float((roi[:, i] <= _NO_EFFECT * np.nanmax(np.abs(roi))).mean()),
                    "confidence": str(confidence_word(roi[:, i])),
                }
            )
    names = list(dict.fromkeys(row["channel"] for row in rows))
    rows.sort(key=lambda row: names.index(row["channel"]))
    return pa.Table.from_pylist(rows, schema=_SPREAD)


def _quantiles(values: np.ndarray) -> np.ndarray:
    values = values[np.isfinite(values)]
    if len(values):
        return np.quantile(values, (CENTRAL[0], 0.5, CENTRAL[1]))
    return np.full(3, np.nan)


def _inverse(value: float) -> float:
    return 1.0 / value if value > 0 else np.nan


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _flips(roi: np.ndarray, base: np.ndarray) -> np.ndarray:
    """(V, P) against (P,): per channel the share of its comparisons in the other order, NaN without
    any.
    """
    was = np.sign(base[:, None] - base[None, :])
    now = np.sign(roi[:, :, None] - roi[:, None, :])
    compared = (was[None] != 0) & np.isfinite(now)
    flipped = compared & (now == -was[None])
    with np.errstate(invalid="ignore"):
        return np.asarray(flipped.sum(axis=(0, 2)) / compared.sum(axis=(0, 2)))


def stability(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """The spread that the stored tables show, without any further training."""
    return spread(values_of(tables, model_id), labels)


def comparable(tables: Tables) -> bool:
    """Whether the run has kept more than one model, of paid channels."""
    channels = tables["channels"]
    has_paid = pc.any(pc.equal(channels["kind"], "paid"), min_count=0).as_py()
    return bool(has_paid) and len(pc.unique(channels["model_id"])) > 1


def verdicts(numbers: pa.Table) -> dict[str, str]:
    """The confidence in each channel over all sources together: the worst word."""
    words: dict[str, str] = {}
    for row in numbers.to_pylist():
        words[row["channel"]] = max(
            words.get(row["channel"], _WORDS[0]), row["confidence"], key=_WORDS.index
        )
    return words


def less_sure_alone(numbers: pa.Table, tables: Tables, model_id: str) -> str:
    """Which channels' own intervals in the model leave less confidence than the variants' agreement;
    "" where none does. Models that agree may all be unsure.
    """
    words, own = verdicts(numbers), of_model(tables["channels"], model_id).to_pylist()
    said: dict[str, list[str]] = {}
    for row in own:
        word, over_variants = row["confidence"], words.get(row["channel"])
        if word is None or over_variants is None:
            continue
        if _WORDS.index(word) > _WORDS.index(over_variants):
            said.setdefault(word, []).append(row["channel"])
    if not said:
        return ""
    parts = [f"{word} for {listed(names)}" for word, names in said.items()]
    return (
        f"By its own 90 % intervals the model's confidence is lower: {' and '.join(parts)}. That "
        "variants agree makes no channel surer than that."
    )


def finding(numbers: pa.Table, labels: Labels) -> str:
    """The verdict on the whole: the confidence in each channel over what, and where the order changes."""
    words = verdicts(numbers)
    if not words:
        return "There is only one model, so nothing can be said of its stability."
    over = {row["source"]: row["variants"] for row in numbers.to_pylist()}
    text = f"Over {listed([count(number, SOURCES[source]) for source, number in over.items()])}: "
    parts = []
    for word in _WORDS:
        names = [name for name, found in words.items() if found == word]
        said = "inconclusive" if word == Confidence.INCONCLUSIVE else f"{word} confidence"
        if names:
            parts.append(f"{said} for {listed(names)}")
    return f"{text}{'; '.join(parts)}. {_order(numbers.to_pylist())}"


def _order(rows: Iterable[dict[str, Any]]) -> str:
    flips = [row for row in rows if row["flips"] is not None]
    most = max(flips, key=lambda row: row["flips"], default=None)
    if most is None or most["flips"] < _FEW_FLIPS:
        return "The order of the channels hardly ever changes."
    return (
        f"The order of channels is least sure for {most['channel']}: {percent(most['flips'])} of its comparisons with "
        f"others turn round over the {SOURCES[most['source']]}s."
    )
