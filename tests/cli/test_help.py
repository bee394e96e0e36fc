"""Every command's help has an example that the command itself would take, and mistyped names are
told.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mmm import cli

Run = Callable[..., tuple[int, str, str]]


def commands() -> Iterator[tuple[str, Any]]:
    """All commands and subcommands with their full names."""
    for name in cli.COMMANDS:
        command = cli._load(name)
        if hasattr(command, "commands"):
            yield from ((f"{name} {sub}", found) for sub, found in command.commands.items())
        else:
            yield name, command


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_the_examples_are_such_as_the_command_takes(name: str) -> None:
    command = ALL[name]
    text = " ".join(command.help.split()).partition("Example: ")[2]
    examples = re.findall(r"`mmm ([^`]+)`", text)
    assert examples
    for example in examples:
        assert example.startswith(name)
        arguments = shlex.split(example.removeprefix(name).partition(" > ")[0])
        command.make_context(name, arguments).close()  # what it does not know is an error


def test_a_mistyped_command_is_told_with_the_near_one(run: Run) -> None:
    code, out, err = run("staus")
    assert (code, out) == (2, "")
    assert "No such command 'staus'. Did you mean 'status'?" in err


def test_a_command_that_is_like_none_is_told(run: Run) -> None:
    code, _, err = run("xyzzy")
    assert code == 2
    assert "No such command 'xyzzy'." in err


def test_an_interrupted_command_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mmm.cli.data.load_settings", interrupted)
    code, _, err = run("datasets")
    assert code == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_list_says_what_the_commands_own_help_says(name: str) -> None:
    listed = cli._Commands(name="mmm").get_command(None, name)
    assert listed.help
    assert listed.help.split() == cli._load(name).help.split()


def test_the_version_is_printed_by_the_option_as_by_the_command(run: Run) -> None:
    assert run("--version") == run("version")
    assert run("--version")[1].startswith("mmm-app ")


def test_listing_the_commands_imports_none_of_them() -> None:
    looked = subprocess.run(
        [sys.executable, "-c", "import sys, mmm.cli; sys.argv = ['mmm', '--help']\n"
         "try: mmm.cli.main()\n"
         "except SystemExit: print(sorted(sys.modules), file=sys.stderr)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Self-hosted marketing mix modelling" in looked.stdout
    imported = looked.stderr
    assert "'mmm.cli'" in imported
    for heavy in ("mmm.cli.runs", "mmm.settings", "numpy", "pyarrow", "pandas", "pydantic"):
        assert f"'{heavy}'" not in imported
