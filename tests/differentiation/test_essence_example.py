"""The example and the pictures of the essence of differentiation: what they print, and what they are."""

from __future__ import annotations

import importlib
import sys

import jax
import numpy as np
from helpers import EXAMPLES, example

sys.path.insert(0, str(EXAMPLES))


def test_the_example_prints_the_paper(tmp_path, capsys):
    found = example("essence_of_differentiation").main(tmp_path / "costs.png", ("narrower", "wider", "hourglass"))
    printed = capsys.readouterr().out
    for text in ("magSqr", "cosSinProd", "[4, 6]", "0.9602, -0.2794", "dual of", "h -> h ; D[multiply]", "a mixture"):
        assert text in printed
    assert (tmp_path / "costs.png").exists() or "no picture" in printed
    assert found["narrower"]["continuations"] < found["narrower"]["begin-form"]
    assert found["wider"]["continuations"] > found["wider"]["begin-form"]
    hourglass = found["hourglass"]
    assert 5 * hourglass["factors"] < min(hourglass["continuations"], hourglass["begin-form"])
    for counted in found.values():
        assert counted["factors"] == min(counted.values())


def test_the_pictures_are_derivatives():
    gallery = importlib.import_module("gallery.differentiation")
    rng = np.random.default_rng(0)
    x, y, dx, dy = rng.normal(size=4).astype("float32")
    for term, f in ((gallery.cos_sin_prod, lambda x, y: (np.cos(x * y), np.sin(x * y))),
                    (gallery.mag_sqr, lambda x, y: x * x + y * y)):  # fmt: skip
        np.testing.assert_allclose(term(x, y), f(x, y), rtol=1e-6)
    drawn = {picture.name: picture.term for picture in gallery.DIFFERENTIATION}
    values, changes = jax.jvp(lambda *xs: gallery.cos_sin_prod(*xs), (x, y), (dx, dy))
    np.testing.assert_allclose(drawn["cos-sin-prod-forward"](x, y, dx, dy), [*values, *changes], rtol=1e-5)
    back = jax.vjp(lambda *xs: gallery.cos_sin_prod(*xs), x, y)[1]((dx, dy))
    np.testing.assert_allclose(drawn["cos-sin-prod-reverse"](x, y, dx, dy), back, rtol=1e-5)
    np.testing.assert_allclose(drawn["mag-sqr-reverse"](x, y, dx), [2 * x * dx, 2 * y * dx], rtol=1e-5)
