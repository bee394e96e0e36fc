"""A mapping as an editor sees it: one row per column with its role, checked row by row while it is
being edited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from mmm.data.columns import counted
from mmm.data.mapping import KpiKind, Mapping, OrganicColumn, PaidColumns, Sign, SignedColumn
from mmm.data.naming import MEDIA_ROLES, Role
from mmm.data.profile import ColumnFacts
from mmm.data.proposal import MOST_LEVELS, Proposal
from mmm.errors import Finding

ROLES: tuple[Role, ...] = get_args(Role)
SIGNS: tuple[Sign, ...] = get_args(Sign)
KPI_KINDS: tuple[KpiKind, ...] = get_args(KpiKind)
#: The sign a role has where nothing is said; roles without one take none.
DEFAULT_SIGNS: dict[Role, Sign] = {
    "spend": "positive",
    "organic": "positive",
    "context": "unconstrained",
    "factor": "unconstrained",
}
#: Roles that only one column has.
_ONE: tuple[Role, ...] = ("date", "kpi", "market", "geo", "population")
_NUMBERS = ("kpi", "spend", "exposure", "frequency", "organic", "context", "population")
#: Roles of columns that belong to a spend.
PARTNERED: tuple[Role, ...] = ("exposure", "frequency")


@dataclass(frozen=True)
class ColumnRole:
    """One column's role. `partner` is the spend of an exposure or of a frequency; `sign` counts where
    the role has one.
    """

    column: str
    role: Role = "unused"
    partner: str | None = None
    sign: Sign = "unconstrained"

    def as_role(self, role: Role) -> ColumnRole:
        """The same column in another role, with that role's usual sign."""
        return replace(self, role=role, partner=None, sign=DEFAULT_SIGNS.get(role, "unconstrained"))


@dataclass(frozen=True)
class Roles:
    """The roles of all columns of a table, in its order, and what the KPI counts. May be incomplete
    or wrong.
    """

    columns: tuple[ColumnRole, ...]
    kpi_kind: KpiKind = "revenue"

    def of(self, role: Role) -> list[ColumnRole]:
        return [item for item in self.columns if item.role == role]

    def with_column(self, changed: ColumnRole) -> Roles:
        """With one column's row replaced. Exposures of a column that is no spend any more lose it."""
        columns = [changed if item.column == changed.column else item for item in self.columns]
        spends = {item.column for item in columns if item.role == "spend"}
        kept = (item if item.partner in spends else replace(item, partner=None) for item in columns)
        return replace(self, columns=tuple(kept))

    def to_fields(self) -> dict[str, Any]:
        """What a draft keeps: the columns that have a role."""
        used = {
            item.column: [item.role, item.partner, item.sign]
            for item in self.columns
            if item.role != "unused"
        }
        return {"kpi_kind": self.kpi_kind, "columns": used}


def roles_of_fields(fields: Dictionary[str, Any], columns: Sequence[str]) -> Roles:
    """A draft's roles on these columns; columns that the draft does not know are unused."""
    kept = fields["columns"]
    return Roles(
        tuple(
            ColumnRole(name, *kept[name]) if name in kept else ColumnRole(name) for name in columns
        ),
        fields["kpi_kind"],
    )


def roles_of_proposal(proposal: Proposal) -> Roles:
    """The proposed roles."""
    rows = []
    for item in proposal.columns:
        partner = item.partner if item.role in PARTNERED else None
        rows.append(
            ColumnRole(
                item.column, item.role, partner, DEFAULT_SIGNS.get(item.role, "unconstrained")
            )
        )
    kpi = next((item for item in proposal.columns if item.role == "kpi"), None)
    return Roles(tuple(rows), (kpi.kpi_kind if kpi else None) or "revenue")


