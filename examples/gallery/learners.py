"""Learners in Learn, and learners as machines: what composes is a request, and what is fed back is the parameter.

I implements, U updates and r requests; J, V and s do so for the second learner. All are those of gradient descent
on the squared error, of two small maps that stand for any.
"""

from __future__ import annotations

from lenses import add, subtract
from lenses.causal import trace
from lenses.laws.maps import Bundle, Equation, Map, both, drawn

from .picture import Picture
from .theory import A, F, G, P, R, boxed, descend, equation

minus, plus, step = Map(subtract.at(A, A)), Map(add.at(A, A)), Map(descend.at(P, P))


def of(name: str, f: Map) -> Map:
    """A map drawn as one box, with nothing inside."""
    return boxed(name, f.term.term, f.dom)


def put(f: Map) -> Map:
    """U(p, a, b) = p - eps dE/dp and r(p, a, b) = a - dE/da, for the squared error of f."""

    def both_halves(p: Bundle, a: Bundle, b: Bundle) -> Bundle:
        back = R(f)(p, a, minus(f(p, a), b))
        return both(step(p, back.first(P)), minus(a, back.last(A)))

    return drawn(both_halves, P, A, A)


def one_learner(p: Bundle, q: Bundle, a: Bundle, c: Bundle) -> Bundle:
    """A step of the learner of f ; g, worked out as a whole."""
    b = F(p, a)
    second = R(G)(q, b, minus(G(q, b), c))
    first = R(F)(p, a, second.last(A))
    return both(step(p, first.first(P)), step(q, second.first(P)), minus(a, first.last(A)))


implement, first, second = of("I", F), of("U, r", put(F)), of("V, s", put(G))
update = of("U", drawn(lambda p, a, b: put(F)(p, a, b).first(P), P, A, A, prune=True))


def composite(p: Bundle, q: Bundle, a: Bundle, c: Bundle) -> Bundle:
    """A step of the composite of two learners: the request of the second is the label of the first."""
    later = second(q, implement(p, a), c)
    earlier = first(p, a, later.last(A))
    return both(earlier.first(P), later.first(P), earlier.last(A))


whole = of("L(f ; g)", drawn(one_learner, P, P, A, A))
machine = drawn(lambda p, a, b: both(update(p, a, b), implement(p, a)), P, A, A)

LEARNERS = [
    Picture(
        "composite-of-learners",
        "Learners compose by requests",
        "A step of the learner of f ; g. What the second requests, with the old q, is the label of the first.",
        None,
        "string",
        0,
        ("p", "q", "a", "c"),
        left=whole.term,
        right=drawn(composite, P, P, A, A).term,
    ),
    equation(
        "request-of-copy",
        "What a copy requests",
        "Descent on the squared error asks for a less the sum of both errors: b₁ + b₂ less a.",
        Equation(
            drawn(lambda a, b, c: minus(a, plus(minus(a, b), minus(a, c))), A, A, A),
            drawn(lambda a, b, c: minus(plus(b, c), a), A, A, A),
        ),
    ),
    Picture(
        "learner-as-machine",
        "A learner is a machine",
        "Its state is the parameter p. Examples (a, b) come in, and U makes the next state.",
        causal=trace(machine.term.term, P).at(A, A),
        style="string",
        fold=0,
        inputs=("a", "b"),
    ),
]
"""The pictures of this page, in order."""
