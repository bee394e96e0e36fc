"""How near an engine comes on folders of known truth: `python -m benchmarks.recovery FOLDER`.

Every case is trained in a process of its own, which gives its CPU time and memory. Prints tables in
Markdown by case, by generator and by confidence word; `--json` keeps all scores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmm.engines.words import Confidence
from mmm.recovery.summary import CaseScore, by_generator, by_word
from mmm.scoring.advice import Advice
from mmm.scoring.score import ChannelScore, Recovery

_CASE = """
import json, resource, sys
from dataclasses import asdict
from pathlib import Path
from mmm.recovery.folder import CaseOptions, read_case
from mmm.recovery.recover import recover
folder, engine, settings, country, tests = sys.argv[1:]
options = CaseOptions(engine, json.loads(settings), country or None, None, tests)
case = read_case(Path(folder), options)
before = resource.getrusage(resource.RUSAGE_SELF)
scored, _, _ = recover(case)
after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "recovery": asdict(scored.recovery), "advice": asdict(scored.advice),
    "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    "memory": after.ru_maxrss / 1024,
}))
"""
_NICENESS = 10


def run_case(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One case's scores, CPU seconds of training and scoring (imports left out), peak MB."""
    command = [sys.executable, "-c", _CASE, str(folder), options.engine, options.settings]
    command += [options.country, options.lift_tests]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.nice(_NICENESS),
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def as_score(name: str, found: dict[str, Any]) -> CaseScore:
    """The stored form of a case back as scores."""
    stored = dict(found["recovery"])
    stored["channels"] = tuple(ChannelScore(**channel) for channel in stored["channels"])
    return CaseScore(name, Recovery(**stored), Advice(**found["advice"]))


def markdown(rows: list[Any]) -> None:
    """Print frozen rows as a Markdown table."""
    if not rows:
        return
    print("| " + " | ".join(name.replace("_", " ") for name in vars(rows[0])) + " |")
    print("| " + " | ".join("---" for _ in vars(rows[0])) + " |")
    for row in rows:
        cells = [
            f"{value:.3f}" if isinstance(value, float) else value for value in vars(row).values()
        ]
        print("| " + " | ".join(map(str, cells)) + " |")
    print()


def cases_table(found: dict[str, dict[str, Any]]) -> None:
    names = ("roi_error", "total", "ranked", "covered", "width", "marginal_error")
    gains = ("uplift", "best_uplift")
    print(f"| case | {' | '.join((*names, *gains)).replace('_', ' ')} | CPU s | MB |")
    print("| --- " * (len(names) + len(gains) + 3) + "|")
    for case, values in found.items():
        cells = [f"{values['recovery'][name]:.3f}" for name in names]
        cells += [f"{values['advice'][name]:.3f}" for name in gains]
        print(f"| {case} | {' | '.join(cells)} | {values['cpu']:.1f} | {values['memory']:.0f} |")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder that holds the cases' folders")
    parser.add_argument("cases", nargs="*", help="names of cases; all when none is named")
    parser.add_argument("--engine", default="ridge")
    parser.add_argument("--settings", default="{}")
    parser.add_argument("--country", default="US", help="whose holidays; empty for none")
    parser.add_argument("--lift-tests", default="experiments.csv")
    parser.add_argument("--json", type=Path, help="where all scores are kept")
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.folder.glob("*/truth.json"))
    if options.cases:
        folders = [folder for folder in folders if folder.name in options.cases]
    found = {}
    for folder in folders:
        found[folder.name] = run_case(folder, options)
        print(f"{folder.name}: {found[folder.name]['recovery']['roi_error']:.3f}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    cases_table(found)
    scores = [as_score(name, values) for name, values in found.items()]
    markdown(by_generator(scores))
    markdown(by_word(scores, tuple(Confidence)))


if __name__ == "__main__":
    main()
