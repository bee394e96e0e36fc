"""Roles as an editor sees them: to a mapping and back, checked at the column, and what a version
changed.
"""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pyarrow.csv
import pytest

from mmm.data.mapping import Mapping, OrganicColumn, PaidColumns, SignedColumn
from mmm.data.naming import Role
from mmm.data.profile import profile
from mmm.data.proposal import propose
from mmm.data.roles import (
    ColumnRole,
    Roles,
    changes,
    check_roles,
    mapping_of,
    roles_of_fields,
    roles_of_mapping,
    roles_of_proposal,
)
from mmm.sources import sample

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(weeks=i) for i in range(4)]
TABLE = pa.table(
    {
        "week": DAYS,
        "geo": ["n", "s", "n", "s"],
        "revenue": [5.0, 6, 7, 8],
        "tv": [1.0, 0, 3, 4],
        "grps": [9, 0, 8, 7],
        "refunds": [1.0, -2, 3, 4],
        "note": ["a", "b", "c", "d"],
        "flat": [1.0, 1, 1, 1],
        "gappy": [1.0, None, 3, 4],
    }
)
FACTS = profile(TABLE)
MAPPING = Mapping(
    date="week",
    kpi="revenue",
    kpi_kind="conversion",
    paid=(PaidColumns(spend="tv", exposure="grps", sign="unconstrained"),),
    organic=(OrganicColumn(column="refunds"),),
    context=(SignedColumn(column="gappy", sign="negative"),),
    factors=(SignedColumn(column="note"),),
    market="geo",
)
ROLES = roles_of_mapping(MAPPING, TABLE.column_names)


def errors(roles: Roles) -> list[tuple[str, str]]:
    return [(item.where, item.what) for item in check_roles(roles, FACTS) if item.level == "error"]


def test_a_mapping_comes_back_from_its_roles_and_from_a_draft() -> None:
    assert mapping_of(ROLES) == MAPPING
    kept = json.loads(json.dumps(ROLES.to_fields()))
    assert mapping_of(roles_of_fields(kept, TABLE.column_names)) == MAPPING


def test_a_proposal_gives_the_mapping_it_proposes() -> None:
    found = propose(pyarrow.csv.read_csv(sample.PATH))
    assert mapping_of(roles_of_proposal(found)) == found.mapping


def test_columns_that_are_gone_leave_their_role_empty() -> None:
    roles = roles_of_mapping(MAPPING, [name for name in TABLE.column_names if name != "revenue"])
    (missing,) = [item.what for item in check_roles(roles, FACTS) if item.level == "error"]
    assert missing.startswith("No column is the KPI")


@pytest.mark.parametrize(
    ("column", "role", "wrong"),
    [
        (
            "week",
            "unused",
            ("", "No column is the date: choose the one that holds each row's day."),
        ),
        ("geo", "date", ("geo", "a date is needed, it holds texts.")),
        ("note", "context", ("note", "the role context needs numbers, it holds texts.")),
        ("flat", "kpi", ("flat", "another column is the kpi, too.")),
        ("flat", "exposure", ("flat", "it is the exposure of no spend.")),
    ],
)
def test_what_is_wrong_is_said_at_the_column(
    column: str, role: Role, wrong: tuple[str, str]
) -> None:
    item = next(item for item in ROLES.columns if item.column == column)
    assert wrong in errors(ROLES.with_column(item.as_role(role)))


def test_two_exposures_of_a_spend_are_wrong_at_both() -> None:
    twice = ROLES.with_column(ColumnRole("flat", "exposure", "tv"))
    assert [
        where for where, what in errors(twice) if what == "'tv' has another exposure as well."
    ] == ["grps", "flat"]


def test_an_exposure_loses_a_spend_that_is_none_any_more() -> None:
    tv = next(item for item in ROLES.columns if item.column == "tv")
    changed = ROLES.with_column(tv.as_role("organic"))
    assert next(item for item in changed.columns if item.column == "grps").partner is None


def test_doubts_are_warnings_and_do_not_stop() -> None:
    found = {(item.where, item.what) for item in check_roles(ROLES, FACTS)}
    assert found == {
        ("refunds", "negative values, which no medium may have."),
        ("gappy", "1 empty cell."),
    }
    flat = ROLES.with_column(ColumnRole("flat", "context"))
    assert ("flat", "it is the same in every row: nothing can be told from it.") in {
        (item.where, item.what) for item in check_roles(flat, FACTS)
    }
    assert errors(ROLES) == []


def test_what_a_version_changed() -> None:
    now = MAPPING.model_copy(
        update={
            "kpi_kind": "revenue",
            "paid": (PaidColumns(spend="tv", sign="unconstrained"),),
            "organic": (OrganicColumn(column="refunds", sign="unconstrained"),),
        }
    )
    assert changes(MAPPING, now) == [
        "The KPI was conversion and is revenue.",
        "'refunds' had the sign positive and has unconstrained.",
        "'grps' was exposure and is unused.",
    ]
    assert changes(now, now) == []


def test_organic_media_alone_are_enough_and_none_at_all_is_an_error() -> None:
    alone = ROLES
    for item in ROLES.columns:
        if item.role in ("spend", "exposure"):
            alone = alone.with_column(item.as_role("unused"))
    assert errors(alone) == []
    assert mapping_of(alone).paid == ()
    for item in alone.columns:
        if item.role == "organic":
            alone = alone.with_column(item.as_role("unused"))
    (found,) = errors(alone)
    assert found[1].startswith("No column is a medium")
