"""The simple essence of automatic differentiation: one differentiator, and what it costs.

``python examples/essence_of_differentiation.py``

Elliott (2018) differentiates a program by a functor, D f = a -> (f(a), f'(a)), and says nothing of forward or
reverse mode: these are two ways to hold the linear map f'(a). Here are his examples in that functor, each with
its derivative in every representation, the cost of a chain of maps as it depends on its shape, and the order of
multiplication that `jacobian` finds for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from lenses import Real, Term, add, compile, compose, copy, cos, dense, jacobian, multiply, sin, tanh
from lenses.cost import operations
from lenses.differentiation import (
    Factors,
    LinearMaps,
    begins,
    continuations,
    differentiate,
    duals,
    functions,
    matrices,
)

sqr = copy >> multiply
mag_sqr = sqr @ sqr >> add
cos_sin_prod = multiply >> copy >> cos @ sin
EXAMPLES: dict[str, Term] = {"sqr": sqr, "magSqr": mag_sqr, "cosSinProd": cos_sin_prod}
"""The paper's functions: a^2; a^2 + b^2; (cos(x y), sin(x y))."""

REPRESENTATIONS: dict[str, LinearMaps] = {
    "functions": functions,
    "matrices": matrices,
    "duals (reverse mode)": duals,
    "continuations (reverse mode)": continuations,
    "begin-form (forward mode)": begins,
}

SHAPES = {
    "narrower": (64, 32, 16, 1),
    "wider": (1, 16, 32, 64),
    "hourglass": (64, 64, 2, 64, 64),
    "spindle": (4, 64, 64, 4),
    "level": (16, 16, 16, 16),
}
"""Widths of layers, from the input on."""
COSTS: dict[str, LinearMaps] = {
    "functions": functions,
    "duals": duals,
    "continuations": continuations,
    "begin-form": begins,
    "factors": Factors(),
}


def show(name: str, term: Term) -> None:
    """Prints a function and its derivative at a point, in every representation; they are one Jacobian."""
    typed = term.at(*[Real(dtype="float64")] * term.arity[0])
    point = (2.0, 3.0)[: term.arity[0]]
    by_jax = jax.jacfwd(lambda xs: typed(*xs))(point)
    expected = np.array(by_jax, "float64").reshape(term.arity[1], term.arity[0])
    print(f"\n{name} = {term}\n  at {', '.join(map(str, point))}")
    for kind, maps in REPRESENTATIONS.items():
        value, change = differentiate(typed, by=maps)(*point)
        values = ", ".join(f"{v:.4f}" for v in (value if isinstance(value, tuple) else (value,)))
        np.testing.assert_allclose(maps.matrix(change), expected, rtol=1e-12)
        print(f"  {kind:30} {values};  {change.says}")
    print(f"  {'the Jacobian of all':30} {np.array2string(expected, precision=4, separator=', ').replace(chr(10), '')}")


def chain(widths: Sequence[int]) -> Term:
    """Layers of these widths, with tanh between them."""
    layers = [part for n in widths[1:] for part in (dense(n), tanh)]
    return compose(*layers[:-1]).at(Real(widths[0]))


def costs(widths: Sequence[int]) -> dict[str, int]:
    """The multiplications of the Jacobian of a chain, in each representation, counted in the program that runs."""
    term: Any = chain(widths)
    params = jax.eval_shape(compile(term).init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((widths[0],), "float32")

    def program(maps: LinearMaps) -> Any:
        return lambda params, x: maps.matrix(differentiate(term, by=maps)(params, x)[1])

    return {name: operations(program(maps), params, x).multiplications for name, maps in COSTS.items()}


def table(shapes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Prints the costs by shape, and which mode wins; with the order that is found for each."""
    chosen = {shape: SHAPES[shape] for shape in shapes}
    found = {}
    print(f"\nmultiplications      {''.join(f'{name:>15}' for name in COSTS)}   fewest")
    for shape, widths in chosen.items():
        found[shape] = counted = costs(widths)
        reverse, forward, best = (counted[name] for name in ("continuations", "begin-form", "factors"))
        least = min(reverse, forward)
        wins = "a mixture" if best < least else "either" if reverse == forward else "reverse"
        wins = "forward" if forward < reverse and best == least else wins
        row = "".join(f"{n:>15,}" for n in counted.values())
        print(f"{shape:10}{'-'.join(map(str, widths)):>14}{row[3:]}   {wins}")
    print("\nthe order found for the Jacobians of the boxes, numbered from 0")
    for shape, widths in chosen.items():
        print(f"  {shape:10} {jacobian(chain(widths)).order}")
    return found


def picture(found: dict[str, dict[str, int]], path: Path) -> None:
    """Draws the costs by shape, where matplotlib is there."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        print("\nno picture: pip install '.[pictures]' for matplotlib")
        return
    figure, axes = plt.subplots(figsize=(8, 4))
    names, width = ("begin-form", "continuations", "factors"), 0.27
    labels = ("forward", "reverse", "best order")
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        axes.bar(np.arange(len(found)) + (i - 1) * width, [c[name] for c in found.values()], width, label=label)
    axes.set_xticks(range(len(found)), list(found))
    axes.set(yscale="log", ylabel="multiplications", title="One Jacobian, at the cost of how its products associate")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
    print(f"\nwrote {path}")


def main(
    path: str | Path = "essence-of-differentiation.png", shapes: Sequence[str] = tuple(SHAPES)
) -> dict[str, dict[str, int]]:
    """The functions of the paper, then the table of costs of `shapes`, which is returned, and its picture at `path`."""
    with jax.enable_x64(True):
        for name, term in EXAMPLES.items():
            show(name, term)
    found = table(shapes)
    picture(found, Path(path))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:2])
