"""The theory, each construction as a term and each law as two: lenses, learners, reverse derivatives.

`;` is composition from left to right, A' the changes of A, and R[f]: A * B' -> A' the reverse
derivative of f: A -> B. The axioms are those of the catalogue in `lenses.laws`, with every derivative
drawn as one box. Maps are small ones that stand for any.
"""

from __future__ import annotations

import re

import jax

from lenses import (
    Port,
    Real,
    Space,
    Term,
    Typed,
    add,
    block,
    compile,
    concatenate,
    constant,
    copy,
    cos,
    dense,
    discard,
    dream,
    einsum,
    expose,
    identity,
    laws,
    learner,
    para,
    relu,
    reverse,
    sgd,
    sin,
    split,
    squared,
    subtract,
    swap,
    tanh,
    tied,
    wired,
    zero,
)
from lenses.combinators import Block
from lenses.laws.maps import Bundle, Derivative, Equation, Map, both, drawn

from .architectures import attention
from .picture import Picture

RATE, MOMENTUM = 0.1, 0.9

# -- maps that stand for any -----------------------------------------------------------------

A, B, P = Real(2), Real(4), Real(2, 2)


def boxed(name: str, term: Term, *spaces: Space) -> Map:
    """A map drawn as one box."""
    return Map(block(name, term).at(*spaces))


f = boxed("f", copy >> sin @ tanh >> concatenate(), A)
g = boxed("g", split(2, 2) >> einsum("i, i ->"), B)
beside = boxed("g", copy >> cos @ identity >> concatenate(), A)  # the g of a sum f + g

affine = einsum("i o, i -> o") >> tanh
F, G = boxed("f", affine, P, A), boxed("g", einsum("i o, i -> o") >> sin, P, A)  # P * A -> A
first, second = (para(m.term.term, [Port("weight", "param", P[0])]) for m in (F, G))  # the same, P on the side

twice = drawn(lambda p, a: F(p, F(p, a)), P, A)
loss, rate = boxed("loss", squared, A, A), boxed("rate", constant(1.0))
descend = wired(lambda p, change: p + change * -RATE)


# -- derivatives as boxes --------------------------------------------------------------------

NAMES: dict[Term, str] = {
    identity.at(A): "id",
    discard.at(A): "discard",
    (discard @ zero(B)).at(A): "0",
    (identity @ discard).at(A, B): "first",
    (discard @ identity).at(A, B): "second",
    (f >> g).term: "f ; g",
    (f + beside).term: "f + g",
    drawn(lambda a: both(f(a), beside(a)), A).term: "<f, g>",
    twice.term: "f ; f",
}
"""What maps are called that are no single box."""


def called(term: Typed) -> str:
    """The name of a map in a picture."""
    return term.term.name if isinstance(term.term, Block) else NAMES[term]


class Boxes(Derivative):
    """The reverse derivative as a term, R[f] drawn as one box, and D[f] as well."""

    def forward(self, f: Map) -> Map:
        found = super().forward(f)
        return boxed(f"D[{called(f.term)}]", found.term.term, found.dom)


def of(term: Typed) -> Typed:
    """R of a term, as a box."""
    found = reverse(term)
    return boxed(f"R[{called(term)}]", found.term, found.dom).term


R = Boxes("reverse", of)


def equation(name: str, title: str, caption: str, sides: Equation) -> Picture:
    """The picture of an equation of two maps."""
    return Picture(name, title, caption, None, "string", 0, left=sides.left.term, right=sides.right.term)


def axiom(name: str, *subjects: object) -> list[Picture]:
    """The equations of an axiom of reverse derivatives, at these maps or spaces."""
    law = laws.find(f"reverse derivative/{name}")
    built = law.build(R, *subjects)
    equations = built if isinstance(built, list) else [built]
    said = re.split(r" and |, (?=R\[)", law.statement) if len(equations) > 1 else [law.statement]
    marks = [""] if len(equations) == 1 else "abc"[: len(equations)]
    return [
        equation(f"{name.replace('.', '-').lower()}{mark}", f"{name}{mark}", caption, sides)
        for mark, caption, sides in zip(marks, said, equations, strict=True)
    ]


# -- lenses and parameters -------------------------------------------------------------------


def lens(f: Map) -> Map:
    """The lens of a map, A * B' -> B * A'."""
    return drawn(lambda a, c: both(f(a), R(f)(a, c)), f.dom, f.cod.change)


def composite(a: Bundle, c: Bundle) -> Bundle:
    """The lens of f ; g, out of those of f and g."""
    b = f(a)
    return both(g(b), R(f)(a, R(g)(b, c)))


def exposed(name: str, term: Term) -> Map:
    """A parametrised map with its parameters as wires, drawn as one box."""
    bare = expose(term.at(A))
    return boxed(name, bare, bare.params, A)


def tied_back(p: Bundle, a: Bundle, c: Bundle) -> Bundle:
    """The reverse derivative of f used twice with the same parameters: their changes are added."""
    later = R(F)(p, F(p, a), c)
    earlier = R(F)(p, a, later.last(A))
    return both(earlier.first(P) + later.first(P), earlier.last(A))


shared = tied("f", first)

# -- learning --------------------------------------------------------------------------------


@wired
def momentum_lens(velocity, p, change):
    """get is p; put moves p by the velocity, which remembers earlier changes."""
    new = change + velocity * MOMENTUM
    return p, new, p + new * -RATE


