"""Sign-in without a browser: its settings, who is admitted as what, and the pages of each state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers
from streamlit.testing.v1 import AppTest

from aws_servers import Aws
from mmm.access import NotAllowed, Role, User
from mmm.errors import InvalidInput, UserError
from mmm.platforms.local.secrets import FileSecretStore
from mmm.results.notes import annotate
from mmm.results.store import read_results
from mmm.settings import Settings, load_settings
from mmm.web.kit.text import plain
from mmm.web.shell import links
from mmm.web.shell.server import (
    SCRIPT,
    Border,
    allowed_hosts,
    app_options,
    is_known_host,
    page_of,
    safe_page,
)
from mmm.web.shell.sign_in import Refused, SignInNeeded, admitted, sign_in_of
from mmm.workspace.models import RunState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMPLETE = {
    "AUTH_CLIENT_ID": "client",
    "AUTH_CLIENT_SECRET": "hush",
    "AUTH_COOKIE_SECRET": "0123456789abcdef0123456789abcdef",
    "MMM_PUBLIC_URL": "https://mmm.example.com/",
    "AUTH_ALLOWED_DOMAINS": "example.com",
    "AUTH_ALLOWED_EMAILS": "guest@elsewhere.org",
    "AUTH_ANALYSTS": "Bob@Example.com",
    "AUTH_ADMINS": "ann@example.com",
}
Open = Callable[..., AppTest]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    """configured(NAME=value or None, ...): the complete settings with these changes."""

    def make(**changes: str | None) -> Settings:
        monkeypatch.setenv("MMM_SECRETS_DIR", str(tmp_path / "secrets"))
        for name, value in (COMPLETE | changes).items():
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        return load_settings().settings

    return make


def claims(email: str, /, **changes: Any) -> dict[str, Any]:
    given = {
        "is_logged_in": True,
        "email": email,
        "email_verified": True,
        "iat": NOW.timestamp(),
        "name": "N",
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


@pytest.mark.usefixtures("_clean")
class TestSettings:
    def test_without_any_there_is_a_local_user(self) -> None:
        assert sign_in_of(Settings(secrets_dir=Path("none"))) is None

    def test_complete_ones_are_google_by_default_and_show_no_secret(
        self, configured: Callable[..., Settings]
    ) -> None:
        made = sign_in_of(configured())
        assert made is not None
        assert made.redirect_uri == "https://mmm.example.com/oauth2callback"
        assert made.server_metadata_url.startswith("https://accounts.google.com/")
        assert made.for_streamlit()["auth"]["client_secret"] == "hush"
        assert "hush" not in repr(made)
        assert COMPLETE["AUTH_COOKIE_SECRET"] not in repr(made)

    def test_secrets_come_from_the_secret_store_where_the_environment_has_none(
        self, configured: Callable[..., Settings]
    ) -> None:
        settings = configured(AUTH_CLIENT_SECRET=None, AUTH_COOKIE_SECRET=None)
        store = FileSecretStore.from_settings(settings)
        store.put("mmm-app-auth-client-secret", "of the store\n")
        store.put("mmm-app-auth-cookie-secret", "f" * 32)
        made = sign_in_of(settings)
        assert made is not None
        assert (made.client_id, made.client_secret, made.cookie_secret) == (
            "client",
            "of the store",
            "f" * 32,
        )

    def test_on_aws_missing_secrets_are_named_and_an_unreadable_one_says_why(
        self, aws: Aws, configured: Callable[..., Settings]
    ) -> None:
        settings = configured(
            **aws.environment("bucket"), AUTH_CLIENT_SECRET=None, SERVICE_NAME="no-secrets"
        )
        with pytest.raises(InvalidInput) as raised:
            sign_in_of(settings)
        (finding,) = raised.value.findings
        assert str(finding) == (
            "AUTH_CLIENT_SECRET: is needed. Set it, or store the secret no-secrets-auth-client-secret."
        )
        denied = {
            "status": 400,
            "code": "AccessDeniedException",
            "message": "not authorized to perform: x:DescribeIt",
        }
        aws.faults({"what": "secretsmanager:DescribeSecret", **denied})
        try:
            with pytest.raises(
                UserError, match="-auth-client-secret: AWS does not allow x:DescribeIt"
            ):
                sign_in_of(settings)
        finally:
            aws.faults()

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"AUTH_CLIENT_ID": None}, ["AUTH_CLIENT_ID: is needed."]),
            (
                {"AUTH_CLIENT_ID": None, "AUTH_CLIENT_SECRET": None, "AUTH_COOKIE_SECRET": None},
                ["AUTH_CLIENT_ID: is", "AUTH_CLIENT_SECRET: is", "AUTH_COOKIE_SECRET: is"],
            ),
            ({"MMM_PUBLIC_URL": None}, ["AUTH_REDIRECT_URI: is needed."]),
            ({"MMM_PUBLIC_URL": "http://mmm.example.com"}, ["AUTH_REDIRECT_URI: must be https"]),
            (
                {"AUTH_REDIRECT_URI": "https://x.example.com/back"},
                ["AUTH_REDIRECT_URI: must end with /oauth2callback"],
            ),
            (
                dict.fromkeys(
                    ("AUTH_ALLOWED_DOMAINS", "AUTH_ALLOWED_EMAILS", "AUTH_ADMINS", "AUTH_ANALYSTS")
                ),
                ["AUTH_ALLOWED_DOMAINS: nobody would be allowed in."],
            ),
        ],
    )
    def test_half_of_them_is_an_error_and_never_none(
        self, configured: Callable[..., Settings], changes: dict[str, str | None], told: list[str]
    ) -> None:
        with pytest.raises(InvalidInput) as raised:
            sign_in_of(configured(**changes))
        found = [str(finding) for finding in raised.value.findings]
        assert len(found) == len(told)
        assert all(text.startswith(start) for text, start in zip(found, told, strict=True)), found

    def test_a_short_cookie_secret_in_the_store_is_refused(
        self, configured: Callable[..., Settings]
    ) -> None:
        settings = configured(AUTH_COOKIE_SECRET=None)
        FileSecretStore.from_settings(settings).put("mmm-app-auth-cookie-secret", "short")
        with pytest.raises(
            InvalidInput, match="AUTH_COOKIE_SECRET: must have at least 32 characters"
        ):
            sign_in_of(settings)


@pytest.mark.usefixtures("_clean")
class TestAdmission:
    @pytest.mark.parametrize(
        ("email", "role"),
        [
            ("ANN@example.com", Role.ADMIN),
            ("bob@example.com", Role.ANALYST),
            ("cy@example.com", Role.VIEWER),
            ("guest@elsewhere.org", Role.VIEWER),
        ],
    )
    def test_lists_give_the_role(
        self, configured: Callable[..., Settings], email: str, role: Role
    ) -> None:
        assert admitted(claims(email), configured(), NOW) == User("N", email.lower(), role)

    def test_the_default_role_is_a_setting(self, configured: Callable[..., Settings]) -> None:
        assert (
            admitted(claims("cy@example.com"), configured(AUTH_DEFAULT_ROLE="analyst"), NOW).role
            is Role.ANALYST
        )

    @pytest.mark.parametrize(
        "given",
        [
            claims("eve@elsewhere.org"),
            claims("eve@notexample.com"),
            claims("eve@sub.example.com"),
            claims("eve@example.com@elsewhere.org"),
            claims("example.com"),
            claims("eve@elsewhere.org@example.com"),
            claims("@example.com@example.com"),
            claims("ann@example.com", email_verified=False),
            claims("ann@example.com", email_verified=None),
            claims("ann@example.com", email_verified="false"),
            claims(""),
            claims("ann@example.com", email=None),
        ],
    )
    def test_others_are_refused(
        self, configured: Callable[..., Settings], given: dict[str, Any]
    ) -> None:
        with pytest.raises(Refused):
            admitted(given, configured(), NOW)

    @pytest.mark.parametrize(
        "given",
        [
            {},
            claims("ann@example.com", is_logged_in=False),
            claims("ann@example.com", is_logged_in="true"),
            claims("ann@example.com", iat=None),
            claims("ann@example.com", iat="x"),
            claims("ann@example.com", iat=(NOW - timedelta(seconds=601)).timestamp()),
            claims("ann@example.com", iat=(NOW + timedelta(hours=1)).timestamp()),
        ],
    )
    def test_who_is_not_or_no_longer_signed_in_is_asked_to(
        self, configured: Callable[..., Settings], given: dict[str, Any]
    ) -> None:
        with pytest.raises(SignInNeeded):
            admitted(given, configured(AUTH_SESSION_SECONDS="600"), NOW)

    def test_a_session_lasts_as_long_as_the_setting_says(
        self, configured: Callable[..., Settings]
    ) -> None:
        started = claims("ann@example.com", iat=(NOW - timedelta(seconds=599)).timestamp())
        assert admitted(started, configured(AUTH_SESSION_SECONDS="600"), NOW).role is Role.ADMIN


def signed_in(app: AppTest, email: str, **changes: Any) -> AppTest:
    app.user = claims(email, iat=datetime.now(UTC).timestamp(), **changes)
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(
        element.value
        for kind in (app.title, app.markdown, app.caption, app.error)
        for element in kind
    )


def labels(app: AppTest) -> list[str]:
    return [found.label for found in app.button]


def audited(stored: Any) -> list[tuple[str, str]]:
    return [
        (entry.actor, entry.action) for entry in stored.workspace.audit(datetime.now(UTC).date())
    ]


class TestPages:
    """The app with sign-in. Pages are opened as nobody, then again as somebody."""

    def test_nobody_sees_the_way_in_and_nothing_else(
        self, open_page: Open, stored: Any, configured: Callable[..., Settings]
    ) -> None:
        configured()
        for page in (links.HOME, links.RUNS, links.ADMIN):
            app = open_page(page)
            assert labels(app) == ["Sign in"]
            assert "Wrong column" not in words(app)
            assert not app.dataframe
            assert not app.sidebar.button

    def test_roles_see_what_they_may_do(
        self, open_page: Open, stored: Any, configured: Callable[..., Settings]
    ) -> None:
        configured()
        shown = {
            email: signed_in(open_page(), email) for email in ("cy@example.com", "bob@example.com")
        }
        assert labels(shown["cy@example.com"]) == ["Sign out"]
        assert "Your role, viewer" in words(shown["cy@example.com"])
        assert sorted(labels(shown["bob@example.com"])) == ["Open the sample", "Sign out"]
        refused = signed_in(open_page(links.ADMIN), "bob@example.com")
        assert plain("settings.read needs the role admin") in refused.error[0].value
        assert not refused.dataframe
        run_id = stored.running()
        run = open_page(links.RUN, run=run_id)
        assert labels(signed_in(run, "cy@example.com")) == ["Sign out"]
        assert sorted(labels(signed_in(run, "bob@example.com"))) == ["Cancel this run", "Sign out"]

    def test_a_viewer_reads_notes_and_adds_none(
        self, open_page: Open, stored: Any, configured: Callable[..., Settings]
    ) -> None:
        configured()
        run_id = stored.of_state(RunState.SUCCEEDED)
        model_id = read_results(stored.workspace, run_id).summary["model"]["id"]
        annotate(stored.workspace, run_id, model_id, User("bob", role=Role.ANALYST), text="Good")
        page = open_page(links.RESULTS, run=run_id, part="Choose model")
        seen = signed_in(page, "cy@example.com")
        assert labels(seen) == ["Sign out"]
        assert ": Good" in words(seen)
        assert sorted(labels(signed_in(page, "bob@example.com"))) == [
            "Add note",
            "Pin this model",
            "Sign out",
        ]

    def test_a_viewers_direct_call_is_refused_and_audited(self, stored: Any) -> None:
        viewer, run_id = User("Vic", "vic@example.com", Role.VIEWER), stored.running()
        for call in (
            lambda: stored.service.cancel(run_id, viewer),
            lambda: stored.service.retry(stored.of_state(RunState.FAILED), viewer),
            lambda: stored.service.submit(stored.experiment("Mine"), viewer),
        ):
            with pytest.raises(NotAllowed, match="has the role viewer"):
                call()
        assert stored.service.status(run_id).state is RunState.RUNNING
        assert len(stored.workspace.run_ids()) == 3
        refusals = [action for actor, action in audited(stored) if actor == "vic@example.com"]
        assert refusals == ["run.cancel.refused", "run.retry.refused", "run.submit.refused"]

    def test_a_stranger_is_turned_away_once(
        self, open_page: Open, stored: Any, configured: Callable[..., Settings]
    ) -> None:
        configured()
        app = signed_in(open_page(links.RUNS), "eve@elsewhere.org")
        app.run()
        assert app.title[0].value == "Not allowed"
        assert labels(app) == ["Sign in with another account"]
        assert audited(stored)[-1] == ("eve@elsewhere.org", "sign-in.refused")
        assert len([entry for entry in audited(stored) if entry[0] == "eve@elsewhere.org"]) == 1

    def test_an_ended_session_asks_again_and_does_nothing_more(
        self, open_page: Open, stored: Any, configured: Callable[..., Settings]
    ) -> None:
        configured(AUTH_SESSION_SECONDS="60")
        run_id = stored.running()
        app = signed_in(open_page(links.RUN, run=run_id), "bob@example.com")
        (cancel,) = [found for found in app.button if found.label == "Cancel this run"]
        app.user = claims(
            "bob@example.com", iat=(datetime.now(UTC) - timedelta(seconds=61)).timestamp()
        )
        cancel.click().run()
        assert labels(app) == ["Sign in"]
        assert "Your session has ended" in words(app).replace("\\", "")
        assert app.query_params["run"] == run_id
        assert stored.service.status(run_id).state is RunState.RUNNING

    def test_signing_in_and_out_is_audited(
        self, open_page: Open, stored: Any, configured: Callable[..., Settings]
    ) -> None:
        configured()
        app = signed_in(open_page(), "ann@example.com")
        (leave,) = app.sidebar.button
        leave.click().run()
        assert labels(app) == ["Sign in"]
        assert audited(stored)[-2:] == [
            ("ann@example.com", "sign-in"),
            ("ann@example.com", "sign-out"),
        ]

    def test_an_admin_filters_the_log(
        self, open_page: Open, stored: Any, configured: Callable[..., Settings]
    ) -> None:
        configured()
        stored.workspace.append_audit(User("=cmd"), "run.cancel", "run-1")
        app = signed_in(open_page(links.ADMIN), "ann@example.com")
        who, what = (box for box in app.multiselect if box.label in ("Who", "What"))
        assert "=cmd" in who.options
        who.select("=cmd").run()
        assert "1 entry from" in words(app)
        log = next(
            table.value for table in app.dataframe if "Who" in table.value and "On" in table.value
        )
        assert log[["Who", "What", "On"]].to_numpy().tolist() == [["=cmd", "run.cancel", "run-1"]]
        assert "hush" not in str([table.value for table in app.dataframe])
        assert what.options[0] <= what.options[-1]

    def test_the_app_opens_on_a_cloud_platform_with_sign_in(
        self,
        open_page: Open,
        monkeypatch: pytest.MonkeyPatch,
        empty: None,
        configured: Callable[..., Settings],
    ) -> None:
        configured(CLOUD_PROVIDER="aws", AWS_REGION="eu-west-1", MMM_WORKSPACE="s3://bucket")
        assert labels(open_page()) == ["Sign in"]


class TestServer:
    def test_no_folder_beside_the_script_is_served_without_asking(self) -> None:
        assert SCRIPT.is_file()
        assert not (SCRIPT.parent / "pages").exists()

    @pytest.mark.parametrize(
        "page", ["/", "/run?run=20260301T120000-0a1b2c3d", "/results?run=a&model=1_2%20x"]
    )
    def test_a_page_of_this_server_is_returned_to(self, page: str) -> None:
        assert safe_page(page) == page
        assert page_of(Headers({"host": "mmm:80", "referer": f"http://mmm:80{page}"})) == page

    @pytest.mark.parametrize(
        "page",
        [
            "",
            "run",
            "//evil.org/x",
            "/\\evil.org",
            "https://evil.org",
            "/a\r\nSet-Cookie: x",
            "/a b",
            "/" * 3000,
        ],
    )
    def test_nothing_else_is(self, page: str) -> None:
        assert safe_page(page) == ""

    def test_a_foreign_page_is_not_returned_to(self) -> None:
        assert page_of(Headers({"host": "mmm:80", "referer": "http://evil.org/run"})) == ""
        assert page_of(Headers({"host": "mmm:80", "referer": "http://mmm:80//evil.org/"})) == ""
        assert page_of(Headers({"host": "mmm:80"})) == ""

    @pytest.mark.usefixtures("_clean")
    def test_streamlit_gets_the_secrets_in_memory_and_cookies_are_for_https_alone(
        self, configured: Callable[..., Settings]
    ) -> None:
        configured()
        options = app_options()
        assert options["secrets"]["auth"]["cookie_secret"] == COMPLETE["AUTH_COOKIE_SECRET"]
        answer = _answer(Border(_Cookies(), sign_in_of(load_settings().settings)))
        assert answer["strict-transport-security"] == ["max-age=31536000"]
        assert answer["set-cookie"] == ["a=1; Path=/; Secure", "b=2; Secure; Path=/"]
        assert answer["x-content-type-options"] == ["nosniff"]

    @pytest.mark.usefixtures("_clean")
    def test_behind_a_load_balancer_no_request_meets_a_connection_that_is_being_closed(
        self, configured: Callable[..., Settings]
    ) -> None:
        configured()
        assert _answer(Border(_Cookies(), sign_in_of(load_settings().settings)))["connection"] == [
            "close"
        ]
        assert "connection" not in _answer(Border(_Cookies(), None))

    @pytest.mark.usefixtures("_clean")
    def test_incomplete_settings_give_no_secrets_and_the_page_tells(
        self, configured: Callable[..., Settings]
    ) -> None:
        configured(AUTH_CLIENT_ID=None)
        assert app_options()["secrets"] == {}

    @pytest.mark.usefixtures("_clean")
    def test_access_lines_leave_the_query_out(self) -> None:
        app_options()
        given = ("127.0.0.1:1", "GET", "/oauth2callback?code=abc&state=def", "1.1", 302)
        record = logging.LogRecord(
            "uvicorn.access", logging.INFO, "x", 1, '%s - "%s %s HTTP/%s" %d', given, None
        )
        assert logging.getLogger("uvicorn.access").filter(record)
        assert record.getMessage() == '127.0.0.1:1 - "GET /oauth2callback HTTP/1.1" 302'


class _Cookies:
    """An ASGI app that sets two cookies."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        cookies = [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; Secure; Path=/")]
        await send({"type": "http.response.start", "status": 200, "headers": cookies})
        await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:8501", True),
        ("127.0.0.1:8501", True),
        ("[::1]:8501", True),
        ("mmm.example.com", True),
        ("evil.example.net:8501", False),
        ("localhost.evil.net", False),
        ("", False),
        ("[", False),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_server_answers_under_its_own_names_only(host: str, known: bool, kind: str) -> None:
    hosts = allowed_hosts(Settings.model_validate({"MMM_PUBLIC_URL": "https://mmm.example.com/"}))
    scope = {"type": kind, "path": "/_stcore/stream", "headers": [(b"host", host.encode())]}
    assert is_known_host(scope, hosts) is known
    health = scope | {"path": "/_stcore/health"}
    assert is_known_host(health, hosts) is (known or kind == "http")


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_foreign_name_gets_nothing_of_the_app(kind: str) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "method": "GET", "path": "/", "headers": [(b"host", b"evil.net")]}
    border = Border(_Cookies(), None, frozenset({"localhost"}))
    asyncio.run(border(scope, None, send))  # type: ignore[arg-type]
    if kind == "http":
        assert sent[0]["status"] == 421
        assert b"MMM_PUBLIC_URL" in sent[1]["body"]
    else:
        assert sent == [{"type": "websocket.close", "code": 1008}]


def test_look_alikes_of_letters_and_half_verified_addresses_stay_outside(
    configured: Callable[..., Settings],
) -> None:
    settings = configured(AUTH_ADMINS="kim@example.com")
    with pytest.raises(Refused, match="letters that are not plain"):
        admitted(claims("\u212aim@example.com"), settings, NOW)
    with pytest.raises(Refused, match="is not verified"):
        admitted(claims("kim@example.com", email_verified="true"), settings, NOW)


def _answer(app: Any) -> dict[str, list[str]]:
    """The headers of a GET of /."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    asyncio.run(app(scope, None, send))
    headers = Headers(raw=sent[0]["headers"])
    return {name: headers.getlist(name) for name in headers}
