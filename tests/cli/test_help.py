"""Every command's help has an example that the command itself would take, and mistyped names are
told.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mmm import cli

Run = Callable[..., tuple[int, str, str]]


def commands() -> Iterator[tuple[str, Any]]:
    """All commands and subcommands with their full names."""
    group = cli._Commands(name="mmm")
    for name in cli.COMMANDS:
        command = group.get_command(None, name)
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
