"""What an administrator runs so that a connection may read its tables, and nothing else."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from mmm.errors import UserError
from mmm.sources.bigquery import BigQuerySource
from mmm.sources.connections import (
    BigQueryConnection,
    Connection,
    DuckDBConnection,
    PostgresConnection,
    SnowflakeConnection,
)
from mmm.sources.postgres import PostgresSource
from mmm.sources.snowflake import SnowflakeSource, public_key


def grant_script(connection: Connection, secrets: Mapping[str, str]) -> str:
    """The statements, ready to paste; every name in them is quoted. A key pair's public half is
    filled in.
    """
    if isinstance(connection, SnowflakeConnection):
        return _snowflake(connection, secrets)
    if isinstance(connection, PostgresConnection):
        return _postgres(connection)
    if isinstance(connection, BigQueryConnection):
        return _bigquery(connection, secrets)
    return _duckdb(connection)


def _snowflake(connection: SnowflakeConnection, secrets: Mapping[str, str]) -> str:
    dialect = SnowflakeSource.dialect

    def name(*given: str) -> str:
        return ".".join(dialect.quoted(dialect.parse(part)) for part in given)

    user, role = name(connection.user), name(connection.role or "MMM_READER")
    warehouse = name(connection.warehouse) if connection.warehouse else '"<WAREHOUSE>"'
    database = name(connection.database) if connection.database else '"<DATABASE>"'
    if connection.schema_name:
        schema = f"{database}.{name(connection.schema_name)}"
        place, use = f"SCHEMA {schema}", [f"GRANT USAGE ON SCHEMA {schema} TO ROLE {role};"]
    else:
        place = f"DATABASE {database}"
        use = [
            f"GRANT USAGE ON {which} SCHEMAS IN {place} TO ROLE {role};"
            for which in ("ALL", "FUTURE")
        ]
    key = []
    if "private_key" in secrets:
        public = public_key(secrets["private_key"], secrets.get("passphrase"))
        key = [f"ALTER USER {user} SET RSA_PUBLIC_KEY = '{public}';"]
    return _lines(
        "-- As SECURITYADMIN:",
        f"CREATE ROLE IF NOT EXISTS {role};",
        f"CREATE USER IF NOT EXISTS {user} DEFAULT_ROLE = {role} DEFAULT_WAREHOUSE = {warehouse};",
        *key,
        f"GRANT ROLE {role} TO USER {user};",
        "-- As the owner of warehouse and data:",
        f"GRANT USAGE ON WAREHOUSE {warehouse} TO ROLE {role};",
        f"GRANT USAGE ON DATABASE {database} TO ROLE {role};",
        *use,
        *(
            f"GRANT SELECT ON {which} {what} IN {place} TO ROLE {role};"
            for what in ("TABLES", "VIEWS")
            for which in ("ALL", "FUTURE")
        ),
    )


def _postgres(connection: PostgresConnection) -> str:
    quoted = PostgresSource.dialect.quoted
    user, schema = quoted([connection.user]), quoted([connection.schema_name or "public"])
    if connection.kind == "redshift":
        first = [
            f"CREATE USER {user} PASSWORD DISABLE;",
            "-- Then give the user a password: ALTER USER ... PASSWORD",
        ]
    else:
        first = [
            f"CREATE ROLE {user} LOGIN;",
            "-- Then give the role a password; in psql: \\password",
            f"ALTER ROLE {user} SET default_transaction_read_only = on;",
            f"GRANT CONNECT ON DATABASE {quoted([connection.database])} TO {user};",
        ]
    return _lines(
        f"-- In the database {json.dumps(connection.database)}, as the owner of schema and tables:",
        *first,
        f"GRANT USAGE ON SCHEMA {schema} TO {user};",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user};",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {user};",
    )


def _bigquery(connection: BigQueryConnection, secrets: Mapping[str, str]) -> str:
    account = "<ACCOUNT>@<PROJECT>.iam.gserviceaccount.com"
    if "key" in secrets:
        try:
            account = json.loads(secrets["key"])["client_email"]
        except (ValueError, KeyError, TypeError):
            raise UserError(
                "is not a service account's key.", where="key", fix="Give the whole JSON file."
            ) from None
    project, member = shlex.quote(connection.project), shlex.quote(f"serviceAccount:{account}")
    roles = ("roles/bigquery.jobUser", "roles/bigquery.readSessionUser")
    dialect = BigQuerySource.dialect
    data = dialect.quoted([connection.project, connection.dataset or "<DATASET>"])
    grant = f"GRANT `roles/bigquery.dataViewer` ON SCHEMA {data} TO {json.dumps(f'serviceAccount:{account}')}"
    return _lines(
        "# Run queries and read their results, in the project that pays:",
        *(
            f"gcloud projects add-iam-policy-binding {project} --member={member} --role={role}"
            for role in roles
        ),
        "# Read the dataset, and no other:",
        f"bq query --project_id={project} --use_legacy_sql=false {shlex.quote(grant)}",
    )


def _duckdb(connection: DuckDBConnection) -> str:
    return _lines(
        "# The file must be readable for the user who runs mmm:",
        f"chmod o+r {shlex.quote(str(connection.path))}",
    )


def _lines(*lines: str) -> str:
    return "\n".join(line.replace("\n", " ") for line in lines) + "\n"
