"""The modules of `diagrams` import each other one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

import diagrams

ROOT = Path(diagrams.__file__).parent


def imports(path: Path) -> Iterator[Path]:
    """The files of the package from which a file imports, also late and for types alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split(".") if node.module else ())
            for name in [alias.name for alias in node.names]:
                found = (
                    base / f"{name}.py",
                    base / name / "__init__.py",
                    base.with_suffix(".py"),
                    base / "__init__.py",
                )
                yield next(file for file in found if file.exists())


def test_imports_go_one_way():
    graph = nx.DiGraph((file, to) for file in ROOT.rglob("*.py") for to in imports(file))
    assert len(graph) > 50
    assert nx.is_directed_acyclic_graph(graph), nx.find_cycle(graph)
