"""The engine bayes against the posterior of its method's prototype, on markets with known truth.

    python -m benchmarks.bayes_reference FOLDER [--case NAME] [--seed N]

FOLDER holds one folder per market (data.csv, truth.json) and reference-posterior.json. Geo cases are
summed to the nation; spends are the pressures; no lift tests.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np

from mmm.engines.bayes import priors
from mmm.engines.bayes.baseline import (
    Baseline,
    Column,
    order_columns,
    season_columns,
    trend_columns,
)
from mmm.engines.bayes.calendar import (
    Event,
    easter,
    event_columns,
    nth_weekday,
    week_columns,
    year_end_events,
)
from mmm.engines.bayes.chains import sample
from mmm.engines.bayes.kernel import Market
from mmm.engines.bayes.model import Medium, market


def read_table(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Dates and national columns; spends and revenue are summed over geos, controls averaged."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    dates = sorted({row["date"] for row in rows})
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row["date"]] += 1
        for name, text in row.items():
            if name not in ("date", "geo"):
                sums[name][row["date"]] += float(text)
    columns = {}
    for name, by_date in sums.items():
        values = np.array([by_date[day] for day in dates])
        if name.startswith(("control_", "ctl_")):
            values = values / np.array([counts[day] for day in dates])
        columns[name] = values
    return np.array(dates, "datetime64[D]"), columns


def us_events(years: list[int]) -> list[Event]:
    """The holidays of the prototype's runs."""
    other = {
        "Valentine": [date(y, 2, 14) for y in years],
        "Independence Day": [date(y, 7, 4) for y in years],
        "Mother's Day": [nth_weekday(y, 5, 6, 2) for y in years],
        "Labor Day": [nth_weekday(y, 9, 0, 1) for y in years],
        "Memorial Day": [nth_weekday(y, 5, 0, -1) for y in years],
    }
    events = year_end_events(years)
    events.append(Event("Easter", tuple(map(easter, years)), "calendar", (0, -1)))
    for name, days in other.items():
        events.append(Event(name, tuple(days), "calendar"))
    return events


def control_column(name: str, values: np.ndarray) -> Column | None:
    if values.std() == 0.0:
        return None
    centred = values - values.mean()
    if set(np.unique(values)) <= {0.0, 1.0}:
        return Column(name, name, "context", centred, priors.FLAG_SD)
    return Column(name, name, "context", centred / values.std(), priors.CONTROL_SD)


def case_baseline(dates: np.ndarray, columns: dict[str, np.ndarray]) -> Baseline:
    years = sorted({day.year for day in dates.astype(object)})
    years = [years[0] - 1, *years, years[-1] + 1]
    found = [*week_columns(dates, 7), *event_columns(dates, 7, us_events(years))]
    found += [*trend_columns(len(dates), float(len(dates))), *season_columns(dates, 6)]
    for name, values in columns.items():
        if name.startswith(("control_", "ctl_")):
            column = control_column(name, values)
            if column is not None:
                found.append(column)
    return order_columns(found)


def case_market(folder: Path, channels: list[str]) -> tuple[Market, np.ndarray]:
    dates, columns = read_table(folder / "data.csv")
    kpi = columns["revenue"]
    spends = np.array([columns[f"{name}_spend"] for name in channels])
    media = [Medium(spend, float(spend.sum() / kpi.mean())) for spend in spends]
    level = float(np.log(priors.EXPECTED_SHARE * kpi.sum() / spends.sum()))
    return market(kpi / kpi.mean(), media, case_baseline(dates, columns), 1.0, 16, level), spends


def split_r_hat(values: np.ndarray) -> float:
    """Of (chains, n)."""
    half = values.shape[1] // 2
    parts = np.concatenate([values[:, :half], values[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean()
    between = parts.mean(axis=1).var(ddof=1)
    return float(np.sqrt((half - 1) / half + between / within))


def run_case(folder: Path, reference: dict, seed: int) -> list[dict]:
    names = list(reference["channels"])
    numbers, _ = case_market(folder, names)
    begun, cpu = time.perf_counter(), time.process_time()
    draws = sample(numbers, seed)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    rows = []
    for c, name in enumerate(names):
        known = reference["channels"][name]
        roi = np.exp(draws.channel[:, :, c, 4])
        low, middle, high = np.quantile(roi, (0.05, 0.5, 0.95))
        spread = (np.log(known["roi_high"]) - np.log(known["roi_low"])) / 3.29
        rows.append(
            {
                "channel": name,
                "roi": middle,
                "low": low,
                "high": high,
                "known": known,
                "shift": (np.log(middle) - np.log(known["roi"])) / spread,
                "r_hat": max(split_r_hat(draws.channel[:, :, c, i]) for i in range(5)),
                "r_hat_roi": split_r_hat(draws.channel[:, :, c, 4]),
            }
        )
    print(f"{folder.name}: wall {wall:.1f} s, CPU {cpu:.1f} s, p {len(numbers.design.zy)}")
    for row in rows:
        known = row["known"]
        print(
            f"  {row['channel']:<14} {row['roi']:8.3f} [{row['low']:7.3f} {row['high']:7.3f}]   "
            f"known {known['roi']:8.3f} [{known['roi_low']:7.3f} {known['roi_high']:7.3f}]   "
            f"shift {row['shift']:+.2f} sd   R-hat {row['r_hat_roi']:.3f} (all {row['r_hat']:.3f})"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", action="append")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    references = json.loads((options.folder / "reference-posterior.json").read_text())
    shifts = []
    for name in options.case or references:
        rows = run_case(options.folder / name, references[name], options.seed)
        shifts += [row["shift"] for row in rows]
    print(
        f"shift of medians in posterior sd: rms {np.sqrt(np.mean(np.square(shifts))):.3f}, "
        f"largest {np.abs(shifts).max():.2f}"
    )


if __name__ == "__main__":
    main()
