"""What a model that was brought up to date says otherwise than the model in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmm.experiments.of_run import experiment_of
from mmm.format import percent
from mmm.results import read_results
from mmm.results.compare import SHARE_GAP, ChannelOf, Comparison, Side, compare
from mmm.results.model_summary import for_model
from mmm.workspace import Workspace


@dataclass(frozen=True)
class Moved:
    """`before` is the run whose model was brought up to date; `channels` are those that moved: their
    intervals have no value in common, or their share of the paid effect changed by more than 5
    points. `sentences` say it, the finding first.
    """

    before: str
    channels: tuple[str, ...]
    sentences: tuple[str, ...]


def moved(workspace: Workspace, run_id: str) -> Moved | None:
    """Hold a run against the model that it refreshes or was trained anew to replace; None where
    there is no such model. Both runs must have results.
    """
    experiment = experiment_of(workspace, run_id)
    if experiment.refresh is not None:
        before: str = experiment.refresh.run
        model: str | None = experiment.refresh.model
    elif experiment.retrains is not None:
        before = experiment.retrains
        model = _accepted(workspace, before)
    else:
        return None
    old = Side("A", before, "", _summary(workspace, before, model))
    new = Side("B", run_id, "", _summary(workspace, run_id, None))
    return _judged(compare([old, new]), before)


def _accepted(workspace: Workspace, run_id: str) -> str | None:
    from mmm.models.refresh import in_use

    used = in_use(workspace, run_id)
    return used.model_id if used is not None and used.run_id == run_id else None


def _summary(workspace: Workspace, run_id: str, model: str | None) -> Mapping[str, Any]:
    results = read_results(workspace, run_id)
    if model is None or model == results.summary["model"]["id"]:
        return results.summary
    return for_model(results.summary, results, model)


def _judged(found: Comparison, before: str) -> Moved:
    channels, sentences = [], []
    for name, verdict in found.verdicts.items():
        old, new = (item for item in found.channels if item.channel == name)
        if verdict == "differ" or _share_moved(old, new):
            channels.append(name)
            sentences.append(_sentence(old, new, found.efficiency))
    if not sentences:
        sentences.append("No channel moved by more than its interval or 5 points of share.")
    return Moved(before, tuple(channels), tuple(sentences))


def _share_moved(old: ChannelOf, new: ChannelOf) -> bool:
    if old.effect_share is None or new.effect_share is None:
        return False
    return abs(new.effect_share - old.effect_share) > SHARE_GAP


def _sentence(old: ChannelOf, new: ChannelOf, efficiency: str) -> str:
    shares = f"from {percent(old.effect_share)} to {percent(new.effect_share)}"
    return (
        f"{old.channel}: its share of the paid effect went {shares}, its {efficiency} from "
        f"{old.text} to {new.text}."
    )
