"""The floors of docs/architecture.md, read from the imports themselves, wherever in a module they
stand.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mmm

ROOT = Path(mmm.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")

#: The one import upward: the sample names its own mapping.
UPWARD = {("mmm.sources.sample", "mmm.data.mapping.")}
#: Pure rooms, and all of ours that they may import beside themselves.
PURE = {
    "engines": ("mmm.cores", "mmm.errors", "mmm.settings"),
    "scoring": (),
    "certificate": (
        "mmm.engines.base",
        "mmm.engines.training",
        "mmm.engines.confidence",
        "mmm.engines.words",
        "mmm.engines.capabilities",
        "mmm.errors",
        "mmm.scoring",
    ),
    "planning": (
        "mmm.errors",
        "mmm.engines.response",
        "mmm.engines.schemas",
        "mmm.engines.capabilities",
        "mmm.engines.words",
        "mmm.format",
    ),
}
#: Libraries that one room alone may know.
KEEPERS = {
    "platforms": (
        "boto3",
        "botocore",
        "google.cloud.run",
        "google.cloud.storage",
        "google.cloud.secretmanager",
    ),
    "sources": ("google.cloud.bigquery", "snowflake", "psycopg", "duckdb", "python_calamine"),
    "engines": ("prophet", "numba", "pandas"),
    "web": ("streamlit",),
    "cli": ("typer",),
    "assistant": ("mcp", "mcp_types"),
}
#: A library that more than one room knows: what answers requests.
SHARED = {"starlette": {"web", "api"}, "uvicorn": {"api", "assistant"}}


@cache
def floors() -> dict[str, int]:
    """Each room's floor as the page has it."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", PAGE, re.MULTILINE)
    return {
        room: int(floor)
        for floor, cell in rows
        for room in re.findall(r"`src/mmm/(\w+)(?:/|\.py)`", cell)
    }


@cache
def imports() -> frozenset[tuple[str, str]]:
    """(module, what it imports), imports within functions and by dotted path included."""
    found = set()
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {(module, name) for name in named(node)}
    return frozenset(found)


def named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):  # a registry's entry
        return re.findall(r"\A(mmm(?:\.\w+)+)(?::[\w.]+)?\Z", node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "driver":
        return [ast.literal_eval(node.args[0])]
    return []


@cache
def modules() -> dict[str, Path]:
    """Every module of ours and its file."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = ("mmm", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def owner_of(name: str) -> str:
    """The module of ours that a name is imported from, else an empty text."""
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name


def room(name: str) -> str:
    """The room of a module of ours, else an empty text."""
    parts = name.split(".")
    return parts[1] if parts[0] == "mmm" and len(parts) > 1 and parts[1] != "__version__" else ""


def test_every_room_of_the_package_has_a_floor() -> None:
    rooms = {
        path.stem
        for path in ROOT.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__", "__main__"} == set(floors())


def test_a_room_imports_from_lower_floors_only() -> None:
    floor = {**floors(), "__main__": 99}
    wrong = {
        (module, name)
        for module, name in imports()
        if room(module)
        and room(name) not in ("", room(module))
        and floor[room(name)] >= floor[room(module)]
    }
    assert {(module, name.rpartition(".")[0] + ".") for module, name in wrong} == UPWARD


def test_no_modules_need_each_other_to_be_imported() -> None:
    """Imports inside functions are not looked at: they are how a module is read without another's
    cost, and may point back.
    """
    needs: dict[str, set[str]] = {}
    for module, path in modules().items():
        names: set[str] = set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names |= {owner for name in named(node) if (owner := owner_of(name))}
        needs[module] = names - {module, "mmm"}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_imports_are_absolute() -> None:
    assert not [pair for pair in imports() if pair[1].startswith(".")]


@pytest.mark.parametrize("pure", PURE)
def test_engines_and_planning_know_no_storage_and_no_network(pure: str) -> None:
    known = {
        name for module, name in imports() if room(module) == pure and room(name) not in ("", pure)
    }
    assert {name for name in known if not name.startswith(PURE[pure])} == set()


@pytest.mark.parametrize("keeper", KEEPERS)
def test_a_library_is_known_to_its_room_alone(keeper: str) -> None:
    who = {
        room(module)
        for module, name in imports()
        if f"{name}.".startswith(tuple(f"{x}." for x in KEEPERS[keeper]))
    }
    assert who == {keeper}


@pytest.mark.parametrize("library", SHARED)
def test_a_library_of_several_rooms_is_known_to_no_other(library: str) -> None:
    who = {room(module) for module, name in imports() if f"{name}.".startswith(f"{library}.")}
    assert who == SHARED[library]


def test_the_page_names_every_folder_of_the_workspace() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workspace").glob("*.py"))
    written = set(re.findall(r'\bf"([a-z_]+)/\{', code)) | set(
        re.findall(r'_create_version\("([a-z_]+)"', code)
    )
    layout = PAGE.partition("## Layout of the workspace")[2].split("```")[1]
    assert written == set(re.findall(r"^([a-z_]+)/", layout, re.MULTILINE))
    keys = "\n".join(re.findall(r'\{_folder\(run_id\)\}(/[^"]*)"', code))
    assert set(re.findall(r"/([a-z_]+)", keys)) <= set(re.findall(r"[a-z_]+", layout))
