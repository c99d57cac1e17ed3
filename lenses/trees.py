"""Trees of parameters and states: nested dicts, of ports where they are typed, of arrays where they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .errors import ParameterError, explain
from .terms import Port, Term

if TYPE_CHECKING:
    from .typed import Circuit

Tree = dict[str, Any]
"""A nested dict whose leaves are `Port`."""


def map_tree(f: Callable[[Port], Any], tree: Tree) -> Tree:
    """The tree with `f` applied to each leaf."""
    return {name: map_tree(f, sub) if isinstance(sub, dict) else f(sub) for name, sub in tree.items()}


def leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Port]]:
    """The leaves of a tree with their paths, in order."""
    for name, sub in tree.items():
        if isinstance(sub, dict):
            yield from leaves(sub, (*path, name))
        else:
            yield (*path, name), sub


def shapes(tree: Tree) -> str:
    """The tree's arrays in a line: path and sizes."""
    return ", ".join(f"{'.'.join(path)} {port.array.sizes}" for path, port in leaves(tree)) or "none"


def nest(paths: Sequence[tuple[str, ...]], values: Sequence[Any]) -> dict[str, Any]:
    """The nested dict with these values at these paths."""
    tree: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        at = tree
        for step in path[:-1]:
            at = at.setdefault(step, {})
        at[path[-1]] = value
    return tree


def pick(tree: Any, path: Sequence[str]) -> Any:
    """The value of a nested dict at a path."""
    for step in path:
        tree = tree[step]
    return tree


def whole(circuit: Circuit) -> Tree:
    """All parameters of a typed graph: tied ones by name, then those of its cells."""
    return circuit.tied | circuit.params


def complete(params: dict[str, Any], messages: dict[str, Any]) -> dict[str, Any]:
    """The messages in the shape of `params`, zero where there is none."""
    return {
        name: complete(value, messages.get(name, {}))
        if isinstance(value, dict)
        else (messages[name] if messages.get(name) is not None else _zeros_like(value))
        for name, value in params.items()
    }


def _zeros_like(value: Any) -> Any:
    """Zeros of the array's own library."""
    return np.zeros_like(value) if isinstance(value, np.ndarray) else jnp.zeros_like(value)


def renew(states: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The states with those that a pass has rewritten put in their place."""
    return {k: renew(v, new.get(k, {})) if isinstance(v, dict) else new.get(k, v) for k, v in states.items()}


def only(tree: Any, like: Tree) -> dict[str, Any]:
    """The part of a nested dict that has the shape of another."""
    return {k: only(tree[k], v) if isinstance(v, dict) else tree[k] for k, v in like.items() if k in tree}


def check_tree(tree: Tree, given: Any, what: str, term: Term) -> None:
    """Raises ParameterError, naming the first difference, unless `given` is a tree of the arrays that `tree` says."""
    expected = dict(leaves(tree))
    came = {}
    for path, value in jax.tree_util.tree_flatten_with_path(given)[0]:
        came[tuple(str(getattr(k, "key", getattr(k, "name", getattr(k, "idx", k)))) for k in path)] = value

    def refuse(path: tuple[str, ...], wanted: object, got: object) -> None:
        from .syntax import shorten

        raise ParameterError(
            explain(
                f"these {what} are not those of this model",
                model=shorten(term),
                at=".".join(path) or "(the whole tree)",
                expected=wanted,
                came=got,
                do="use the tree that init made for this very term and space",
            )
        )

    for path, port in expected.items():
        if path not in came:
            refuse(
                path,
                port.array,
                f"nothing; the tree has {', '.join('.'.join(p) for p in list(came)[:6]) or 'no arrays'}",
            )
        if jnp.shape(came[path]) != port.array.sizes:
            refuse(path, port.array, f"an array of sizes {jnp.shape(came[path])}")
        if port.array.real and not jnp.issubdtype(came[path].dtype, jnp.floating):
            refuse(path, port.array, f"an array of {came[path].dtype}")
    for path in came:
        if path not in expected:
            refuse(path, "nothing", f"an array of sizes {jnp.shape(came[path])}")
