"""Connect: a file or a database becomes a dataset; connections; what is stored already."""

from __future__ import annotations

import streamlit as st

from mmm.data.ingest import MarketResult
from mmm.errors import NotFound
from mmm.sources.connections import Connections
from mmm.web.data.connection_forms import connection_form, grants, remove_button, title_of
from mmm.web.data.databases import read_form
from mmm.web.data.dataset_list import dataset_list, finding, stored
from mmm.web.data.joining import join_form
from mmm.web.data.steps import Step, stepper
from mmm.web.data.stored_data import datasets, datasets_changed
from mmm.web.data.uploads import upload_form
from mmm.web.kit.text import error_markdown, plain
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, settings, workspace

_FILE, _DATABASE, _JOIN, _SAMPLE = "File", "Database", "Join", "Sample"


def _results(results: list[MarketResult]) -> None:
    for result in results:
        if result.error is not None:
            st.error(
                f"**{plain(result.market)}** {error_markdown(result.error)}",
                icon=":material/error:",
            )
        elif result.manifest is not None:
            stored(
                result.manifest, "Stored as" if result.is_new else "Unchanged, was stored before as"
            )


def _chosen(connections: Connections) -> str | None:
    """The connection, the one in the address at first."""
    names = connections.names()
    asked = st.query_params.get("connection")
    if asked is not None and asked not in names:
        raise NotFound(
            f"there is no connection {asked!r}.",
            where="connection",
            fix="Leave it out of the address.",
        )
    if not names:
        st.info("No connection to a database is saved yet.")
        return None
    kinds = {name: connections.get(name).kind for name in names}
    chosen = st.selectbox(
        "Connection",
        names,
        names.index(asked) if asked else 0,
        lambda name: f"{name} · {title_of(kinds[name])}",
        key=f"connection-is-{asked}",
    )
    if chosen != asked:
        st.query_params["connection"] = chosen
        st.query_params.pop("table", None)
    return chosen


def _what_is_set(connections: Connections, name: str) -> None:
    fields = connections.get(name).model_dump(mode="json", exclude={"kind"}, exclude_none=True)
    where = ", ".join(
        f"{field.replace('schema_name', 'schema')} {value}" for field, value in fields.items()
    )
    secrets = connections.secrets_set(name)
    shown = f"Secrets set: {', '.join(secrets)}." if secrets else "No secret is set."
    st.caption(f"{plain(where)}. {plain(shown)} A secret is never shown.")


def _database() -> None:
    connections, user = Connections.of(settings()), current_user()
    if name := st.session_state.pop("connection-saved", None):
        st.success(
            f"Saved **{plain(name)}**. Test it before you rely on it.",
            icon=":material/check_circle:",
        )
    name = _chosen(connections)
    if name is not None:
        _what_is_set(connections, name)
        with border():
            _results(read_form(connections, name))
        grants(connections, name)
    if not user.may("connection.add"):
        st.caption(
            f"Your role, {user.role}, may read through connections; an administrator adds and changes them."
        )
        return
    with st.expander("Add a connection", icon=":material/add:", expanded=name is None), border():
        connection_form(connections)
    if name in connections.workspace.connection_names():
        with st.expander(f"Change or remove {plain(str(name))}", icon=":material/edit:"), border():
            connection_form(connections, name)
            remove_button(connections, str(name))


def _sample() -> None:
    st.markdown(
        "Robyn's public weekly data: four years of revenue, five paid channels, a newsletter, a competitor and "
        "holidays. A dataset to try every page on."
    )
    if st.button("Store the sample", icon=":material/science:"):
        from mmm.runs.sample import store_sample

        with st.spinner("Storing the sample"):
            manifest = store_sample(workspace(), current_user())
        datasets_changed()
        stored(manifest)


st.title("Connect data")
stepper(Step.CONNECT)
opening = st.empty()
if current_user().may("dataset.ingest"):
    ways = [_FILE, _DATABASE, _JOIN, _SAMPLE]
    way = st.segmented_control(
        "From", ways, default=_FILE, required=True, key="from", bind="query-params"
    )
    with border():
        if way == _DATABASE:
            _database()
        elif way == _SAMPLE:
            _sample()
        elif way == _JOIN:
            if (joined := join_form()) is not None:
                stored(joined, "Joined as")
        else:
            for made in upload_form():
                stored(made)
else:
    st.caption(f"Your role, {current_user().role}, may look at stored data and add none.")
opening.markdown(finding(datasets()))  # what has just been stored counts
dataset_list()
