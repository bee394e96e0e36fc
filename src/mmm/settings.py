"""Settings from environment variables and a `.env` file, with the deployment guide's names.

The environment wins over `.env`, `.env` over the defaults. Everything is checked before anything
starts, and every problem is told at once.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mmm.access import Role
from mmm.errors import Finding, InvalidInput

#: Names of this machine itself.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")]
_Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]


def _parts(value: object) -> object:
    """A comma-separated text as its parts, in lower case."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip().lower() for part in value.split(",") if part.strip())


_MAIL = r"^[^@\s,]+@[^@\s,]+\.[^@\s,.]+$"
_Emails = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=_MAIL)], ...],
    BeforeValidator(_parts),
]
_Domains = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")], ...],
    BeforeValidator(_parts),
]
_Hosts = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^(\*\.)?[a-z0-9.:_-]+$")], ...],
    BeforeValidator(_parts),
]
_SubnetIds = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]+$")], ...],
    BeforeValidator(_parts),
]
_GroupIds = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]+$")], ...],
    BeforeValidator(_parts),
]
GOOGLE = "https://accounts.google.com/.well-known/openid-configuration"


class Settings(BaseSettings):
    """Typed settings; made by `load_settings`. Each field's alias is the name of its environment
    variable.
    """

    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_by_name=True,
    )

    cloud_provider: Literal["local", "aws", "gcp"] = Field("local", alias="CLOUD_PROVIDER")
    environment: Literal["prod", "dev"] = Field("prod", alias="ENVIRONMENT")
    service_name: str = Field("mmm-app", alias="SERVICE_NAME", pattern=r"^[a-z][a-z0-9-]{0,30}$")

    workspace: str | None = Field(
        None, alias="MMM_WORKSPACE", description="folder or URL; default ./workspace"
    )
    secrets_dir: Path | None = Field(None, alias="MMM_SECRETS_DIR")
    heartbeat_seconds: Seconds = Field(10, alias="MMM_HEARTBEAT_SECONDS")
    crash_after_seconds: Seconds = Field(120, alias="MMM_CRASH_AFTER_SECONDS")
    start_timeout_seconds: Seconds = Field(900, alias="MMM_START_TIMEOUT_SECONDS")
    dispatch_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        20,
        alias="MMM_DISPATCH_SECONDS",
        description="between rounds of the web app's dispatcher; 0 for none",
    )
    task_timeout_seconds: Seconds = Field(24 * 3600, alias="MMM_TASK_TIMEOUT_SECONDS")
    batch_at_once: Annotated[int, Field(ge=1, le=1000)] = Field(
        2, alias="MMM_BATCH_AT_ONCE", description="runs of batches that go on at the same time"
    )
    job_from: Annotated[int, Field(ge=2)] = Field(
        20,
        alias="MMM_JOB_FROM",
        description="runs from which a batch becomes one job of many tasks",
    )
    job_tasks: Annotated[int, Field(ge=1, le=10_000)] = Field(
        16, alias="MMM_JOB_TASKS", description="of one batch's job at most"
    )
    job_slots: Annotated[int, Field(ge=1, le=64)] = Field(
        4, alias="MMM_JOB_SLOTS", description="runs that a task of a job trains at the same time"
    )
    read_memory_mb: Annotated[int, Field(ge=128)] = Field(
        1024, alias="MMM_READ_MEMORY_MB", description="of the process that reads one file"
    )
    read_seconds: Seconds = Field(900, alias="MMM_READ_SECONDS", description="to read one file")
    read_rows: Annotated[int, Field(ge=1)] = Field(
        50_000_000, alias="MMM_READ_ROWS", description="of one table"
    )
    read_cells: Annotated[int, Field(ge=1)] = Field(
        1_000_000_000, alias="MMM_READ_CELLS", description="rows x columns of one table"
    )
    query_seconds: Seconds = Field(
        900, alias="MMM_QUERY_SECONDS", description="for one query of a database"
    )
    source_hosts: _Hosts = Field(
        (), alias="MMM_SOURCE_HOSTS", description="databases' hosts that may be asked; default any"
    )
    upload_person_mb: Annotated[int, Field(ge=1)] = Field(
        400, alias="MMM_UPLOAD_PERSON_MB", description="of one person's uploads in memory at once"
    )
    upload_total_mb: Annotated[int, Field(ge=1)] = Field(
        1000, alias="MMM_UPLOAD_TOTAL_MB", description="of all uploads in memory at once"
    )
    draw_reports: bool = Field(
        True,
        alias="MMM_DRAW_REPORTS",
        description="when a run has been trained; else when first asked for",
    )
    api_per_minute: Annotated[int, Field(ge=1)] = Field(
        600, alias="MMM_API_PER_MINUTE", description="requests of one token of the REST API"
    )
    run_seconds: Seconds | None = Field(
        None, alias="MMM_RUN_SECONDS", description="a run may be estimated to take"
    )
    run_memory_mb: Annotated[int, Field(ge=256)] | None = Field(
        None, alias="MMM_RUN_MEMORY_MB", description="a run may be estimated to need"
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, alias="MMM_METRICS_PORT", description="of Prometheus metrics; none where unset"
    )
    log_format: Literal["text", "json"] = Field("text", alias="MMM_LOG_FORMAT")
    rscript: str = Field("Rscript", alias="MMM_RSCRIPT", description="R for the engine robyn")
    robyn_library: Path | None = Field(
        None, alias="MMM_ROBYN_LIBRARY", description="R library that Robyn is in"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", alias="MMM_LOG_LEVEL")
    public_url: _Url | None = Field(
        None, alias="MMM_PUBLIC_URL", description="the web app's address for browsers"
    )

    webhook_hosts: _Hosts = Field(
        ("hooks.slack.com",),
        alias="MMM_WEBHOOK_HOSTS",
        description="hosts that notifications may be posted to",
    )
    smtp_host: str | None = Field(
        None, alias="MMM_SMTP_HOST", description="mail server; no e-mail where unset"
    )
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = Field(587, alias="MMM_SMTP_PORT")
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", alias="MMM_SMTP_SECURITY")
    smtp_user: str | None = Field(None, alias="MMM_SMTP_USER")
    smtp_password: SecretStr | None = Field(None, alias="MMM_SMTP_PASSWORD")
    smtp_from: str | None = Field(
        None, alias="MMM_SMTP_FROM", pattern=_MAIL, description="sender of e-mail"
    )

    aws_region: str | None = Field(None, alias="AWS_REGION", pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$")
    aws_account_id: str | None = Field(None, alias="AWS_ACCOUNT_ID", pattern=r"^\d{12}$")
    aws_profile: str | None = Field(None, alias="AWS_PROFILE")
    aws_endpoint_url: _Url | None = Field(None, alias="AWS_ENDPOINT_URL")
    aws_access_key_id: str | None = Field(None, alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr | None = Field(None, alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr | None = Field(None, alias="AWS_SESSION_TOKEN")
    s3_bucket: _Bucket | None = Field(None, alias="S3_BUCKET")
    ecs_cluster: str | None = Field(None, alias="ECS_CLUSTER")
    training_task_family: str | None = Field(None, alias="TRAINING_TASK_FAMILY")
    training_subnets: _SubnetIds = Field(
        (), alias="TRAINING_SUBNETS", description="default from the task definition's tag"
    )
    training_security_groups: _GroupIds = Field(
        (), alias="TRAINING_SECURITY_GROUPS", description="default from the task definition's tag"
    )

    gcp_project: str | None = Field(None, alias="GCP_PROJECT")
    gcp_region: str | None = Field(None, alias="GCP_REGION")
    gcs_bucket: _Bucket | None = Field(None, alias="GCS_BUCKET")
    training_job_name: str | None = Field(None, alias="TRAINING_JOB_NAME")
    gcp_endpoint_url: _Url | None = Field(None, alias="GCP_ENDPOINT_URL")
    google_application_credentials: Path | None = Field(
        None, alias="GOOGLE_APPLICATION_CREDENTIALS", description="a key file, or of federation"
    )

    auth_client_id: str | None = Field(None, alias="AUTH_CLIENT_ID")
    auth_client_secret: SecretStr | None = Field(None, alias="AUTH_CLIENT_SECRET")
    auth_cookie_secret: SecretStr | None = Field(None, alias="AUTH_COOKIE_SECRET", min_length=32)
    auth_redirect_uri: _Url | None = Field(
        None, alias="AUTH_REDIRECT_URI", description="default from MMM_PUBLIC_URL"
    )
    auth_server_metadata_url: _Url = Field(GOOGLE, alias="AUTH_SERVER_METADATA_URL")
    auth_allowed_domains: _Domains = Field(
        (), alias="AUTH_ALLOWED_DOMAINS", description="of e-mail addresses"
    )
    auth_allowed_emails: _Emails = Field((), alias="AUTH_ALLOWED_EMAILS")
    auth_admins: _Emails = Field(
        (), alias="AUTH_ADMINS", description="addresses, allowed in as well"
    )
    auth_analysts: _Emails = Field(
        (), alias="AUTH_ANALYSTS", description="addresses, allowed in as well"
    )
    auth_default_role: Role = Field(Role.VIEWER, alias="AUTH_DEFAULT_ROLE")
    auth_session_seconds: Seconds = Field(12 * 3600, alias="AUTH_SESSION_SECONDS")

    sf_account: str | None = Field(None, alias="SF_ACCOUNT", pattern=r"^[A-Za-z0-9._-]+$")
    sf_user: str | None = Field(None, alias="SF_USER")
    sf_role: str | None = Field(None, alias="SF_ROLE")
    sf_warehouse: str | None = Field(None, alias="SF_WAREHOUSE")
    sf_database: str | None = Field(None, alias="SF_DATABASE")
    sf_schema: str | None = Field(None, alias="SF_SCHEMA")
    sf_private_key: SecretStr | None = Field(None, alias="SF_PRIVATE_KEY")
    sf_private_key_passphrase: SecretStr | None = Field(None, alias="SF_PRIVATE_KEY_PASSPHRASE")
    sf_password: SecretStr | None = Field(None, alias="SF_PASSWORD")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` gives, so that each value's origin is known."""
        return (init_settings,)

    @property
    def workspace_url(self) -> str:
        """Where everything that lasts lies: file:///folder, s3://bucket or gs://bucket."""
        if self.workspace:
            if "://" in self.workspace:
                return self.workspace
            return Path(self.workspace).expanduser().resolve().as_uri()
        if self.cloud_provider == "aws":
            return f"s3://{self.s3_bucket}"
        if self.cloud_provider == "gcp":
            return f"gs://{self.gcs_bucket}"
        return Path("workspace").resolve().as_uri()

    @property
    def tasks_dir(self) -> Path:
        """Where the local platform keeps its tasks' raw output: in a local workspace, else in the
        user's state.
        """
        parts = urlsplit(self.workspace_url)
        if parts.scheme == "file":
            return Path(url2pathname(parts.path)) / ".tasks"
        return _user_dir("XDG_STATE_HOME", ".local/state") / "tasks"

    @property
    def cache_dir(self) -> Path:
        """Where this machine keeps what it can read again from the workspace."""
        return _user_dir("XDG_CACHE_HOME", ".cache")

    @property
    def local_secrets_dir(self) -> Path:
        """Where the local platform keeps secrets; never inside the workspace, which may be shared."""
        return self.secrets_dir or _user_dir("XDG_CONFIG_HOME", ".config") / "secrets"


def _shown(value: object) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


NAMES: dict[str, str] = {str(field.alias): name for name, field in Settings.model_fields.items()}

#: Settings whose values are secret, by environment variable.
SECRETS = frozenset(
    alias
    for alias, name in NAMES.items()
    if "SecretStr" in str(Settings.model_fields[name].annotation)
)


@dataclass(frozen=True)
class LoadedSettings:
    """The settings, and where each came from: "environment", ".env" or "default", by environment
    variable.
    """

    settings: Settings
    origins: Mapping[str, str]

    def lines(self) -> list[tuple[str, str, str]]:
        """(name, value, origin) of every setting; secrets are masked, what is not set is "-"."""
        values = [(alias, getattr(self.settings, name)) for alias, name in NAMES.items()]
        return [(alias, _shown(value), self.origins[alias]) for alias, value in values]


def load_settings(env_file: Path = Path(".env")) -> LoadedSettings:
    """Read and check all settings. Raises InvalidInput with every problem found."""
    given: dict[str, str] = {}
    origins = dict.fromkeys(NAMES, "default")
    findings: list[Finding] = []
    for origin, raw in (
        (".env", _dotenv(env_file)),
        ("environment", dict(EnvSettingsSource(Settings).env_vars)),
    ):
        findings += _unknown_names(raw, origin)
        for name in NAMES.keys() & {name for name, value in raw.items() if value}:
            if origin == ".env" and re.search(r"\$\(|`", str(raw[name])):
                origins[name] = (
                    "default (.env holds a shell command, which only `source .env` runs)"
                )
                continue
            given[name], origins[name] = str(raw[name]), origin
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        findings += [
            _finding(dict(problem), origins) for problem in error.errors(include_url=False)
        ]
    else:
        findings += _missing(settings)
    if findings:
        raise InvalidInput("The settings are not valid:", findings)
    return LoadedSettings(settings, origins)


def _dotenv(env_file: Path) -> dict[str, str | None]:
    """All names in the file, with or without `export`; none when there is no such file."""
    try:
        return dict(
            DotEnvSettingsSource(Settings, env_file=env_file, env_file_encoding="utf-8").env_vars
        )
    except UnicodeDecodeError:
        finding = Finding(
            "error", "is not UTF-8 text.", where=str(env_file), fix="Save it as UTF-8."
        )
        raise InvalidInput("The settings are not valid:", [finding]) from None


def _unknown_names(raw: Mapping[str, str | None], origin: str) -> list[Finding]:
    """Misspelt names of our own would silently do nothing."""
    unknown = sorted(name for name in raw if name.startswith("MMM_") and name not in NAMES)
    own = [name for name in NAMES if name.startswith("MMM_")]
    findings = []
    for name in unknown:
        near = difflib.get_close_matches(name, own, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(own)}."
        findings.append(
            Finding("error", "there is no such setting.", where=f"{name} ({origin})", fix=fix)
        )
    return findings


def _finding(problem: dict[str, Any], origins: Mapping[str, str]) -> Finding:
    name = str(problem["loc"][0])
    secret = "SecretStr" in str(Settings.model_fields[NAMES[name]].annotation)
    came = "" if secret else f"; got {problem['input']!r}"
    message = problem["msg"].replace(" items after validation", " characters")
    return Finding("error", f"{message}{came}.", where=f"{name} ({origins[name]})")


def _missing(settings: Settings) -> list[Finding]:
    """What a setting requires of others."""
    findings = []
    scheme = ""
    if settings.workspace and "://" in settings.workspace:
        scheme = urlsplit(settings.workspace_url).scheme
    needed = {
        "aws": ("AWS_REGION", "S3_BUCKET"),
        "gcp": ("GCP_PROJECT", "GCP_REGION", "GCS_BUCKET"),
    }
    for name in needed.get(settings.cloud_provider, ()):
        has_url = name.endswith("_BUCKET") and scheme in ("s3", "gs")
        if getattr(settings, NAMES[name]) is None and not has_url:
            findings.append(
                Finding(
                    "error", f"is needed with CLOUD_PROVIDER={settings.cloud_provider}.", where=name
                )
            )
    allowed = {"local": ("", "file", "s3", "gs"), "aws": ("", "s3"), "gcp": ("", "gs")}[
        settings.cloud_provider
    ]
    folder_in_cloud = settings.cloud_provider != "local" and settings.workspace and not scheme
    if scheme not in allowed or folder_in_cloud:
        fix = f"Use {', '.join(f'{kind}://...' for kind in allowed if kind)}{' or a folder' * ('file' in allowed)}."
        what = f"{settings.workspace!r} cannot be the workspace with CLOUD_PROVIDER={settings.cloud_provider}."
        findings.append(Finding("error", what, where="MMM_WORKSPACE", fix=fix))
    if settings.sf_account and not settings.sf_user:
        findings.append(Finding("error", "is needed with SF_ACCOUNT.", where="SF_USER"))
    if settings.smtp_host and not settings.smtp_from:
        findings.append(Finding("error", "is needed with MMM_SMTP_HOST.", where="MMM_SMTP_FROM"))
    if settings.crash_after_seconds < 2 * settings.heartbeat_seconds:
        what = f"must be at least twice MMM_HEARTBEAT_SECONDS ({settings.heartbeat_seconds:g})"
        got = f"; got {settings.crash_after_seconds:g}."
        findings.append(Finding("error", what + got, where="MMM_CRASH_AFTER_SECONDS"))
    return findings


def _user_dir(variable: str, default: str) -> Path:
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "mmm"