def roles_of_mapping(mapping: Mapping, columns: Sequence[str]) -> Roles:
    """A mapping's roles on these columns; of what it maps only what is among them."""
    given: dict[str, ColumnRole] = {
        mapping.date: ColumnRole(mapping.date, "date"),
        mapping.kpi: ColumnRole(mapping.kpi, "kpi"),
    }
    parts: tuple[tuple[Role, str | None], ...] = (
        ("market", mapping.market),
        ("geo", mapping.geo),
        ("population", mapping.population),
    )
    given |= {name: ColumnRole(name, role) for role, name in parts if name}
    for paid in mapping.paid:
        if paid.exposure and paid.exposure != paid.spend:
            given[paid.exposure] = ColumnRole(paid.exposure, "exposure", paid.spend)
        if paid.frequency:
            given[paid.frequency] = ColumnRole(paid.frequency, "frequency", paid.spend)
        given[paid.spend] = ColumnRole(paid.spend, "spend", sign=paid.sign)
    signed: tuple[tuple[Role, Sequence[SignedColumn]], ...] = (
        ("organic", mapping.organic),
        ("context", mapping.context),
        ("factor", mapping.factors),
    )
    for role, items in signed:
        given |= {item.column: ColumnRole(item.column, role, sign=item.sign) for item in items}
    return Roles(tuple(given.get(name, ColumnRole(name)) for name in columns), mapping.kpi_kind)


def check_roles(roles: Roles, facts: Sequence[ColumnFacts]) -> list[Finding]:
    """What is wrong or missing; `where` is a column's name, or "" for what concerns the whole.

    Errors stop the mapping from being used; warnings say what the data would make an engine refuse.
    """
    by_name = {item.name: item for item in facts}
    findings = _missing(roles)
    for item in roles.columns:
        if item.role == "unused":
            continue
        findings += _content(item, by_name[item.column])
        if item.role in PARTNERED:
            findings += _partner(item, roles)
        if item.role in _ONE and len(roles.of(item.role)) > 1:
            fix = f"Choose one column as the {item.role}."
            findings.append(
                Finding("error", f"another column is the {item.role}, too.", item.column, fix)
            )
    return findings


def _partner(item: ColumnRole, roles: Roles) -> list[Finding]:
    """What is wrong with the spend that an exposure or a frequency belongs to."""
    if item.partner is None:
        fix = "Choose its spend, or make it organic."
        if item.role == "frequency":
            fix = "Choose the spend of its channel, or do not use it."
        return [Finding("error", f"it is the {item.role} of no spend.", item.column, fix)]
    partners = Counter(other.partner for other in roles.of(item.role))
    if partners[item.partner] > 1:
        what = f"{item.partner!r} has another {item.role} as well."
        return [Finding("error", what, item.column, "Keep one of them.")]
    exposures = {other.partner for other in roles.of("exposure")}
    if item.role == "frequency" and item.partner not in exposures:
        what = (
            f"{item.partner!r} has no reach: a frequency says nothing without the people reached."
        )
        fix = "Make the column of the people reached its exposure, or do not use the frequency."
        return [Finding("error", what, item.column, fix)]
    return []


def _missing(roles: Roles) -> list[Finding]:
    needs: dict[Role, str] = {
        "date": "No column is the date: choose the one that holds each row's day.",
        "kpi": "No column is the KPI: choose the number that the media are to explain, such as revenue.",
    }
    found = [Finding("error", what) for role, what in needs.items() if not roles.of(role)]
    if not roles.of("spend") and not roles.of("organic"):
        what = (
            "No column is a medium: choose at least one column of money spent, or an organic one."
        )
        found.append(Finding("error", what))
    for item in roles.of("population"):
        if not roles.of("geo"):
            fix = "Choose the column that names the geos, too."
            found.append(Finding("error", "a population needs a geo.", item.column, fix))
    for item in roles.of("geo"):
        if roles.of("market"):
            fix = "Choose geo for parts that are modelled together, market for those to be split."
            found.append(Finding("error", "another column is the market.", item.column, fix))
    return found