@wired
def descent_lens(p, change):
    """get is p; put moves p against its change."""
    return p, descend(p, change)


def changes(p: Bundle, a: Bundle, target: Bundle) -> Bundle:
    """The changes of p and a that the loss asks for."""
    error = R(loss)(F(p, a), target, rate()).first(A)
    return R(F)(p, a, error)


update, move = boxed("u", descend, P, P), boxed("u", descend, A, A)
training_step = drawn(lambda p, a, t: update(p, changes(p, a, t).first(P)), P, A, A)
dreaming_step = drawn(lambda p, a, t: move(a, changes(p, a, t).last(A)), P, A, A)

fit = learner((dense(3) >> relu >> dense(2)).at(A), loss=squared, optimiser=sgd(RATE))
start = compile(first, A).init(jax.random.key(0))
dreamer = dream(first, A, params=start, loss=squared, optimiser=sgd(RATE))

generator = block("generator", dense(4) >> relu >> dense(3))
critic = tied("critic", dense(4) >> relu >> dense(1))
adversarial = generator @ identity >> critic @ critic >> subtract

dense_layer = exposed("layer", dense(3) >> tanh)

# -- the pictures ----------------------------------------------------------------------------

THEORY = [
    equation(
        "lens-composition",
        "Lenses compose",
        "Values go forward through f and g, changes back through g and f.",
        Equation(lens(f >> g), drawn(composite, A, g.cod.change)),
    ),
    equation(
        "parametrised-composition",
        "Parametrised maps compose",
        "The parameters of a composite stand side by side, those of g in front.",
        Equation(
            boxed("f ; g", swap @ identity >> expose((first >> second).at(A)), P, P, A),
            drawn(lambda q, p, a: G(q, F(p, a)), P, P, A),
        ),
    ),
    equation(
        "tied-weights",
        "Tied weights",
        "Reparametrisation along copy: one parameter for both uses of f.",
        Equation(exposed("f ; f, tied", shared >> shared), twice),
    ),
    equation(
        "tied-weights-reverse",
        "The derivative of tied weights",
        "The changes of a parameter that is used twice are added.",
        Equation(R(twice), drawn(tied_back, P, A, A)),
    ),
    Picture(
        "gradient-descent",
        "Gradient descent is a lens",
        "get hands on the parameters; put takes a step against their change.",
        descent_lens.at(P, P),
        "string",
        inputs=("p", "p'"),
    ),
    Picture(
        "momentum",
        "Momentum is a lens",
        "The state is a velocity, which remembers earlier changes.",
        momentum_lens.at(P, P, P),
        "string",
        inputs=("v", "p", "p'"),
    ),
    Picture(
        "model-lens",
        "A model as a parametrised lens",
        "Values run to the right, changes to the left; parameters come from above and their changes leave there.",
        (dense(3) >> relu >> dense(2)).at(Real(4)),
        "lens",
    ),
    Picture(
        "residual-lens",
        "Copy and addition are each other's way back",
        "Where values are copied changes are added, and the other way round.",
        (copy >> identity @ (dense(4) >> tanh) >> add).at(Real(4)),
        "lens",
    ),
    Picture(
        "backward-pass",
        "Both passes of a network",
        "What each box keeps on the way there is handed to its counterpart on the way back.",
        (dense(3) >> relu >> dense(2)).at(Real(4)),
        "backward",
    ),
    Picture(
        "attention-backward",
        "Both passes of attention",
        "Softmax keeps its result, the products what they multiplied.",
        attention.at(Real(query=6, d=8), Real(key=5, d=8), Real(key=5, d=8)),
        "backward",
        inputs=("Q", "K", "V"),
    ),
    Picture(
        "learner",
        "A learner is a closed lens",
        "Optimiser, model, loss and rate; nothing is left open on the right.",
        fit.lens,
        "string",
        learner=fit,
    ),
    Picture(
        "training-step",
        "A step of training",
        "put of the closed lens: forward through the model, back from the rate, and an update of the parameters.",
        training_step.term,
        "string",
        0,
        ("p", "x", "t"),
    ),
    Picture(
        "deep-dreaming",
        "Deep dreaming",
        "The optimiser stands on the input; the parameters stay.",
        dreamer.lens,
        "string",
        learner=dreamer,
    ),
    Picture(
        "dreaming-step",
        "A step of dreaming",
        "The same forward and backward pass; the input is updated.",
        dreaming_step.term,
        "string",
        0,
        ("p", "x", "t"),
    ),
    Picture(
        "generative-adversarial",
        "Generative adversarial networks",
        "Two uses of one critic: on what the generator makes of noise, and on data.",
        adversarial.at(Real(noise=2), Real(data=3)),
        "string",
        0,
        ("Z", "X"),
    ),
    Picture(
        "reverse-layer",
        "The reverse derivative of a layer",
        "dense, then tanh, with their parameters as wires: forward, and back to the changes of all that came in.",
        reverse(dense_layer.term),
        "string",
    ),
    *axiom("RD.1", f, beside),
    *axiom("RD.2", f),
    *axiom("RD.3", A, B),
    *axiom("RD.4", f, beside),
    *axiom("RD.5", f, g),
    *axiom("RD.6", f),
    *axiom("RD.7", f),
]
"""Lenses, parameters, learners, and the seven axioms of a reverse derivative category."""
