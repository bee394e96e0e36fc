"""The sample in one step: Robyn's demo data as a dataset, and Robyn's demo experiment as a run on
it.
"""

from __future__ import annotations

from mmm.access import User
from mmm.data.ingest import ingest
from mmm.engines import DEFAULT_ENGINE
from mmm.experiments.config import DatasetRef, Experiment, Window
from mmm.runs.service import RunService
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import DatasetManifest, Workspace

NAME, MARKET = "Sample: Robyn's weekly demo", "sample"


def submit_sample(service: RunService, by: User, engine: str = DEFAULT_ENGINE) -> str:
    """Store the sample (once), submit its experiment with the engine's defaults; return the run's
    id.
    """
    dataset_id = store_sample(service.workspace, by).dataset_id
    return service.submit(sample_experiment(dataset_id, engine), by)


def store_sample(workspace: Workspace, by: User) -> DatasetManifest:
    """The sample as a dataset, once."""
    return ingest(
        FileSource(sample.PATH), market=MARKET, origin=sample.PATH.name, workspace=workspace, by=by
    )


def sample_experiment(dataset_id: str, engine: str = DEFAULT_ENGINE) -> Experiment:
    """Robyn's demo on the stored sample."""
    start, end = sample.WINDOW
    return Experiment(
        name=NAME,
        dataset=DatasetRef(market=MARKET, dataset_id=dataset_id),
        mapping=sample.sample_mapping(),
        window=Window(start=start, end=end),
        country=sample.COUNTRY,
        currency=sample.CURRENCY,
        engine=engine,
    )
