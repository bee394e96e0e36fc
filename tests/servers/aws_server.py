"""moto's server with what it lacks: ECS tasks that really run, deleted secrets that take no value,
faults on request.

`python aws_server.py PORT CONFIG`. RunTask, DescribeTasks and StopTask go through moto first (it
checks signature, policy, cluster, task definition, network), then its answer is replaced: the task
is a process of this machine. What an image would bring lies in CONFIG: {"images": {image: argv},
"pending_seconds": 0.2}; the container's command is added. The process gets what Fargate gives:
region, the address of its task role's credentials, the container's environment. Its output goes to
moto's CloudWatch Logs; its exit code, or taking more memory than the container's `memory` (MiB),
ends the task as on AWS.

`POST /test-api/faults` takes rules, `DELETE` forgets them, see `Faults`.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from moto.ecs.models import ecs_backends
from moto.logs.models import logs_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends
from werkzeug.serving import run_simple

import aws_permissions

ACCOUNT = "123456789012"
_ECS = "AmazonEC2ContainerServiceV20141113."
_TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")
_STOP_SECONDS = 30
_JSON_NAMES = {
    "AccessDenied": "AccessDeniedException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
}
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Refused(Exception):
    """An answer of ECS that moto does not give."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Task:
    """One process and what DescribeTasks says of it."""

    def __init__(
        self, described: dict[str, Any], definition: Any, region: str, config: dict[str, Any]
    ) -> None:
        (self.container,) = definition.container_definitions
        self.role, self.region = definition.task_role_arn, region
        self.process: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()
        self.state = described | {
            "lastStatus": "PROVISIONING",
            "desiredStatus": "RUNNING",
            "createdAt": time.time(),
            "containers": [{"name": self.container["name"], "lastStatus": "PENDING"}],
        }
        self.state.pop("stoppedReason", None)
        threading.Thread(target=self._run, args=(config,), daemon=True).start()

    @property
    def id(self) -> str:
        return str(self.state["taskArn"]).rpartition("/")[2]

    def stop(self, reason: str) -> None:
        if not self.stopping.is_set() and self.state["desiredStatus"] == "RUNNING":
            self.state |= {
                "desiredStatus": "STOPPED",
                "stopCode": "UserInitiated",
                "stoppedReason": reason,
            }
            self.stopping.set()
            if self.process is not None:
                self.process.terminate()

    def _run(self, config: dict[str, Any]) -> None:
        time.sleep(config["pending_seconds"] / 2)
        self.state["lastStatus"] = "PENDING"
        time.sleep(config["pending_seconds"] / 2)
        entry_point = config["images"].get(self.container["image"])
        if entry_point is None:
            image = self.container["image"]
            self._over(
                "TaskFailedToStart",
                f"CannotPullContainerError: pull image manifest has been retried: {image}",
            )
        elif self.stopping.is_set():
            self._over("UserInitiated", self.state["stoppedReason"])
        else:
            self._execute(entry_point)

    def _execute(self, entry_point: list[str]) -> None:
        override = next(
            (
                one
                for one in self.state["overrides"].get("containerOverrides", ())
                if one["name"] == self.container["name"]
            ),
            {},
        )
        self.process = subprocess.Popen(
            [*entry_point, *override.get("command", self.container.get("command", ()))],
            env=self._environment(override),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
        )
        self.state |= {"lastStatus": "RUNNING", "startedAt": time.time()}
        self.state["containers"][0]["lastStatus"] = "RUNNING"
        if self.stopping.is_set():
            self.process.terminate()
        killed = threading.Event()
        threading.Thread(target=self._watch, args=(killed,), daemon=True).start()
        self._log(self.process.stdout)
        code = self.process.wait()
        self.state["containers"][0]["exitCode"] = code if code >= 0 else 128 - code
        if killed.is_set():
            self.state["containers"][0]["reason"] = (
                "OutOfMemoryError: Container killed due to memory usage"
            )
        if not self.stopping.is_set():
            self._over("EssentialContainerExited", "Essential container in task exited")
        else:
            self._over("UserInitiated", self.state["stoppedReason"])

    def _environment(self, override: dict[str, Any]) -> dict[str, str]:
        given = [*self.container.get("environment", ()), *override.get("environment", ())]
        port = os.environ["MOTO_PORT"]
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/tmp",  # noqa: S108
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/test-api/credentials/{self.id}",
        } | {pair["name"]: pair["value"] for pair in given}

    def _watch(self, killed: threading.Event) -> None:
        """Kill what takes more memory than the container has, or does not stop in time."""
        assert self.process is not None
        limit, told_at = self.container["memory"] * 2**20, None
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.process.pid)
            while self.process.poll() is None:
                if process.memory_info().rss > limit:
                    killed.set()
                    self.process.kill()
                if self.stopping.is_set():
                    told_at = told_at or time.monotonic()
                    if time.monotonic() - told_at > self.container.get(
                        "stopTimeout", _STOP_SECONDS
                    ):
                        self.process.kill()
                time.sleep(0.02)

    def _log(self, output: Any) -> None:
        options = self.container.get("logConfiguration", {}).get("options", {})
        stream = None
        for line in output:
            if not options:
                continue
            logs = logs_backends[ACCOUNT][self.region]
            if stream is None:
                stream = f"{options['awslogs-stream-prefix']}/{self.container['name']}/{self.id}"
                logs.create_log_stream(options["awslogs-group"], stream)
            event = {
                "timestamp": int(time.time() * 1000),
                "message": line.decode(errors="replace").rstrip("\n"),
            }
            logs.put_log_events(options["awslogs-group"], stream, [event])

    def _over(self, code: str, reason: str) -> None:
        self.state |= {"desiredStatus": "STOPPED", "stopCode": code, "stoppedReason": reason}
        self.state["containers"][0]["lastStatus"] = "STOPPED"
        self.state |= {"lastStatus": "DEPROVISIONING", "stoppingAt": time.time()}
        self.state |= {"lastStatus": "STOPPED", "stoppedAt": time.time()}


