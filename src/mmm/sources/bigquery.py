"""Google BigQuery through its official client: rows by the Storage Read API, or by REST at a given
endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa

from mmm.errors import UserError
from mmm.sources.base import Query
from mmm.sources.database import Answer, DatabaseSource, Failure, driver, first_line, unreachable
from mmm.sources.deadline import deadline
from mmm.sources.sql import Dialect, Placeholder

_RETRY_SECONDS = 30
_STREAMS = 2
_PAGE_ROWS = 50_000
_GRANT = "`mmm connect grants` prints the commands an administrator has to run."
_NOT_FOUND = Failure(
    "the project, dataset or table does not exist, or lies in another location.",
    "Check project {project}, dataset {dataset} and location {location}.",
)
#: By the reason BigQuery gives, else by the HTTP status.
_FAILURES: dict[str | int, Failure] = {
    "accessDenied": Failure(
        "this account may not read here, or may not run queries in project {project}.", _GRANT
    ),
    "notFound": _NOT_FOUND,
    "invalidQuery": Failure(
        "BigQuery does not understand the query.", "Correct it where BigQuery says."
    ),
    "quotaExceeded": Failure("the project's quota is used up.", "Wait, or have it raised."),
    "bytesBilledLimitExceeded": Failure(
        "the query would read more than is allowed.", "Select fewer columns or days."
    ),
    401: Failure(
        "Google does not accept the key.", "Make a new key of the service account and set it again."
    ),
    403: Failure(
        "this account may not read here, or may not run queries in project {project}.", _GRANT
    ),
    404: _NOT_FOUND,
    400: Failure("BigQuery does not understand the query.", "Correct it where BigQuery says."),
}


@dataclass(frozen=True)
class BigQuerySource(DatabaseSource):
    """A project that pays for queries, and the dataset that is read by default.

    `key` is a service account's JSON key; without one Google's own default credentials are used.
    `endpoint` is for private access and the tests; rows then come by REST.
    """

    project: str
    dataset: str | None = None
    location: str | None = None
    key: str | None = field(default=None, repr=False)
    endpoint: str | None = None

    kind = "bigquery"
    dialect = Dialect(Placeholder.NAME, quote="`", text_type="STRING")

    @property
    def where(self) -> str:
        return f"bigquery {self.project}{f'.{self.dataset}' if self.dataset else ''}"

    def _list(self) -> list[tuple[str, ...]]:
        with self._client() as client:
            retry = self._retry()
            if self.dataset:
                datasets = [self.dataset]
            else:
                datasets = [found.dataset_id for found in client.list_datasets(retry=retry)]
            names: list[tuple[str, ...]] = []
            for dataset in datasets:
                tables = client.list_tables(f"{self.project}.{dataset}", retry=retry)
                names += [(dataset, table.table_id) for table in tables]
            return names

    def _first_rows(self, table_or_query: str | Query | None, rows: int) -> pa.Table:
        """Of a table without a query: that would be billed for the whole table."""
        if isinstance(table_or_query, Query):
            return super()._first_rows(table_or_query, rows)
        parts = self._table(table_or_query)
        home = (self.project, self.dataset) if self.dataset else (self.project,)
        name = ".".join((*home[: 3 - len(parts)], *parts))
        with self._own_errors(), self._client() as client:
            found = client.list_rows(client.get_table(name, retry=self._retry()), max_results=rows)
            return pa.Table.from_batches(found.to_arrow_iterable(), _arrow_schema(found.schema))

    @contextmanager
    def _run(self, sql: str, values: Sequence[tuple[str, str]]) -> Iterator[Answer]:
        bigquery = driver("google.cloud.bigquery", "bigquery")
        with self._client() as client:
            config = bigquery.QueryJobConfig(
                query_parameters=[
                    bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in values
                ],
                job_timeout_ms=int(self.limits.seconds * 1000),
                default_dataset=f"{self.project}.{self.dataset}" if self.dataset else None,
            )
            job = client.query(sql, job_config=config, retry=self._retry(), job_retry=None)
            with deadline(self.limits, partial(client.cancel_job, job.job_id), self.where):
                found = job.result(
                    page_size=_PAGE_ROWS,
                    retry=self._retry(),
                    job_retry=None,
                    timeout=self.limits.seconds,
                )
                _require_plain(found.schema, self.where)
                names, types = [f.name for f in found.schema], [f.field_type for f in found.schema]
                yield Answer(names, types, self._batches(found))

    def _batches(self, found: Any) -> Iterator[pa.RecordBatch]:
        if self.endpoint:
            yield from found.to_arrow_iterable()
            return
        storage = driver("google.cloud.bigquery_storage", "bigquery")
        with storage.BigQueryReadClient(credentials=self._credentials()) as reader:
            yield from found.to_arrow_iterable(bqstorage_client=reader, max_stream_count=_STREAMS)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        bigquery = driver("google.cloud.bigquery", "bigquery")
        client = bigquery.Client(
            project=self.project,
            location=self.location,
            credentials=self._credentials(),
            client_options={"api_endpoint": self.endpoint} if self.endpoint else None,
        )
        try:
            yield client
        finally:
            client.close()

    def _credentials(self) -> Any:
        """None means Google's default credentials."""
        if not self.key:
            auth = driver("google.auth.credentials", "bigquery")
            if (self.endpoint or "").startswith("http://"):
                return auth.AnonymousCredentials()
            return None
        account = driver("google.oauth2.service_account", "bigquery")
        try:
            return account.Credentials.from_service_account_info(
                json.loads(self.key), scopes=["https://www.googleapis.com/auth/cloud-platform"]
            )
        except ValueError as error:
            raise UserError(
                f"is not a service account's key ({first_line(str(error), 100)}).",
                where="key",
                fix="Give the whole JSON file that Google made.",
            ) from None

    def _retry(self) -> Any:
        return driver("google.cloud.bigquery", "bigquery").DEFAULT_RETRY.with_timeout(
            _RETRY_SECONDS
        )

    def _failures(self) -> tuple[type[Exception], ...]:
        api = driver("google.api_core.exceptions", "bigquery")
        auth = driver("google.auth.exceptions", "bigquery")
        requests = driver("requests.exceptions", "bigquery")
        return (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException)

    def _explained(self, error: Any) -> UserError:
        reasons = [
            found.get("reason") for found in getattr(error, "errors", ()) if isinstance(found, dict)
        ]
        says = first_line(str(getattr(error, "message", error)))
        for key in (*reasons, getattr(error, "code", None)):
            if key in _FAILURES:
                return _FAILURES[key].error(self.where, vars(self), says)
        if "credentials" in says.lower():
            fix = "Set a service account's key, or run: gcloud auth application-default login"
            return UserError(
                f"there are no credentials for Google ({says}).", where=self.where, fix=fix
            )
        requests = driver("requests.exceptions", "bigquery")
        if self.endpoint and isinstance(error, requests.RequestException):
            return unreachable(self.where, self.endpoint, error)
        fix = "Check the network and read it again; nothing was stored."
        return UserError(f"BigQuery or the way to it failed: {says}", where=self.where, fix=fix)


def _require_plain(schema: Sequence[Any], where: str) -> None:
    for column in schema:
        if column.mode == "REPEATED" or column.field_type in (
            "RECORD",
            "STRUCT",
            "RANGE",
            "INTERVAL",
        ):
            raise UserError(
                f"the column holds values that are no plain cells ({column.mode} {column.field_type}).",
                where=f"{where}, column {column.name!r}",
                fix="In a query, give one plain column per value.",
            )


def _arrow_schema(schema: Sequence[Any]) -> pa.Schema:
    helpers = driver("google.cloud.bigquery._pandas_helpers", "bigquery")
    return helpers.bq_to_arrow_schema(schema)
