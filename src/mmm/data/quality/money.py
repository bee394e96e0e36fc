"""Checks of money: one currency, and spend and KPI in units that can belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.columns import listed
from mmm.data.quality.frame import Frame
from mmm.data.quality.result import CannotTell, Light, Place, Verdict, columns_of


@dataclass(frozen=True)
class OneCurrency:
    """All money in one currency, and in the experiment's (`currency`, "" while none is chosen)."""

    name = "currency"
    title = "Currencies"
    why = "Amounts of two currencies cannot be added up, and a ROAS of two is none."
    fix = "Convert all money to one currency before it is loaded, or keep one currency's rows."
    currency: str = ""

    def run(self, frame: Frame) -> Verdict:
        found = frame.currencies
        if not found.all:
            return Verdict("No column says which currency the money is in.")
        if len(found.values) > 1:
            what = f"holds {len(found.values)} currencies, {listed(list(found.values))}"
            place = Place(found.column, Light.RED, what, count=len(found.values))
            return Verdict(f"The money is in {listed(list(found.all))}.", (place,))
        if len(found.all) > 1:
            places = tuple(
                Place(name, Light.RED, f"is in {code} by its name or its cells; others are not")
                for name, code in found.named.items()
            )
            return Verdict(f"The money is in {listed(list(found.all))}.", places)
        (only,) = found.all
        if self.currency and self.currency != only:
            column = found.column or next(iter(found.named))
            what = f"the money is in {only}, the experiment says {self.currency}"
            fix = f"Set the experiment's currency to {only}, or correct the column."
            return Verdict(
                f"The money is in {only}.", (Place(column, Light.ORANGE, what, fix=fix),)
            )
        return Verdict(f"The money is in {only}.")


@dataclass(frozen=True)
class Units:
    """Spend against the KPI: in one currency and one unit they have a plausible size.

    `value` is what one unit of a conversion KPI is worth, None where nobody said. A company
    seldom spends more than half of its revenue on media; a channel that costs less than a
    hundred-thousandth of it has a ROAS nobody can believe.
    """

    name = "units"
    title = "Units of spend and KPI"
    why = (
        "Spend in thousands beside revenue in units, or two currencies, make every ROAS wrong by "
        "that factor."
    )
    fix = "Make sure that spend and KPI are in one unit and currency; convert one of them."
    value: float | None = None
    most_share: float = 0.5
    least_share: float = 1e-5

    def run(self, frame: Frame) -> Verdict:
        if not frame.mapping.paid:
            return Verdict("Nothing is spent: there is nothing to compare.")
        value = 1.0 if frame.mapping.kpi_kind == "revenue" else self.value
        if value is None:
            return Verdict("Not compared: nobody said what one conversion is worth.")
        kpi = value * float(np.nansum(frame.series(frame.mapping.kpi)))
        spends = {
            paid.spend: float(np.nansum(frame.series(paid.spend))) for paid in frame.mapping.paid
        }
        total = sum(spends.values())
        if kpi <= 0 or total <= 0:
            raise CannotTell("the KPI or the spend adds up to nothing.")
        places = []
        if total > self.most_share * kpi:
            what = f"all spend together is {_times(total / kpi)} the KPI's value"
            places.append(Place(None, Light.ORANGE, what))
        for name, spend in spends.items():
            if spend > kpi:
                what = f"its spend is {_times(spend / kpi)} the KPI's value"
                places.append(Place(name, Light.ORANGE, what))
            elif 0 < spend < self.least_share * kpi:
                what = f"its spend is one part in {kpi / spend:,.0f} of the KPI's value"
                places.append(Place(name, Light.ORANGE, what))
        share = f"All spend is {_times(total / kpi)} the KPI's value"
        if places:
            named = columns_of(places)
            return Verdict(f"{share}{f'; look at {named}' if named else ''}.", tuple(places))
        return Verdict(f"{share}: one unit and currency, as far as sizes tell.")


def _times(ratio: float) -> str:
    """3.2 times, or 12.3 % of."""
    return f"{ratio:,.3g} times" if ratio >= 1 else f"{100 * ratio:.3g} % of"
