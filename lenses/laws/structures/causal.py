"""Causal maps: an initial state and steps f_k: S_k * X -> S_(k+1) * Y, equal if all unrollings are.

They form a cartesian category; unrolling to n steps keeps all of it, and so does running a sequence
as one scan. The laws are tried on a causal map f of which the type is known, its parameters as wires.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ...boxes.structure import Copy, discard
from ...causal import Causal, as_causal
from ...compile import compile
from ...spaces import Array, Space
from ...terms import Identity, Term, compose, permute, swap, tensor
from ...typed import Typed
from ..law import law, structure
from ..maps import Equation, Map
from ..points import array_values
from ..programs import Agree
from ..sequences import Same, identity, memory, plain, steps_for, unrolled

CAUSAL = structure("causal map", "f: X -> Y, an initial state and steps", subject=lambda: Causal)
SOURCE = "Sprunger and Katsumata 2019, the category St(C)"


def claims(f: Causal, build):  # type: ignore[no-untyped-def]
    """The claims about a subject, or why there are none."""
    subject = plain(f)
    return subject if isinstance(subject, str) else build(subject)


# -- a cartesian category --------------------------------------------------------------------


@law(CAUSAL, "identity", "id; f = f = f; id", SOURCE, 33, needs="causal map")
def units(f: Causal) -> list[Same] | str:
    return claims(f, lambda f: [Same(identity(f.dom) >> f, f), Same(f >> identity(f.cod), f)])


@law(CAUSAL, "associativity", "(f; g); h = f; (g; h), g and h running sums", SOURCE, 33, needs="causal map")
def associativity(f: Causal) -> Same | str:
    def build(f: Causal) -> Same:
        g, h = memory(f.cod), memory(f.cod, 1)
        return Same((f >> g) >> h, f >> (g >> h))

    return claims(f, build)


@law(CAUSAL, "interchange", "(f; g) * (f; g) = (f * f); (g * g), g a running sum", SOURCE, 33, needs="causal map")
def interchange(f: Causal) -> Same | str:
    def build(f: Causal) -> Same:
        g = memory(f.cod)
        return Same((f >> g) @ (f >> g), (f @ f) >> (g @ g))

    return claims(f, build)


@law(CAUSAL, "naturality of swap", "(f * g); swap = swap; (g * f), g a running sum", SOURCE, 33, needs="causal map")
def swap_natural(f: Causal) -> Same | str:
    def build(f: Causal) -> Same:
        g = memory(f.dom)  # type: ignore[arg-type]
        into, out = f.arity
        right = as_causal(Typed(swap(into, into), f.dom @ g.dom)) >> (g @ f)  # type: ignore[operator]
        return Same((f @ g) >> swap(out, into), right)

    return claims(f, build)


def copies(space: Space) -> Term:
    """A to A * A."""
    n = len(space)
    return compose(tensor(*[Copy()] * n), permute(*[2 * k for k in range(n)], *[2 * k + 1 for k in range(n)]))


@law(CAUSAL, "naturality of copy", "f; copy = copy; (f * f)", SOURCE, 33, needs="causal map")
def copy_natural(f: Causal) -> Same | str:
    def build(f: Causal) -> Same:
        return Same(f >> copies(f.cod), as_causal(Typed(copies(f.dom), f.dom)) >> (f @ f))  # type: ignore[arg-type]

    return claims(f, build)


@law(CAUSAL, "naturality of discard", "f; discard = discard: states that are not seen do not count", SOURCE, 33,
     needs="causal map")  # fmt: skip
def discard_natural(f: Causal) -> list[Same] | str:
    def build(f: Causal) -> list[Same]:
        into, out = f.arity
        end = tensor(*[discard] * out)
        aside = as_causal(Typed(copies(f.dom), f.dom)) >> f @ (f >> end)  # type: ignore[arg-type]
        return [Same(f >> end, as_causal(Typed(tensor(*[discard] * into), f.dom))), Same(aside, f)]  # type: ignore[arg-type]

    return claims(f, build)


# -- unrolling -------------------------------------------------------------------------------


@law(CAUSAL, "unroll of a composite", "unroll(f; g) = unroll(f); unroll(g), g a running sum", SOURCE, 33,
     needs="causal map")  # fmt: skip
def unroll_composite(f: Causal) -> Equation | str:
    def build(f: Causal) -> Equation:
        g, n = memory(f.cod), steps_for(f)
        return Equation(unrolled(f >> g, n), unrolled(f, n) >> unrolled(g, n))

    return claims(f, build)


@law(CAUSAL, "unroll of identity", "unroll(id) = id", SOURCE, 33, needs="causal map")
def unroll_identity(f: Causal) -> Equation | str:
    def build(f: Causal) -> Equation:
        n = steps_for(f)
        found = unrolled(identity(f.domain("laws")), n)
        return Equation(found, Map(Typed(Identity(n * f.arity[0]), found.dom)))

    return claims(f, build)


def sorted_wires(steps: int, widths: Sequence[int]) -> Term:
    """Of groups of wires that come step by step, all steps of the first group, then of the second, and so on."""
    total = sum(widths)
    starts = [sum(widths[:g]) for g in range(len(widths))]
    return permute(*[t * total + starts[g] + i for g, w in enumerate(widths) for t in range(steps) for i in range(w)])


@law(CAUSAL, "unroll of a tensor", "unroll(f * g) = unroll(f) * unroll(g), up to the order of wires", SOURCE, 33,
     needs="causal map")  # fmt: skip
def unroll_tensor(f: Causal) -> Equation | str:
    def build(f: Causal) -> Equation:
        g, n = memory(f.cod), steps_for(f)
        whole = unrolled(f @ g, n)
        apart = compose(sorted_wires(n, [f.arity[0], g.arity[0]]), f.unroll(n) @ g.unroll(n))
        ends = compose(whole.term.term, sorted_wires(n, [f.arity[1], g.arity[1]]))
        return Equation(Map(Typed(ends, whole.dom)), Map(Typed(apart, whole.dom)))

    return claims(f, build)


@law(CAUSAL, "causality", "unroll(f) to n steps is the beginning of unroll(f) to more", SOURCE, 33, needs="causal map")
def causality(f: Causal) -> Equation | str:
    def build(f: Causal) -> Equation:
        n = steps_for(f)
        longer = unrolled(f, n)
        into, out = f.arity
        cut = tensor(Identity((n - 1) * out), *[discard] * out)
        shorter = tensor(f.unroll(n - 1), *[discard] * into)
        return Equation(longer >> Map(Typed(cut, longer.cod)), Map(Typed(shorter, longer.dom)))

    return claims(f, build)


@law(CAUSAL, "scan", "f along an axis is unroll(f), inputs and outputs stacked", SOURCE, 33, needs="causal map")
def scanned(f: Causal) -> Agree | str:
    def build(f: Causal) -> Agree | str:
        if not f.arity[0]:
            return "it has no inputs, so there is no axis"
        if any(out != f.cod for _, out in f.spaces):
            return "its outputs differ from step to step, so they cannot be stacked"
        if f.first and any(a.change is None for a in (*f.domain("laws"), *f.cod)):
            return "indices are not joined along an axis"
        n, into, out = steps_for(f), f.arity[0], f.arity[1]
        along = Space(Array((n, *a.sizes), None, a.element) for a in f.domain("laws"))
        whole, apart = compile(f.along(0, steps=n), along), compile(unrolled(f, n).term)

        def stacked(*xs: Any) -> list[Any]:
            return list(jax.tree.leaves(whole({}, *xs)))

        def one_by_one(*xs: Any) -> list[Any]:
            found = jax.tree.leaves(apart({}, *[xs[w][t] for t in range(n) for w in range(into)]))
            return [jnp.stack(found[w::out]) for w in range(out)]

        return Agree(stacked, one_by_one, lambda rng: tuple(array_values(a, "normal", rng) for a in along))

    return claims(f, build)
