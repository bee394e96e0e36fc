"""What is compiled without an entry from Python (`inner`) is called by compiled code alone: any other
call would crash the process.
"""

from __future__ import annotations

import ast
from pathlib import Path

import mmm

PACKAGE = Path(mmm.__file__).parent
TESTS = Path(__file__).parents[1]
COMPILED = {"jit", "inner", "njit"}


def decorators(node: ast.FunctionDef) -> set[str]:
    return {name.id for name in node.decorator_list if isinstance(name, ast.Name)}


def module_of(path: Path) -> str:
    return ".".join(("mmm", *path.relative_to(PACKAGE).with_suffix("").parts))


def inner_functions() -> set[tuple[str, str]]:
    """(module, function) of all that have no entry."""
    found = set()
    for path in (PACKAGE / "engines").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and "inner" in decorators(node):
                found.add((module_of(path), node.name))
    return found


def plain_names(tree: ast.Module) -> set[str]:
    """Names, and attributes' dotted names, that are read outside of compiled functions."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef) and decorators(node) & COMPILED:
            continue
        if isinstance(node, ast.Name):
            found.add(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
        waiting.extend(ast.iter_child_nodes(node))
    return found


def called(source: str, module: str, inner: set[tuple[str, str]]) -> set[str]:
    """The inner functions that a module's plain code names."""
    tree = ast.parse(source)
    names = plain_names(tree)
    found = {name for home, name in inner if home == module and name in names}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            own = alias.asname or alias.name
            if (node.module, alias.name) in inner and own in names:
                found.add(alias.name)
            whole = f"{node.module}.{alias.name}"
            found |= {name for home, name in inner if home == whole and f"{own}.{name}" in names}
    return found


def test_no_plain_code_calls_what_has_no_entry() -> None:
    inner = inner_functions()
    assert ("mmm.engines.bayes.moves", "sweep_once") in inner
    assert ("mmm.engines.ridge.candidates", "_fit") in inner
    paths = [*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")]
    paths += (TESTS.parent / "benchmarks").rglob("*.py")
    wrong = set()
    for path in paths:
        module = module_of(path) if path.is_relative_to(PACKAGE) else str(path)
        source = path.read_text(encoding="utf-8")
        wrong |= {(path.name, name) for name in called(source, module, inner)}
    assert wrong == set()


def test_such_a_call_is_found() -> None:
    inner = {("mmm.engines.k", "dot")}
    compiled = "from mmm.engines.k import dot\n@jit\ndef f(a):\n    return dot(a, a)\n"
    assert called(compiled, "x", inner) == set()
    assert called(compiled + "f = dot(1, 1)\n", "x", inner) == {"dot"}
    assert called("from mmm.engines import k\nk.dot(1, 1)\n", "x", inner) == {"dot"}
    assert called("from mmm.engines.other import dot\ndot(1)\n", "x", inner) == set()
    assert called("@inner\ndef dot(a):\n    return a\ndot(1)\n", "mmm.engines.k", inner) == {"dot"}
