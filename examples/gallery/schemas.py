"""Schemas, and what their paths are sent to: CycleGAN, and the task of inserting and deleting.

An architecture sends each arrow to a parametrised map, here a small one that stands for any. A path that goes along
an arrow twice uses its parameters twice; the loss of a path equation is how far its two sides are apart.
"""

from __future__ import annotations

from lenses import Real, concatenate, dense, einsum, para, relu, sgd, split, tanh
from lenses.laws.maps import drawn
from lenses.ports import Port
from lenses.schemas import Architecture, Losses, Schema, SchemaLearner, adversarial_tasks, violation

from .picture import Picture
from .theory import boxed

CYCLE = Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"])
PRODUCT = Schema(
    ["A × B", "C"],
    {"insert": ("A × B", "C"), "delete": ("C", "A × B")},
    ["insert ; delete = id", "delete ; insert = id"],
)

A, B, P, Q = Real(2), Real(3), Real(2, 3), Real(3, 2)
affine = einsum("i o, i -> o") >> tanh
f, g = boxed("f", affine, P, A), boxed("g", affine, Q, B)  # P * A -> B, Q * B -> A
there, back = (para(m.term.term, [Port("weight", "param", space[0])]) for m, space in ((f, P), (g, Q)))
cyclegan = Architecture(CYCLE, {"A": A, "B": B}, {"f": there, "g": back})

around = drawn(lambda p, q, a: f(p, g(q, f(p, a))), P, Q, A)

critic = dense(1)
against = [*adversarial_tasks(cyclegan, "f", critic), *adversarial_tasks(cyclegan, "g", critic)]
playing = SchemaLearner(Losses(cyclegan, against, gamma=10.0), sgd(0.1), critics=sgd(0.1))

image, thing = Real(image=4), Real(thing=2)
inserting = Architecture(
    PRODUCT,
    {"A × B": image @ thing, "C": image},
    {"insert": concatenate() >> dense(4) >> relu, "delete": dense(6) >> relu >> split(4, 2)},
)

SCHEMAS = [
    Picture(
        "cyclegan-schema",
        "CycleGAN as a schema",
        "Two objects, two arrows, and two equations: there and back is the identity on each side.",
        schema=CYCLE,
        style="string",
    ),
    Picture(
        "cyclegan-path",
        "An arrow that a path goes along twice",
        "The image of f ; g ; f: the parameters p of f are copied to both of its uses, so their changes are added.",
        around.term,
        "string",
        0,
        ("p", "q", "a"),
    ),
    Picture(
        "cyclegan-consistency",
        "How far f ; g is from the identity",
        "The loss of a path equation: both sides at one point, and the distance between them; f and g are tied.",
        violation(cyclegan, "f ; g = id"),
        "string",
        0,
        ("a",),
    ),
    Picture(
        "cyclegan-losses",
        "All losses of CycleGAN",
        "From points of A and B to a vector of losses: what critics tell, whom they take for data, and both equations.",
        playing.losses.term,
        "string",
        0,
        ("a", "b"),
    ),
    Picture(
        "cyclegan-learner",
        "CycleGAN as a closed lens",
        "An optimiser on each arrow, one that climbs on each critic, all losses, their weights, and the rate.",
        playing.lens,
        "lens",
        0,
    ),
    Picture(
        "product-schema",
        "Inserting and deleting as a schema",
        "An image without a thing and the thing are as much as an image with it: the two arrows are inverse.",
        schema=PRODUCT,
        style="string",
    ),
    Picture(
        "product-path",
        "Delete, then insert",
        "The image of a path is the composite of its arrows' terms, here through two arrays.",
        inserting("delete ; insert"),
        "string",
        inputs=("c",),
    ),
]
"""The pictures of this page, in order."""
