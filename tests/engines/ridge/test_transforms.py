"""Adstock and saturation equal real Robyn's to 1e-10 relative (reached: about 1e-14)."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.transforms import adstock, adstock_weights

TOLERANCE = 1e-10


def groups(
    table: dict[str, list[str]], keys: list[str]
) -> list[tuple[tuple[str, ...], np.ndarray]]:
    """Row positions by key, in file order."""
    rows = sorted(range(len(table[keys[0]])), key=lambda i: tuple(table[key][i] for key in keys))
    return [
        (key, np.array(sorted(members)))
        for key, members in groupby(rows, key=lambda i: tuple(table[name][i] for name in keys))
    ]


@pytest.fixture(scope="module")
def vectors(golden: Path, run_cases: ModuleType) -> dict[str, np.ndarray]:
    table = run_cases.read_csv(golden / "transforms" / "input_vectors.csv")
    values = run_cases.numbers(table["x"])
    return {key[0]: values[rows] for key, rows in groups(table, ["vector"])}


def close(ours: Any, theirs: np.ndarray, run_cases: ModuleType, scale: float | None = None) -> None:
    assert run_cases.deviation(ours, theirs, scale) < TOLERANCE


def test_geometric_adstock(
    golden: Path, run_cases: ModuleType, vectors: dict[str, np.ndarray]
) -> None:
    table = run_cases.read_csv(golden / "transforms" / "adstock_geometric.csv")
    decayed, cumulative = (
        run_cases.numbers(table["x_decayed"]),
        run_cases.numbers(table["thetaVecCum"]),
    )
    found = groups(table, ["vector", "theta"])
    assert len(found) > 5
    for (vector, theta), rows in found:
        x = vectors[vector]
        close(adstock(x, "geometric", float(theta))[0], decayed[rows], run_cases)
        # Robyn's reported vector starts at lag 1.
        close(
            adstock_weights(len(x) + 1, "geometric", float(theta))[1:], cumulative[rows], run_cases
        )


def test_weibull_adstock(
    golden: Path, run_cases: ModuleType, vectors: dict[str, np.ndarray]
) -> None:
    table = run_cases.read_csv(golden / "transforms" / "adstock_weibull.csv")
    decayed, cumulative, immediate = (
        run_cases.numbers(table[name]) for name in ("x_decayed", "thetaVecCum", "x_imme")
    )
    found = groups(table, ["type", "vector", "shape", "scale"])
    assert len(found) > 20
    for (kind, vector, shape, scale), rows in found:
        x = vectors[vector]
        total, own = adstock(x, f"weibull_{kind}", float(shape), float(scale))
        size = float(np.abs(decayed[rows]).max()) or 1.0
        close(total, decayed[rows], run_cases, size)
        if float(shape) > 0 and float(scale) > 0:
            close(own, immediate[rows], run_cases, size)
            weights = adstock_weights(len(x), f"weibull_{kind}", float(shape), float(scale))
            close(weights, cumulative[rows], run_cases, 1.0)


def test_hill_saturation(golden: Path, run_cases: ModuleType) -> None:
    table = run_cases.read_csv(golden / "transforms" / "saturation_hill.csv")
    alpha, inflexion, x, saturated = (
        run_cases.numbers(table[name]) for name in ("alpha", "inflexion", "x_in", "x_saturated")
    )
    for key in {(a, g) for a, g in zip(alpha, inflexion, strict=True)}:
        rows = (alpha == key[0]) & (inflexion == key[1])
        curve = Curve("geometric", 0.0, 0.0, key[0], key[1], 1.0)
        close(curve.saturation(x[rows]), saturated[rows], run_cases)


def test_weights_of_a_longer_series_differ() -> None:
    """Robyn's scale is a share of the series' length; the doc string warns of it."""
    assert (
        adstock_weights(52, "weibull_cdf", 2.0, 0.1)[5]
        < adstock_weights(208, "weibull_cdf", 2.0, 0.1)[5]
    )


@pytest.mark.parametrize("kind", ["weibull_cdf", "weibull_pdf"])
@pytest.mark.parametrize(("shape", "scale"), [(0.0, 0.1), (2.0, 0.0)])
def test_weibull_without_shape_or_scale_is_no_adstock(
    kind: str, shape: float, scale: float
) -> None:
    x = np.array([3.0, 0.0, 5.0])
    total, immediate = adstock(x, kind, shape, scale)
    assert total.tolist() == x.tolist()
    assert immediate.tolist() == x.tolist()


def test_one_row_has_no_adstock() -> None:
    assert adstock(np.array([4.0]), "weibull_pdf", 2.0, 0.5)[0].tolist() == [4.0]
