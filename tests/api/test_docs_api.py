"""The commands of docs/api.md do as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from mmm.settings import NAMES
from servers import free_port

DOCS = Path(__file__).parents[2] / "docs"


def test_the_first_commands_of_the_page_work_as_written(tmp_path: Path) -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    assert "mmm serve --port 8090 &" in block
    command = tmp_path / "bin" / "mmm"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mmm "$@"\n')
    command.chmod(0o755)
    known = {
        name: value
        for name, value in os.environ.items()
        if name not in NAMES and not name.startswith("MMM_")
    }
    known |= {"PATH": f"{command.parent}{os.pathsep}{known['PATH']}", "MMM_DISPATCH_SECONDS": "0"}
    # Under load the server takes longer to begin than a minute.
    script = block.replace("8090", str(free_port())).replace("--retry 60", "--retry 300")
    ended = subprocess.run(
        ["bash", "-euc", f"trap 'kill $(jobs -p)' EXIT\n{script}"],
        cwd=tmp_path,
        env=known,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    ready, answer = ended.stdout[:2], ended.stdout[2:]
    assert ready == "ok"
    assert json.loads(answer) == {"runs": [], "next": None}
    (token,) = [item.name for item in (tmp_path / "workspace" / "tokens").iterdir()]
    assert token.removesuffix(".json") in ended.stderr
    assert "mmm_" not in ended.stderr
