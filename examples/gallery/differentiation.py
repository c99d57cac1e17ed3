"""The simple essence of automatic differentiation (Elliott 2018): a function, and its derivative both ways.

The linear map f'(a) of a change is drawn beside f itself: forward, with the values shared that both need, and as
its transpose, in which copy and add have changed places.
"""

from __future__ import annotations

from lenses import Real, add, copy, cos, multiply, reverse, sin, wired

from .picture import Picture

cos_sin_prod = (multiply >> copy >> cos @ sin).at(Real(), Real())
mag_sqr = ((copy >> multiply) @ (copy >> multiply) >> add).at(Real(), Real())


@wired
def with_derivative(x, y, dx, dy):
    """cosSinProd and its derivative: multiplication's is scale y join scale x, those of cos and sin scale."""
    z, dz = x * y, y * dx + x * dy
    cosine, sine = cos(z), sin(z)
    return cosine, sine, (-sine) * dz, cosine * dz


DIFFERENTIATION = [
    Picture(
        "cos-sin-prod",
        "cosSinProd",
        "(x, y) goes to cos(x y) and sin(x y): multiplication, copy, and two functions side by side.",
        cos_sin_prod,
        "string",
        inputs=("x", "y"),
    ),
    Picture(
        "cos-sin-prod-forward",
        "cosSinProd and its derivative",
        "Values above, changes below: what cos and sin have computed scales the change of the other.",
        with_derivative.at(*[Real()] * 4),
        "string",
        inputs=("x", "y", "dx", "dy"),
    ),
    Picture(
        "cos-sin-prod-reverse",
        "The transpose of that derivative",
        "Where values were copied changes are added: reverse mode is the dual of forward mode.",
        reverse(cos_sin_prod),
        "string",
        inputs=("x", "y", "dc", "ds"),
    ),
    Picture(
        "mag-sqr-reverse",
        "The gradient of magSqr",
        "a² + b², back from one change: a sum becomes a copy, and each copy a sum.",
        reverse(mag_sqr),
        "string",
        inputs=("a", "b", "d"),
    ),
]
"""The pictures of this page, in order."""
