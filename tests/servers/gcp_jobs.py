"""A front for Cloud Run jobs and Cloud Logging: an execution's tasks are processes of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psutil

from gcp_refusal import Refused

_RUN = "type.googleapis.com/google.cloud.run.v2.Execution"
_EXECUTION = re.compile(
    r"/v2/(?P<job>projects/[^/]+/locations/[^/]+/jobs/[^/:]+)"
    r"(?:/executions(?:/(?P<execution>[^/:]+)(?P<tasks>/tasks)?)?)?(?::(?P<verb>\w+))?"
)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Task:
    """One task of an execution: a process of this machine and what tasks.list says of it."""

    def __init__(self, execution: Execution, index: int) -> None:
        self._execution, self._index = execution, index
        self.process: subprocess.Popen[bytes] | None = None
        self.attempt: dict[str, Any] = {}
        self.code: int | None = None

    def run(self, argv: list[str]) -> None:
        execution = self._execution
        self.process = subprocess.Popen(
            [*argv, *execution.args],
            env=execution.environment(self._index),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
        )
        execution.began()
        if execution.told.is_set():
            self.process.terminate()
        why: list[str] = []
        threading.Thread(target=self._watch, args=(why,), daemon=True).start()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            execution.lines.append((_now(), line.decode(errors="replace").rstrip("\n")))
        self.end(self.process.wait(), why[0] if why else "")

    def end(self, code: int | None, why: str) -> None:
        message = why or "The container exited with an error."
        self.code = code
        if code is None:
            self.attempt = {"status": {"code": 2, "message": message}}
        elif code < 0:
            self.attempt = {"status": {"code": 2, "message": message}, "termSignal": -code}
        elif code > 0:
            self.attempt = {"status": {"code": 2, "message": message}, "exitCode": code}

    def _watch(self, why: list[str]) -> None:
        """Kill what takes more memory or time than it may, or does not stop when it is told."""
        assert self.process is not None
        execution, job = self._execution, self._execution.job
        limit, began, told_at = job["memory"] * 2**20, time.monotonic(), 0.0
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.process.pid)
            while self.process.poll() is None:
                used = process.memory_info().rss
                if used > limit:
                    why.append(f"Memory limit of {limit >> 20} MiB exceeded with {used >> 20} MiB.")
                    self.process.kill()
                if time.monotonic() - began > execution.seconds:
                    why.append("The configured timeout was reached.")
                    self.process.kill()
                if execution.told.is_set():
                    told_at = told_at or time.monotonic()
                    if time.monotonic() - told_at > job["stop_seconds"]:
                        self.process.kill()
                time.sleep(0.02)


class Execution:
    """So many processes at once, and what executions.get says of them."""

    def __init__(self, name: str, job: dict[str, Any], asked: Any, config: dict[str, Any]) -> None:
        self._config, self.job = config, job
        override = (asked.get("containerOverrides") or [{}])[0]
        self.args = override.get("args", job.get("args", []))
        self.env = [*job["env"], *override.get("env", [])]
        self.tasks = [Task(self, index) for index in range(asked.get("taskCount", 1))]
        self.told = threading.Event()
        self.lines: list[tuple[str, str]] = []
        container = {"name": "training", "image": job["image"], "args": self.args, "env": self.env}
        timeout = asked.get("timeout", "86400s")
        self.seconds = float(timeout.removesuffix("s"))
        self.state: dict[str, Any] = {
            "name": name,
            "uid": str(uuid.uuid4()),
            "job": name.partition("/executions/")[0].rpartition("/")[2],
            "createTime": _now(),
            "taskCount": len(self.tasks),
            "template": {"containers": [container], "timeout": timeout},
        }
        self._say("Completed", "CONDITION_RECONCILING", "Waiting for execution to complete.")
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def over(self) -> bool:
        return "completionTime" in self.state

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [task.process for task in self.tasks if task.process is not None]

    def began(self) -> None:
        self.state |= {"startTime": _now(), "runningCount": len(self.processes)}

    def cancel(self) -> None:
        self.told.set()
        self._say("Completed", "CONDITION_RECONCILING", "Cancelling.", "CANCELLING")
        for process in self.processes:
            if process.poll() is None:
                process.terminate()

    def environment(self, index: int) -> dict[str, str]:
        url = self._config["url"]
        host = url.removeprefix("http://")
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/tmp",  # noqa: S108
            "CLOUD_RUN_EXECUTION": self.state["name"].rpartition("/")[2],
            "CLOUD_RUN_TASK_INDEX": str(index),
            "CLOUD_RUN_TASK_COUNT": str(len(self.tasks)),
            "GCP_ENDPOINT_URL": url,
            "GCE_METADATA_HOST": host,
            "GCE_METADATA_IP": host,
        } | {pair["name"]: pair["value"] for pair in self.env}

    def _say(self, kind: str, state: str, message: str, reason: str = "") -> None:
        condition = {"type": kind, "state": state, "message": message}
        if reason:
            condition["executionReason"] = reason
        others = [one for one in self.state.get("conditions", ()) if one["type"] != kind]
        self.state["conditions"] = [*others, condition]

    def _run(self) -> None:
        time.sleep(self._config["pending_seconds"])
        argv = self._config["images"].get(self.job["image"])
        if self.told.is_set() or argv is None:
            missing = "" if self.told.is_set() else f"Image '{self.job['image']}' not found."
            for task in self.tasks:
                task.end(None, missing)
        else:
            threads = [threading.Thread(target=task.run, args=(argv,)) for task in self.tasks]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self._end()

    def _end(self) -> None:
        good = sum(task.code == 0 for task in self.tasks)
        bad = next((task for task in self.tasks if task.code != 0), None)
        self.state["runningCount"] = 0
        if self.told.is_set():
            self.state["cancelledCount"] = len(self.tasks) - good
            self._say("Completed", "CONDITION_FAILED", "Execution was cancelled.", "CANCELLED")
        elif bad is None:
            self.state["succeededCount"] = good
            self._say("Completed", "CONDITION_SUCCEEDED", "Execution completed successfully.")
        else:
            self.state |= {"succeededCount": good, "failedCount": len(self.tasks) - good}
            said = f"Task failed with message: {bad.attempt['status']['message']}"
            reason = "NON_ZERO_EXIT_CODE" if bad.code else ""
            self._say("Completed", "CONDITION_FAILED", said, reason)
        self.state["completionTime"] = _now()


class Jobs:
    """Jobs by their full name; executions in the order in which they were made."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._jobs: dict[str, dict[str, Any]] = {}
        self._executions: dict[str, Execution] = {}
        self._lock = threading.Lock()

    def make(self, name: str, job: dict[str, Any]) -> None:
        self._jobs[name] = job

    def pid(self, execution_id: str) -> int | None:
        for name, one in self._executions.items():
            if name.endswith(f"/{execution_id}"):
                return one.processes[0].pid if one.processes else None
        return None

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        if path == "/v2/entries:list":
            return self._entries(body)
        found = _EXECUTION.fullmatch(path)
        if found is None or found["job"].rpartition("/")[2] not in self._jobs:
            raise Refused("NOT_FOUND", f"Resource '{path}' of kind 'JOB' does not exist.")
        if found["verb"] == "run":
            return self._run(found["job"], body)
        if found["execution"] is None:
            return self._list(found["job"], query)
        return self._of_execution(found)

    def _run(self, job: str, body: Any) -> Any:
        asked = body.get("overrides", {})
        for one in asked.get("containerOverrides", ()):
            if one.get("name") != "training":
                said = f"no container named {one.get('name')!r}"
                raise Refused("INVALID_ARGUMENT", f"Overrides are not valid: {said}.")
        short = job.rpartition("/")[2]
        with self._lock:
            name = f"{job}/executions/{short}-{uuid.uuid4().hex[:5]}"
            execution = Execution(name, self._jobs[short], asked, self._config)
            self._executions[name] = execution
        return _operation(job, execution)

    def _list(self, job: str, query: dict[str, str]) -> Any:
        names = [name for name in self._executions if name.startswith(f"{job}/executions/")]
        begin, size = int(query.get("pageToken") or 0), int(query.get("pageSize") or 100)
        chosen = names[::-1][begin : begin + size]
        more = str(begin + size) if begin + size < len(names) else ""
        return {"executions": [self._executions[name].state for name in chosen],
                "nextPageToken": more}  # fmt: skip

    def _of_execution(self, found: re.Match[str]) -> Any:
        name = f"{found['job']}/executions/{found['execution']}"
        execution = self._executions.get(name)
        if execution is None:
            raise Refused("NOT_FOUND", f"Resource '{name}' of kind 'EXECUTION' does not exist.")
        if found["tasks"]:
            tasks = [
                {"name": f"{name}/tasks/task{number}", "lastAttemptResult": task.attempt}
                for number, task in enumerate(execution.tasks)
            ]
            return {"tasks": tasks}
        if found["verb"] == "cancel":
            if execution.over or execution.told.is_set():
                raise Refused("FAILED_PRECONDITION", "The execution has completed.")
            execution.cancel()
            return _operation(found["job"], execution)
        return execution.state

    def _entries(self, body: Any) -> Any:
        wanted = re.search(r'execution_name"="([\w-]+)"', body["filter"])
        since = re.search(r'timestamp>="([^"]+)"', body["filter"])
        assert wanted is not None, body
        assert since is not None, body
        begin_at = datetime.fromisoformat(since[1])
        entries = []
        for name, one in list(self._executions.items()):
            if not name.endswith(f"/{wanted[1]}"):
                continue
            for number, (at, text) in enumerate(list(one.lines)):
                if datetime.fromisoformat(at) >= begin_at:
                    entries.append(_entry(name, number, at, text))
        begin, size = int(body.get("pageToken") or 0), int(body.get("pageSize") or 50)
        more = {"nextPageToken": str(begin + size)} if begin + size < len(entries) else {}
        return {"entries": entries[begin : begin + size]} | more

    def end(self) -> None:
        for one in self._executions.values():
            for process in one.processes:
                if process.poll() is None:
                    process.kill()


def _operation(job: str, execution: Execution) -> dict[str, Any]:
    parent = job.partition("/jobs/")[0]
    metadata = {"@type": _RUN} | execution.state
    return {"name": f"{parent}/operations/{uuid.uuid4()}", "metadata": metadata}


def _entry(name: str, number: int, at: str, text: str) -> dict[str, Any]:
    project = name.split("/")[1]
    return {
        "logName": f"projects/{project}/logs/run.googleapis.com%2Fstdout",
        "insertId": f"{number:012d}",
        "timestamp": at,
        "resource": {"type": "cloud_run_job", "labels": {"project_id": project}},
        "textPayload": text,
    }
