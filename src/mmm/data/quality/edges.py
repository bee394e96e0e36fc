"""Whether the first and the last period are whole: an export made on a Wednesday ends in half a week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.quality.frame import Frame
from mmm.data.quality.result import CannotTell, Light, Place, Verdict, columns_of, first_dates


@dataclass(frozen=True)
class PartialEdges:
    """A first or last period in which KPI and spend are both far below all their neighbours."""

    name = "edges"
    title = "First and last period"
    why = "A period that is not over has a part of its KPI and spend: models read it as a sudden loss."
    fix = "Leave it out: end the window before it, or load it again when it is over."
    neighbours: int = 12
    kpi_share: float = 0.8
    spend_share: float = 0.75

    def run(self, frame: Frame) -> Verdict:
        kpi = frame.series(frame.mapping.kpi)
        if len(kpi) <= self.neighbours:
            raise CannotTell(f"{len(kpi)} periods are too few to compare the edges with.")
        spends = [frame.series(paid.spend) for paid in frame.mapping.paid]
        spend = np.sum(spends, axis=0) if spends else None
        places = []
        for title, edge, beside in (
            ("first", 0, slice(1, self.neighbours + 1)),
            ("last", -1, slice(-self.neighbours - 1, -1)),
        ):
            if not self._is_partial(kpi, spend, edge, beside):
                continue
            usual = float(np.median(kpi[beside]))
            what = (
                f"{kpi[edge] / usual:.0%} of the usual KPI in the {title} period, with as little "
                "spend: it looks incomplete"
            )
            dates = first_dates(frame.periods[[edge]])
            places.append(Place(frame.mapping.kpi, Light.ORANGE, what, dates, 1))
        if places:
            return Verdict(
                f"An incomplete period at the edge of {columns_of(places)}.", tuple(places)
            )
        return Verdict("The first and the last period are like their neighbours.")

    def _is_partial(
        self, kpi: np.ndarray, spend: np.ndarray | None, edge: int, beside: slice
    ) -> bool:
        """Whether the KPI is far below the lowest of the neighbours, and the spend, where there is
        any, below the usual.
        """
        lowest = float(kpi[beside].min())
        if not 0 <= kpi[edge] < self.kpi_share * lowest:
            return False
        if spend is None:
            return True
        return bool(spend[edge] < self.spend_share * np.median(spend[beside]))
