"""Names are quoted, values are bound, and nothing else of a user's input becomes SQL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm.errors import UserError
from mmm.sources.sql import Dialect, Placeholder, bind, parameter_names, plain_select

UPPER = Dialect(Placeholder.QUESTION, fold=str.upper)


def test_parameters_are_found_where_they_are_and_nowhere_else() -> None:
    sql = """SELECT x::date, data:field, arr[1:2], ':no', "a:no", $$ :no $$ -- :no
    /* :no */ FROM t WHERE m = :market AND (n=:n OR m<>:market)"""
    assert parameter_names(sql) == ["market", "n"]
    bound, values = bind(sql, {"market": "DE", "n": "1"}, Placeholder.QUESTION)
    assert values == [("market", "DE"), ("n", "1"), ("market", "DE")]
    assert bound.endswith("WHERE m = ? AND (n=? OR m<>?)")
    bound, values = bind(sql, {"market": "DE", "n": "1"}, Placeholder.NUMBER)
    assert values == [("market", "DE"), ("n", "1")]
    assert bound.endswith("WHERE m = $1 AND (n=$2 OR m<>$1)")
    assert bind(sql, {"market": "DE", "n": "1"}, Placeholder.NAME)[0].endswith(
        "m = @market AND (n=@n OR m<>@market)"
    )


@given(st.text(max_size=30))
def test_a_value_never_becomes_part_of_the_sql(value: str) -> None:
    assert bind("SELECT :v", {"v": value}, Placeholder.QUESTION) == ("SELECT ?", [("v", value)])


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3))
def test_a_shown_name_is_read_back_as_the_same_parts(parts: list[str]) -> None:
    assert UPPER.parse(UPPER.shown(parts)) == tuple(parts)


def test_names_fold_without_quotes_and_not_within() -> None:
    assert UPPER.parse('mart."Weekly ""A""".x') == ("MART", 'Weekly "A"', "X")
    assert UPPER.quoted(["MART", 'a"; DROP TABLE b; --']) == '"MART"."a""; DROP TABLE b; --"'


@pytest.mark.parametrize(
    "name", ["", "a b", "a;b", 'a"b"', '"a', "a..b", ".a", "a'--", "a.b.c.d", "1a", '""']
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"is not the name of a table|more than 3 parts"):
        UPPER.parse(name)


@pytest.mark.parametrize(
    ("sql", "plain"),
    [
        (" select 1 ; ", "select 1"),
        ("WITH a AS (SELECT 1) SELECT * FROM a;;\n", "WITH a AS (SELECT 1) SELECT * FROM a"),
        ("-- why\n/* and */ SELECT ';' -- ; end", "-- why\n/* and */ SELECT ';' -- ; end"),
        ("(SELECT 1) UNION (SELECT 2)", "(SELECT 1) UNION (SELECT 2)"),
        ("SELECT 1; -- 'done';", "SELECT 1"),
    ],
)
def test_one_select_is_kept(sql: str, plain: str) -> None:
    assert plain_select(sql) == plain


@pytest.mark.parametrize(
    "sql", ["", "-- SELECT", "SELECT 1; SELECT 2", "DROP TABLE a", "SELECT ';'; DROP TABLE a --"]
)
def test_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(UserError, match=r"is not a SELECT|more than one statement"):
        plain_select(sql)
