"""Prior beside posterior: whether the data moved a figure, or whether it is the prior still."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mmm.engines.bayes.posterior import Posterior
from mmm.engines.bayes.preview import (
    ALL_MEDIA,
    before_the_data,
    curve_quantities,
    media_share,
    quantities,
)
from mmm.engines.bayes.tables import MODEL_ID, Summary, interval
from mmm.engines.schemas import table
from mmm.engines.words import Quantity, Source

#: A figure is the data's where its 90 % interval covers at most this much of what was expected.
MOST_OF_PRIOR = 0.6


def source_of(prior: np.ndarray, posterior: np.ndarray) -> Source:
    """Whose a figure is, by the share of the prior's draws in the posterior's 90 % interval.

    Where the data say nothing it is 0.9. It falls when the data narrow what was expected, and when
    they move it; and it is the same on any scale.
    """
    low, high = np.quantile(posterior, (0.05, 0.95))
    covered = float(((prior >= low) & (prior <= high)).mean())
    return Source.DATA if covered <= MOST_OF_PRIOR else Source.PRIOR


def learnt_table(found: Posterior, summary: Summary) -> pa.Table:
    """The table `learnt`: every paid and organic medium, and the share of all paid media."""
    setup = found.setup
    before = before_the_data(setup)
    pairs: list[tuple[str, str, np.ndarray, np.ndarray]] = []
    fitted = float(summary.fitted.sum())
    if setup.paid:
        together = np.sum([medium.total for medium in summary.media[: setup.paid]], axis=0)
        pairs.append((ALL_MEDIA, Quantity.SHARE, media_share(setup, before), together / fitted))
    spend = setup.spend[:, setup.window].sum(axis=1)
    for c, medium in enumerate(summary.media):
        after = curve_quantities(found.channel[:, c])
        after[Quantity.SHARE] = medium.total / fitted
        if c < setup.paid:
            after[Quantity.ROI] = medium.total / spend[c]
        for quantity, prior in quantities(setup, before, c).items():
            pairs.append((setup.names[c], quantity, prior, after[quantity]))
    priors = [interval(prior) for _, _, prior, _ in pairs]
    posteriors = [interval(posterior) for _, _, _, posterior in pairs]
    return table(
        "learnt",
        {
            "model_id": [MODEL_ID] * len(pairs),
            "variable": [name for name, _, _, _ in pairs],
            "quantity": [str(quantity) for _, quantity, _, _ in pairs],
            "prior": [float(np.median(prior)) for _, _, prior, _ in pairs],
            "prior_low": [low for low, _ in priors],
            "prior_high": [high for _, high in priors],
            "posterior": [float(np.median(posterior)) for _, _, _, posterior in pairs],
            "posterior_low": [low for low, _ in posteriors],
            "posterior_high": [high for _, high in posteriors],
            "source": [str(source_of(prior, posterior)) for _, _, prior, posterior in pairs],
        },
    )
