"""Google Cloud on loopback, and what an infrastructure would hold: a job and buckets."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mmm.settings import Settings
from servers import HERE, free_port, wait_for

PROJECT, REGION, JOB = "mmm-test", "europe-west3", "mmm-app-training"
IMAGE = "mmm-app-training:test"
#: What the images of the tests run; the override's arguments are added. The second runs its
#: environment's SCRIPT.
_IMAGES = {
    IMAGE: [sys.executable, "-P", "-m", "mmm", "train"],
    "shell:test": ["/bin/sh", "-c", 'eval "$SCRIPT"'],
}
_numbers = itertools.count(1)


@dataclass
class Gcp:
    """A running server. Tests keep apart by names of their own: `new_bucket`, `new_job`."""

    port: int
    key: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_bucket(self) -> str:
        name = f"mmm-test-{next(_numbers)}"
        self._post(f"/test-api/buckets/{name}", "")
        return name

    def new_job(self, **given: Any) -> str:
        """Make a training job of its own; arguments change it."""
        name = f"{JOB}-{next(_numbers)}"
        self.make_job(name, **given)
        return name

    def make_job(self, name: str, **given: Any) -> None:
        job = {"image": IMAGE, "memory": 4096, "stop_seconds": 2}
        job |= {"env": [{"name": "MMM_HEARTBEAT_SECONDS", "value": "0.5"}]} | given
        self._post(f"/test-api/jobs/{name}", json.dumps(job))

    def environment(self, bucket: str, **more: str) -> dict[str, str]:
        """The guide's variables, a key file, and the loopback's address."""
        return {
            "CLOUD_PROVIDER": "gcp",
            "GCP_PROJECT": PROJECT,
            "GCP_REGION": REGION,
            "GCS_BUCKET": bucket,
            "TRAINING_JOB_NAME": JOB,
            "GCP_ENDPOINT_URL": self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.key),
        } | more

    def settings(self, bucket: str, **more: Any) -> Settings:
        return Settings.model_validate(self.environment(bucket) | more)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Add rules, see `aws_server.Faults`; none forgets all."""
        if rules:
            self._post("/test-api/faults", json.dumps(rules))
        else:
            self._post("/test-api/faults", "", "DELETE")

    def fault_hits(self) -> int:
        return int(self._get("/test-api/faults")["hits"])

    def pid(self, execution: str) -> int | None:
        """The process behind an execution."""
        pid: int | None = self._get(f"/test-api/processes/{execution.rpartition('/')[2]}")["pid"]
        return pid

    def executions(self, job: str) -> int:
        """How many executions the job has had."""
        from mmm.platforms.gcp.launcher import Clients

        clients = Clients.from_settings(self.settings("none"))
        parent = f"projects/{PROJECT}/locations/{REGION}/jobs/{job}"
        return len(list(clients.executions.list_executions(parent=parent)))

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path) as answer:  # noqa: S310
            return json.load(answer)

    def _post(self, path: str, body: str, method: str = "POST") -> None:
        request = urllib.request.Request(self.url + path, body.encode(), method=method)  # noqa: S310
        urllib.request.urlopen(request).close()  # noqa: S310


def write_key(file: Path, url: str, key_id: str) -> str:
    """Write a service account's key file as Google gives it; the public key."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    content = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": key_id,
        "private_key": private.decode(),
        "client_email": f"{key_id}@{PROJECT}.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
    }
    file.write_text(json.dumps(content))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode()


@contextmanager
def gcp_server(folder: Path, pending_seconds: float = 0.2) -> Iterator[Gcp]:
    """The loopback server, holding the job JOB; tests sign in with a key file."""
    port, config, key = free_port(), folder / "gcp.json", folder / "key.json"
    public = write_key(key, f"http://127.0.0.1:{port}", "web")
    given = {"images": _IMAGES, "pending_seconds": pending_seconds, "clients": {"web": public}}
    config.write_text(json.dumps(given))
    foreign = re.compile(r"AWS_|MMM_|MOTO_|GCP_|GCE_|GOOGLE_")
    environment = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    environment["INITIAL_NO_AUTH_ACTION_COUNT"] = "1000000"
    with (folder / "gcp.log").open("wb") as output:
        command: Sequence[Any] = [sys.executable, HERE / "gcp_server.py", str(port), config]
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_for(port, process, 90)
            gcp = Gcp(port, key)
            gcp.make_job(JOB)
            yield gcp
        finally:
            process.terminate()
            process.wait(60)
