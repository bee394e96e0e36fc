"""Adding, changing and removing connections. Their fields are those the models declare; secrets
only go in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from mmm.errors import UserError
from mmm.sources.connections import (
    KINDS,
    BigQueryConnection,
    Connection,
    Connections,
    DuckDBConnection,
    PostgresConnection,
    SnowflakeConnection,
    parse_connection,
)
from mmm.web.data.databases import forget_answers
from mmm.web.kit.text import plain
from mmm.web.shell.session import current_user

_MODELS: dict[str, type[Connection]] = {
    "snowflake": SnowflakeConnection,
    "postgres": PostgresConnection,
    "redshift": PostgresConnection,
    "bigquery": BigQueryConnection,
    "duckdb": DuckDBConnection,
}
_TITLES = {
    "snowflake": "Snowflake",
    "postgres": "PostgreSQL",
    "redshift": "Amazon Redshift",
    "bigquery": "Google BigQuery",
    "duckdb": "DuckDB file",
}
_LABELS = {
    "schema_name": "Schema",
    "sslmode": "SSL mode",
    "project": "Project that pays",
    "path": "Path on the server",
}
_HELP = {
    "account": "The part before .snowflakecomputing.com.",
    "role": "Empty: the user's default role.",
    "location": "Where the dataset lies, such as EU.",
    "endpoint": "An address of its own; empty for Google's.",
    "host": "The server's host name; for Snowflake only behind a private link.",
}
#: Secrets that come as files; the others are typed in, unseen.
_FILES = {"private_key": ["p8", "pem", "key"], "key": ["json"]}
_LONGEST_FILE = 100_000


def title_of(kind: str) -> str:
    return _TITLES[kind]


def connection_form(connections: Connections, replaced: str | None = None) -> None:
    """A form for a new connection, or for one that takes another's place under its name."""
    old = connections.get(replaced) if replaced else None
    form = f"connection-{replaced or 'new'}-{st.session_state.get('connection-forms', 0)}"
    kinds = list(KINDS)
    kind = st.selectbox(
        "Kind", kinds, kinds.index(old.kind) if old else 1, format_func=title_of, key=f"{form}-kind"
    )
    before = old.model_dump(mode="json") if old and old.kind == kind else {}
    with st.form(form, border=True, enter_to_submit=False):
        name = replaced or st.text_input("Name", key=f"{form}-name", placeholder="shop").strip()
        given = _fields(form, kind, before)
        secrets = _secrets(form, kind, connections.secrets_set(replaced) if replaced else ())
        if not st.form_submit_button("Save the connection", type="primary", icon=":material/save:"):
            return
    connection = parse_connection({"kind": kind} | given)
    connections.add(name, connection, secrets, current_user(), replace=replaced is not None)
    # New keys empty the form: what was typed as a secret is forgotten.
    st.session_state["connection-forms"] = st.session_state.get("connection-forms", 0) + 1
    st.session_state["connection-saved"] = name
    forget_answers()
    st.query_params["connection"] = name
    st.rerun()


def _fields(form: str, kind: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """The kind's fields; those left empty are not among them."""
    given: dict[str, Any] = {}
    columns = st.columns(2)
    fields = [item for item in _MODELS[kind].model_fields.items() if item[0] != "kind"]
    for number, (name, field) in enumerate(fields):
        label = _LABELS.get(name, name.capitalize()) + (
            "" if field.is_required() else " (if needed)"
        )
        key, value = f"{form}-{kind}-{name}", before.get(name)
        choices = _choices(field.annotation)
        with columns[number % 2]:
            if choices:
                default = value or (None if field.is_required() else field.default)
                index = choices.index(default) if default in choices else None
                entered = st.selectbox(label, choices, index, key=key, placeholder="As usual")
            else:
                text = "" if value is None else str(value)
                entered = st.text_input(label, text, key=key, help=_HELP.get(name)).strip()
        if entered:
            given[name] = entered
    return given


def _choices(annotation: Any) -> list[str]:
    """The values of a Literal, alone or among others."""
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    return next((found for part in get_args(annotation) if (found := _choices(part))), [])


def _secrets(form: str, kind: str, already: tuple[str, ...]) -> dict[str, str]:
    """Secrets that were entered. Nothing shows a stored one."""
    found: dict[str, str] = {}
    for secret in _MODELS[kind].SECRETS:
        label = secret.replace("_", " ").capitalize()
        note = None
        if secret in already:
            note = "Set. Leave it empty to keep it, unless address or user change."
        if secret in _FILES:
            file = st.file_uploader(
                f"{label} (file)", type=_FILES[secret], key=f"{form}-{secret}", help=note
            )
            value = "" if file is None else _text(file.name, file.getvalue())
        else:
            value = st.text_input(
                label,
                type="password",
                key=f"{form}-{secret}",
                help=note,
                autocomplete="new-password",
            )
        if note:
            st.caption(f"{label}: set. Leave it empty to keep it, unless address or user change.")
        if value.strip():
            found[secret] = value.strip()
    return found


def _text(name: str, content: bytes) -> str:
    try:
        if len(content) > _LONGEST_FILE:
            raise UserError("is too large for a key.", where=Path(name).name)
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(
            "is not UTF-8 text.", where=Path(name).name, fix="Give the key as PEM or JSON."
        ) from None


def remove_button(connections: Connections, name: str) -> None:
    """Forget a connection, after asking."""
    with st.popover("Remove", icon=":material/delete:"):
        st.markdown(
            f"Forget the connection **{plain(name)}** and its secrets? Datasets read through it stay."
        )
        if st.button("Remove it", type="primary", key=f"remove-{name}"):
            connections.remove(name, current_user())
            forget_answers()
            st.query_params.pop("connection", None)
            st.rerun()


def grants(connections: Connections, name: str) -> None:
    """What the database's administrator runs."""
    with st.expander(
        "Least privilege: what the database's administrator runs", icon=":material/shield:"
    ):
        st.markdown("It lets this connection read its tables, and nothing else.")
        kind = connections.get(name).kind
        st.code(
            connections.grants(name, current_user()),
            language="bash" if kind in ("bigquery", "duckdb") else "sql",
        )
