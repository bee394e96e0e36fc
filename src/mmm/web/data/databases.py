"""Reading through a saved connection: test, tables, preview, query, and into datasets."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import streamlit as st

from mmm.access import User
from mmm.data.ingest import MARKET, MarketResult, ingest_markets
from mmm.format import count, fixed
from mmm.sources.base import Query
from mmm.sources.connections import Connections
from mmm.sources.sql import parameter_names, plain_select
from mmm.web.data.adding_up import adding_up
from mmm.web.data.stored_data import datasets_changed
from mmm.web.kit.tables import parsed_names, preview
from mmm.web.kit.text import plain
from mmm.web.shell.session import current_user, workspace

_KEPT_SECONDS = 300.0
_ROWS = 20


@st.cache_data(ttl=_KEPT_SECONDS, max_entries=100, show_spinner="Listing the tables")
def _tables(
    _connections: Connections, _by: User, url: str, name: str, who: str, connection: str
) -> list[str]:
    return _connections.open(name, _by).tables()


@st.cache_data(ttl=_KEPT_SECONDS, max_entries=20, show_spinner="Reading the first rows")
def _first_rows(
    _connections: Connections,
    _by: User,
    _asked: str | Query,
    url: str,
    name: str,
    who: str,
    connection: str,
    asked: str,
) -> pa.Table:
    return _connections.open(name, _by).preview(_asked, _ROWS)


def forget_answers() -> None:
    """Have databases asked anew: a connection has changed."""
    _tables.clear()
    _first_rows.clear()


def read_form(connections: Connections, name: str) -> list[MarketResult]:
    """Everything between a connection and its datasets; the results once they are stored."""
    _test(connections, name)
    how = st.segmented_control(
        "What to read",
        ["Table", "Query"],
        default="Table",
        required=True,
        key="read",
        bind="query-params",
    )
    asked = _table(connections, name) if how == "Table" else _query()
    if asked is None:
        return []
    markets = _markets(asked)
    with st.container(horizontal=True, vertical_alignment="center"):
        look = st.toggle("Show the first rows", key="look")
        store = st.button("Read into a dataset", type="primary", icon=":material/save:")
    if look:
        bound = _bound(asked, markets[:1])
        preview(
            _first_rows(
                connections, current_user(), bound, *_address(connections, name), repr(bound)
            )
        )
    if not store:
        return _added_up(connections, name, asked, markets)
    wanted = parsed_names(", ".join(markets), "market")
    with st.spinner(f"Reading {count(len(wanted), 'market')} from {name}"):
        user = current_user()
        source = connections.open(name, user)
        results = list(
            ingest_markets(source, asked, wanted, connection=name, workspace=workspace(), by=user)
        )
    datasets_changed()
    return results


def _added_up(
    connections: Connections, name: str, asked: str | Query, markets: Sequence[str]
) -> list[MarketResult]:
    """What a table gave that was added up in its database."""
    if isinstance(asked, Query):
        return []
    address = _address(connections, name)
    sample = _first_rows(connections, current_user(), asked, *address, repr(asked))
    source = connections.open(name, current_user())
    made = adding_up(source, name, asked, ", ".join(markets), sample, address)
    return [MarketResult(item.market, item, is_new=True) for item in made]


def _address(connections: Connections, name: str) -> tuple[str, str, str, str]:
    """What an answer belongs to: a replaced connection or another person asks anew."""
    return workspace().url, name, current_user().id, connections.get(name).model_dump_json()


def _test(connections: Connections, name: str) -> None:
    if not st.button("Test the connection", icon=":material/network_check:"):
        return
    with st.spinner("Connecting and reading some rows"):
        tested = connections.test(name, current_user())
    st.success(
        f"{plain(tested.message)} {count(tested.rows, 'row')} in {fixed(tested.seconds)} s.",
        icon=":material/check_circle:",
    )
    for warning in tested.warnings:
        st.warning(plain(warning), icon=":material/warning:")


def _table(connections: Connections, name: str) -> str | None:
    """The table, the one in the address at first; the box searches as one types."""
    tables = _tables(connections, current_user(), *_address(connections, name))
    asked = st.query_params.get("table")
    chosen = st.selectbox(
        f"Table, of {len(tables):,} that may be read",
        tables,
        tables.index(asked) if asked in tables else None,
        placeholder="Type a part of its name",
        key=f"table-of-{name}-{asked}",
    )
    if chosen and chosen != asked:
        st.query_params["table"] = chosen
    return chosen


def _query() -> Query | None:
    sql = st.text_area(
        "One SELECT",
        key="sql",
        height=140,
        placeholder="SELECT week, revenue, tv_spend FROM mart.weekly WHERE country = :market",
        help="`:name` stands for a value that is sent apart from the text; `:market` gets each market's name.",
    )
    if not sql.strip():
        return None
    plain_select(sql)
    names = [name for name in parameter_names(sql) if name != MARKET]
    with st.container(horizontal=True):
        values = {name: st.text_input(plain(f":{name}"), key=f"parameter-{name}") for name in names}
    return Query(sql, values)


def _markets(asked: str | Query) -> list[str]:
    several = isinstance(asked, Query) and MARKET in parameter_names(asked.sql)
    if not several:
        return [st.text_input("Market", key="market-read", placeholder="DE").strip()]
    text = st.text_input("Markets, one dataset each: DE, FR", key="markets", placeholder="DE, FR")
    return [part.strip() for part in text.split(",") if part.strip()]


def _bound(asked: str | Query, market: Sequence[str]) -> str | Query:
    """What a preview reads: a query for several markets with the first one's name."""
    if isinstance(asked, Query) and MARKET in parameter_names(asked.sql):
        return Query(asked.sql, {MARKET: market[0] if market else ""} | dict(asked.parameters))
    return asked