class Faults:
    """Rules {"what": regex, "status": 503, "code": ..., "message": ..., "times": n, "share": 0.1};
    the first counts.

    `what` is met by "ecs:RunTask", "secretsmanager:GetSecretValue", "s3:PUT /bucket/key". Instead
    of a status a rule may have "reset": "before" or "after" (the connection is reset before or
    after the request is done), or "answer": the JSON body of a good answer.
    """

    def __init__(self) -> None:
        self.rules: list[dict[str, Any]] = []
        self.hits = 0
        self._random = random.Random(1)
        self._lock = threading.Lock()

    def rule_for(self, what: str) -> dict[str, Any] | None:
        with self._lock:
            for rule in self.rules:
                if (
                    re.match(rule["what"], what)
                    and rule.get("times", 1)
                    and self._random.random() < rule.get("share", 1)
                ):
                    if "times" in rule:
                        rule["times"] -= 1
                    self.hits += 1
                    return rule
        return None


class Front:
    """The WSGI application around moto's."""

    def __init__(self, moto: App, config: dict[str, Any]) -> None:
        self._moto, self._config = moto, config
        self._tasks: dict[str, Task] = {}
        self._tokens: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._faults = Faults()
        self._creating = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/test-api/"):
            return self._own(path, environ, start_response)
        rule = self._faults.rule_for(_what(environ))
        return (
            self._serve(environ, start_response)
            if rule is None
            else self._fail(rule, environ, start_response)
        )

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        handler = {
            f"{_ECS}RunTask": self._run,
            f"{_ECS}DescribeTasks": self._describe,
            f"{_ECS}StopTask": self._stop,
            "secretsmanager.PutSecretValue": self._put_secret,
        }.get(environ.get("HTTP_X_AMZ_TARGET", ""))
        if handler is None and environ.get("HTTP_X_AMZ_TARGET"):
            return _answer(start_response, *self._through(environ))
        if handler is None and environ.get("HTTP_IF_NONE_MATCH") == "*":
            return self._create(environ, start_response)
        if handler is None:
            return self._moto(environ, start_response)
        return self._handle(handler, environ, start_response)

    def _create(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """An object that must be new: S3 looks and writes in one step, moto in two, between which
        another writer may come.
        """
        if "CONTENT_LENGTH" in environ:
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
        with self._creating:
            return list(self._moto(environ, start_response))

    def _handle(
        self, handler: Any, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = _Body(body)
        asked = json.loads(body)
        try:
            status, answer = handler(asked, lambda: self._through(environ))
        except Refused as refusal:
            status, answer = 400, {"__type": refusal.code, "message": str(refusal)}
        return _answer(start_response, status, answer)

    def _through(self, environ: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """moto's own answer; its refusals are XML whatever the service speaks, and named as S3
        names them.
        """
        got: list[str] = []
        body = b"".join(self._moto(environ, lambda status, headers, *rest: got.append(status)))
        status = int(got[0].split()[0])
        refusal = (
            re.search(rb"<Code>(\w+)</Code><Message>(.*?)</Message>", body)
            if status >= 400
            else None
        )
        if refusal is None:
            return status, json.loads(body or b"{}")
        code, message = (part.decode() for part in refusal.groups())
        return status, {"__type": _JSON_NAMES.get(code, code), "message": message}

    def _run(self, asked: dict[str, Any], through: Any) -> tuple[int, dict[str, Any]]:
        _check_run_task(asked)
        token = asked.get("clientToken", "")
        if token in self._tokens:
            before, answer = self._tokens[token]
            if before != asked:
                raise Refused(
                    "ConflictException", "A different request was made with this client token."
                )
            return 200, answer
        status, answer = through()
        if status == 200:
            (described,) = answer["tasks"]
            region = described["taskArn"].split(":")[3]
            definition = ecs_backends[ACCOUNT][region].describe_task_definition(
                described["taskDefinitionArn"]
            )
            task = self._tasks[described["taskArn"]] = Task(
                described, definition, region, self._config
            )
            answer = {"tasks": [dict(task.state)], "failures": []}
            self._tokens[token] = (asked, answer)
        return status, answer

    def _describe(self, asked: dict[str, Any], through: Any) -> tuple[int, dict[str, Any]]:
        status, answer = through()
        if status == 200:
            known = [self._tasks[arn].state for arn in asked["tasks"] if arn in self._tasks]
            missing = [
                {"arn": arn, "reason": "MISSING"}
                for arn in asked["tasks"]
                if arn not in self._tasks
            ]
            answer = {"tasks": known, "failures": missing}
        return status, answer

    def _stop(self, asked: dict[str, Any], through: Any) -> tuple[int, dict[str, Any]]:
        if asked["task"] not in self._tasks:
            raise Refused("InvalidParameterException", "The referenced task was not found.")
        status, answer = through()
        if status == 200:
            task = self._tasks[asked["task"]]
            task.stop(asked.get("reason", "Task stopped by user"))
            answer = {"task": task.state}
        return status, answer

    def _put_secret(self, asked: dict[str, Any], through: Any) -> tuple[int, dict[str, Any]]:
        regions = secretsmanager_backends[ACCOUNT].values()
        if any(
            name == asked["SecretId"] and one.is_deleted()
            for found in regions
            for name, one in found.secrets.items()
        ):
            raise Refused(
                "InvalidRequestException",
                "You can't do this on a secret that was marked for deletion.",
            )
        status, answer = through()
        return status, answer

    def _fail(
        self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        if rule.get("reset") == "after":
            b"".join(self._serve(environ, lambda status, headers, *rest: None))
        if "reset" in rule:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if "answer" in rule:
            return _answer(start_response, 200, rule["answer"])
        code, message = (
            rule.get("code", "InternalError"),
            rule.get("message", "injected by the test"),
        )
        if environ.get("HTTP_X_AMZ_TARGET"):
            return _answer(start_response, rule["status"], {"__type": code, "message": message})
        xml = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        start_response(
            f"{rule['status']} X",
            [("Content-Type", "application/xml"), ("Content-Length", str(len(xml)))],
        )
        return [xml]

    def _own(self, path: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if path == "/test-api/faults":
            if environ["REQUEST_METHOD"] == "POST":
                self._faults.rules += json.loads(
                    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                )
            elif environ["REQUEST_METHOD"] == "DELETE":
                self._faults.rules = []
            return _answer(start_response, 200, {"hits": self._faults.hits})
        task_id = path.rpartition("/")[2]
        task = next(task for task in self._tasks.values() if task.id == task_id)
        if path.startswith("/test-api/processes/"):
            return _answer(start_response, 200, {"pid": task.process.pid if task.process else None})
        return _answer(start_response, 200, _credentials(task))

    def end(self) -> None:
        for task in self._tasks.values():
            if task.process is not None and task.process.poll() is None:
                task.process.kill()


class _Body:
    """A request's body that can be read again from its beginning by whoever comes next."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        part, self._body = (self._body, b"") if size < 0 else (self._body[:size], self._body[size:])
        return part


def _what(environ: dict[str, Any]) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        service, _, action = target.partition(".")
        service = {"AmazonEC2ContainerServiceV20141113": "ecs", "Logs_20140328": "logs"}.get(
            service, service
        )
        return f"{service}:{action}"
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    return f"s3:{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}"


def _answer(start_response: Any, status: int, body: dict[str, Any]) -> Iterable[bytes]:
    text = json.dumps(body, default=str).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(text)))]
    start_response(f"{status} X", headers)
    return [text]


def _check_run_task(asked: dict[str, Any]) -> None:
    """What AWS refuses and moto takes."""

    def must(true: bool, message: str) -> None:
        if not true:
            raise Refused("InvalidParameterException", message)

    network = asked.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    must(0 < len(network.get("subnets", ())) <= 16, "subnets can not be empty.")
    must(len(network.get("securityGroups", ())) <= 5, "securityGroups can have at most 5 items.")
    must(
        re.fullmatch(r"[!-~]{0,64}", asked.get("clientToken", "")) is not None,
        "clientToken is not valid.",
    )
    must(
        re.fullmatch(r"[\w/-]{0,128}", asked.get("startedBy", "")) is not None,
        "startedBy is not valid.",
    )
    for tag in asked.get("tags", ()):
        key, value = tag["key"], tag["value"]
        must(
            0 < len(key) <= 128 and len(value) <= 256 and not key.lower().startswith("aws:"),
            "tag is not valid.",
        )
        must(_TAG_TEXT.fullmatch(key + value) is not None, "tag is not valid.")
    must(
        len(json.dumps(asked.get("overrides", {}))) <= 8192,
        "Container Overrides length must be at most 8192",
    )


def _credentials(task: Task) -> dict[str, Any]:
    """Credentials of the task's role, as the container's credentials endpoint gives them."""
    if task.role is None:
        return {
            "AccessKeyId": "task",
            "SecretAccessKey": "task",
            "Expiration": _later(),
            "Token": "task",
        }
    role = sts_backends[ACCOUNT]["aws"].assume_role(
        region_name=task.region, role_session_name=task.id, role_arn=task.role, policy=None, duration=3600,
        external_id=None,
    )  # fmt: skip
    return {
        "RoleArn": task.role,
        "AccessKeyId": role.access_key_id,
        "SecretAccessKey": role.secret_access_key,
        "Token": role.session_token,
        "Expiration": _later(),
    }


def _later() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))


def main(port: int, config: Path) -> None:
    os.environ["MOTO_PORT"] = str(port)
    aws_permissions.install()
    front = Front(DomainDispatcherApplication(create_backend_app), json.loads(config.read_text()))

    def stop(_number: int, _frame: object) -> None:
        front.end()
        os._exit(0)  # whatever moto's threads are doing

    signal.signal(signal.SIGTERM, stop)
    run_simple("127.0.0.1", port, front, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