def _content(item: ColumnRole, facts: ColumnFacts) -> list[Finding]:
    """Whether the column holds what its role needs."""
    where, found = item.column, []
    if item.role == "date" and facts.kind != "date":
        fix = "Choose a column of dates such as 2024-12-31."
        found.append(Finding("error", f"a date is needed, it holds {_holds(facts)}.", where, fix))
    if item.role in _NUMBERS and facts.kind not in ("number", "flag"):
        fix = "Choose another role; a text can be a factor."
        found.append(
            Finding(
                "error",
                f"the role {item.role} needs numbers, it holds {_holds(facts)}.",
                where,
                fix,
            )
        )
    if item.role == "factor" and facts.kind == "text" and (facts.distinct or 0) > MOST_LEVELS:
        what = f"it has {facts.distinct:,} different texts; engines take up to {MOST_LEVELS}."
        found.append(
            Finding(
                "warning",
                what,
                where,
                "Prepare the dataset with a flag for the values that matter.",
            )
        )
    if item.role in MEDIA_ROLES and facts.negative_share:
        fix = "Correct the source: book refunds where the spend was."
        found.append(Finding("warning", "negative values, which no medium may have.", where, fix))
    if item.role not in ("factor", "market", "geo") and facts.missing and facts.kind != "empty":
        fix = "Prepare the dataset with a rule for gaps in this column."
        found.append(Finding("warning", f"{counted(facts.missing, 'empty cell')}.", where, fix))
    if facts.constant and item.role in ("kpi", *MEDIA_ROLES, "context", "factor"):
        found.append(
            Finding("warning", "it is the same in every row: nothing can be told from it.", where)
        )
    return found


def _holds(facts: ColumnFacts) -> str:
    return {"date": "dates", "text": "texts", "empty": "nothing", "other": "other values"}.get(
        facts.kind, "numbers"
    )


def mapping_of(roles: Roles) -> Mapping:
    """The mapping, for roles without errors. Raises pydantic's ValidationError for others."""
    exposures = {item.partner: item.column for item in roles.of("exposure")}
    frequencies = {item.partner: item.column for item in roles.of("frequency")}
    single = {}
    for role in _ONE:
        single[role] = next((item.column for item in roles.of(role)), None)
    return Mapping.model_validate(
        {
            **single,
            "kpi_kind": roles.kpi_kind,
            "paid": [
                PaidColumns(
                    spend=item.column,
                    exposure=exposures.get(item.column),
                    frequency=frequencies.get(item.column),
                    sign=item.sign,
                )
                for item in roles.of("spend")
            ],
            "organic": [
                OrganicColumn(column=item.column, sign=item.sign) for item in roles.of("organic")
            ],
            "context": [
                SignedColumn(column=item.column, sign=item.sign) for item in roles.of("context")
            ],
            "factors": [
                SignedColumn(column=item.column, sign=item.sign) for item in roles.of("factor")
            ],
        }
    )


def changes(before: Mapping, now: Mapping) -> list[str]:
    """What the newer mapping does otherwise, one sentence per column, in the newer one's order."""
    names = list(dict.fromkeys([*_all(now), *_all(before)]))
    old = {item.column: item for item in roles_of_mapping(before, names).columns}
    new = {item.column: item for item in roles_of_mapping(now, names).columns}
    found = []
    if before.kpi_kind != now.kpi_kind:
        found.append(f"The KPI was {before.kpi_kind} and is {now.kpi_kind}.")
    for name in names:
        one, other = old[name], new[name]
        if one.role != other.role:
            found.append(f"{name!r} was {one.role} and is {other.role}.")
        elif one.partner != other.partner:
            found.append(
                f"{name!r} was the {one.role} of {one.partner!r} and is that of {other.partner!r}."
            )
        elif one.sign != other.sign:
            found.append(f"{name!r} had the sign {one.sign} and has {other.sign}.")
    return found


def _all(mapping: Mapping) -> list[str]:
    return mapping.all_columns()
