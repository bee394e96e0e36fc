"""Is the certificate itself right? `python -m benchmarks.certificate FOLDER`.

Every case of known truth is trained and certified in a process of its own, as a user would who does
not know the truth; then what the certificate predicts is compared with how wrong the run really is:
its ROI error (within a factor of 1.5), its intervals' coverage (within 7 points over all cases), and
the coverage of the recalibrated intervals. Prints a table in Markdown; `--json` keeps it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mmm.recovery.summary import SPECIAL

_CASE = """
import json, sys, time
from dataclasses import asdict, replace
from pathlib import Path
from mmm.certificate.certify import Trained, certify
from mmm.engines import load_engine
from mmm.recovery.folder import CaseOptions, read_case
from mmm.recovery.recover import recover
from mmm.runs.certification import CertificateRequest, asked_of
folder, engine, settings, country, worlds, effort = sys.argv[1:]
case = read_case(Path(folder), CaseOptions(engine, json.loads(settings), country or None))
scored, result, problem = recover(case)
request = CertificateRequest(worlds=int(worlds), effort=effort)
asked = replace(asked_of(load_engine(engine), case.experiment, request), checks=False)
trained = Trained(result.tables, result.recommended, result.interval_level)
found = certify(load_engine(engine), problem, trained, asked, lambda progress: None)
names = {column: name for name, column in case.columns.items()}
print(json.dumps({
    "recovery": asdict(scored.recovery), "advice": asdict(scored.advice), "names": names,
    "certificate": json.loads(found.to_json()),
}))
"""
_NICENESS = 10
#: What the certificate is to reach.
FACTOR, POINTS = 1.5, 0.07


def run_case(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One case's real scores and its certificate."""
    command = [sys.executable, "-c", _CASE, str(folder), options.engine, options.settings]
    command += [options.country, str(options.worlds), options.effort]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.nice(_NICENESS),
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def row(case: str, found: dict[str, Any]) -> dict[str, Any]:
    """Real beside predicted."""
    real, total = found["recovery"], found["certificate"]["total"]
    channels = {found["names"][item["channel"]]: item for item in found["certificate"]["channels"]}
    held = []
    for channel in real["channels"]:
        item = channels[channel["name"]]
        if item["recalibrated_low"] is not None:
            low, high = item["recalibrated_low"], item["recalibrated_high"]
            held.append(low <= channel["true_roi"] <= high)
    return {
        "case": case,
        "error": real["roi_error"],
        "predicted": total["expected_error"],
        "ratio": total["expected_error"] / real["roi_error"],
        "in_worlds": total["error"],
        "held": real["covered"],
        "predicted_held": total["covered"],
        "recalibrated_held": float(np.mean(held)),
        "ranked": real["ranked"],
        "predicted_ranked": total["ranked"],
        "channels": len(held),
        "seconds": found["certificate"]["seconds"],
    }


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """The figures that the certificate is judged by."""
    ordinary = [item for item in rows if not any(part in item["case"] for part in SPECIAL)]
    ratios = np.array([item["ratio"] for item in ordinary])
    weights = np.array([item["channels"] for item in ordinary], float)

    def pooled(name: str) -> float:
        return float(np.average([item[name] for item in ordinary], weights=weights))

    near = np.mean((ratios <= FACTOR) & (ratios >= 1 / FACTOR))
    logs = np.corrcoef(
        np.log([item["error"] for item in ordinary]),
        np.log([item["predicted"] for item in ordinary]),
    )[0, 1]
    return [
        f"{len(ordinary)} cases: predicted error within a factor of {FACTOR} in {near:.0%}; "
        f"middle ratio {np.median(ratios):.2f}; correlation of logarithms {logs:.2f}.",
        f"Intervals hold {pooled('held'):.1%}, predicted {pooled('predicted_held'):.1%} "
        f"(goal: within {POINTS:.0%}); recalibrated ones hold {pooled('recalibrated_held'):.1%}.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder that holds the cases' folders")
    parser.add_argument("cases", nargs="*", help="names of cases; all when none is named")
    parser.add_argument("--engine", default="ridge")
    parser.add_argument("--settings", default="{}")
    parser.add_argument("--country", default="US", help="whose holidays; empty for none")
    parser.add_argument("--worlds", type=int, default=30)
    parser.add_argument("--effort", default="short")
    parser.add_argument("--json", type=Path, help="where all is kept")
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.folder.glob("*/truth.json"))
    if options.cases:
        folders = [folder for folder in folders if folder.name in options.cases]
    found: dict[str, dict[str, Any]] = {}
    rows = []
    for folder in folders:
        found[folder.name] = run_case(folder, options)
        rows.append(row(folder.name, found[folder.name]))
        print(rows[-1], file=sys.stderr, flush=True)
        if options.json:
            options.json.write_text(json.dumps(found))
    print("| " + " | ".join(name.replace("_", " ") for name in rows[0]) + " |")
    print("| --- " * len(rows[0]) + "|")
    for item in rows:
        cells = [f"{value:.2f}" if isinstance(value, float) else value for value in item.values()]
        print("| " + " | ".join(map(str, cells)) + " |")
    print("\n" + "\n".join(summary(rows)))


if __name__ == "__main__":
    main()
