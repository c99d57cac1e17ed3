"""The gallery's terms: each of them runs, attention is what it is in other libraries, and equations hold."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from helpers import close, normal, randomise, sample

import diagrams
from lenses import Real, Space, Typed, block, compile, copy, learner, momentum, scale, sgd, squared, subtract
from lenses.typed import Circuit, Combinator

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
gallery = importlib.import_module("gallery")
models = importlib.import_module("gallery.architectures")
theory = importlib.import_module("gallery.theory")
commands = importlib.import_module("gallery.__main__")

BY_NAME: dict[str, Any] = {picture.name: picture for picture in gallery.PICTURES}


@functools.cache
def run(term: Typed, seed: int = 0) -> tuple[Any, Any, Any]:
    """The outputs of a term at random inputs and parameters, the inputs, and the parameters."""
    net = compile(term)
    params = randomise(jax.eval_shape(net.init, jax.random.key(0)), seed)
    params = jax.tree.map_with_path(tamed, params)
    xs = sample(net.dom, seed)
    ys = net(params, *xs, state=net.init_state())[0] if net.stateful else net(params, *xs)
    return ys if isinstance(ys, tuple) else (ys,), xs, params


def tamed(path: Any, p: Any) -> Any:
    """A weight small enough that nothing saturates."""
    return p / np.sqrt(p.size / p.shape[-1]) if path[-1].key == "weight" else p


def blocks(circuit: Circuit, path: tuple[str, ...] = ()) -> set[str]:
    """The paths of all parts of a typed graph."""
    found: set[str] = set()
    for cell in circuit.cells:
        if isinstance(cell.box, Combinator) and cell.inner is not None:
            here = (*path, cell.name or cell.box.label)
            found |= {"/".join(here)} | blocks(cell.inner, here)
    return found


@pytest.mark.parametrize("name", BY_NAME)
def test_every_term_runs(name):
    for term in BY_NAME[name].terms:
        ys, _, _ = run(term)
        assert len(ys) == len(term.cod)
        for y, array in zip(ys, term.cod, strict=True):
            assert y.shape == array.sizes and y.dtype == array.dtype and jnp.isfinite(y).all()


def test_pictures_are_well_formed():
    assert len(BY_NAME) == len(gallery.PICTURES)
    for picture in gallery.PICTURES:
        other = picture.schema is not None or picture.causal is not None
        assert len(picture.terms) == (0 if other else 1 if picture.term is not None else 2)
        assert picture.name == picture.name.lower() and " " not in picture.name
        assert picture.title and picture.caption.strip() == picture.caption != ""
        assert (picture.style == "neural") == (picture in gallery.ARCHITECTURES)
        assert (picture.style == "circuit") == (picture in gallery.CIRCUITS)
        for term in picture.terms:
            assert isinstance(term, Typed)
            assert len(picture.inputs) in (0, len(term.dom))
            assert isinstance(picture.fold, int | None) or {*np.atleast_1d(picture.fold)} <= blocks(term.circuit)


@pytest.mark.parametrize("name", BY_NAME)
def test_pictures_are_those_of_their_terms(name):
    """Read back they are the terms, and the files in the folder are what is drawn now."""
    picture = BY_NAME[name]
    for term in picture.terms if picture.style in ("neural", "string", "circuit") else ():
        scene = diagrams.draw(term, style=picture.style, fold=picture.fold, wrap=picture.wrap, **picture.how)
        assert diagrams.read(scene) == term.term
    if picture.causal is not None:
        assert diagrams.read(commands.scene(picture)).at(*[Space([a]) for a in picture.causal.dom]) == picture.causal
    kept = Path(str(gallery.__file__)).parent / "pictures" / f"{name}.svg"
    assert commands.scene(picture).svg() == kept.read_text(encoding="utf-8"), "run python -m examples.gallery"


# -- architectures ---------------------------------------------------------------------------


def test_indexes_are_those_of_numpy():
    ys, (x,), _ = run(BY_NAME["indexes"].term)
    x = np.asarray(x)
    for y, theirs in zip(ys, (x[2, 1], x[2], x[:, 0]), strict=True):
        np.testing.assert_array_equal(y, theirs)
    glyphs = diagrams.draw(BY_NAME["indexes"].term).glyphs
    assert sorted(g.text for g in glyphs if g.kind == "entry") == ["0", "1", "2", "2"]


def test_inner_broadcasting_by_hand():
    (ours,), (x, y), params = run(BY_NAME["inner-broadcasting"].term)
    (own,) = [v for v in jax.tree.leaves(params, is_leaf=lambda v: "weight" in v)]
    close(ours, np.stack([np.concatenate([row, y]) @ own["weight"] + own["bias"] for row in np.asarray(x)]))


def test_attention_is_that_of_jax():
    (y,), (q, k, v), _ = run(BY_NAME["attention"].term)
    close(y, jax.nn.softmax(q @ k.T / np.sqrt(8)) @ v)
    close(y, jax.nn.dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0])


def flax_params(weights: dict[str, Any]) -> dict[str, Any]:
    """Our weights in the names and axes of flax, which has heads in front of their width."""
    to_query, to_key, to_value, join = (weights[name]["linear_0"]["weight"] for name in "QKVO")
    cards = {"query": to_query, "key": to_key, "value": to_value}
    swapped = {name: {"kernel": jnp.swapaxes(w, 1, 2)} for name, w in cards.items()}
    return {"params": swapped | {"out": {"kernel": jnp.swapaxes(join, 0, 1)}}}


@pytest.mark.parametrize("causal", [False, True])
def test_multi_head_attention_is_that_of_flax(causal):
    name = "masked-attention" if causal else "multi-head-attention"
    (ours,), xs, params = run(BY_NAME[name].term)
    y, x = (xs[0], xs[0]) if causal else xs
    theirs = linen.MultiHeadDotProductAttention(models.HEADS, use_bias=False, qkv_features=models.M)
    mask = jnp.tri(len(y))[None] if causal else None
    close(ours, theirs.apply(flax_params(params["multi-head attention"]), y, x, x, mask=mask), 1e-4, 1e-5)


def test_cross_attention_by_hand():
    (ours,), (y, x), params = run(BY_NAME["cross-attention"].term)
    to_query, to_key, to_value, join = (params[name]["linear_0"]["weight"] for name in "QKVO")
    weights = jax.nn.softmax((y @ to_query) @ (x @ to_key).T / np.sqrt(models.D))
    close(ours, weights @ (x @ to_value) @ join)


def test_encoder_block_by_hand():
    (ours,), (x,), params = run(BY_NAME["encoder-block"].term)
    own = params["encoder block"]
    norm = lambda v, p: linen.LayerNorm().apply({"params": {"scale": p["scale"], "bias": p["offset"]}}, v)  # noqa: E731
    theirs = linen.MultiHeadDotProductAttention(models.HEADS, use_bias=False, qkv_features=models.M)
    x = norm(x + theirs.apply(flax_params(own["multi-head attention"]), x, x, x), own["layer_norm_0"])
    one, two = own["feed-forward"]["dense_0"], own["feed-forward"]["dense_1"]
    inner = jax.nn.relu(x @ one["weight"] + one["bias"]) @ two["weight"] + two["bias"]
    close(ours, norm(x + inner, own["layer_norm_1"]), 1e-4, 1e-4)


def test_transformer_predicts_from_earlier_words_alone():
    term = BY_NAME["transformer"].term
    net = compile(term)
    params, (target, source) = net.init(jax.random.key(0)), sample(net.dom)
    out = net(params, target, source)
    later = net(params, target.at[3].set((target[3] + 1) % models.WORDS), source)
    close(out[:3], later[:3])
    assert (abs(out[3:] - later[3:]).max(-1) > 1e-4).all()
    other = net(params, target, source.at[4].set((source[4] + 1) % models.WORDS))
    assert (abs(out - other).max(-1) > 1e-6).all()
    close(out.sum(-1), jnp.ones(6))


def test_shapes_of_networks_on_images():
    shapes = {name: picture.term.cod for name, picture in BY_NAME.items() if picture.term is not None}
    assert shapes["convolution"] == shapes["convolution-dilated"] == Real(8, 8, 4)
    assert shapes["convolution-strided"] == Real(4, 4, 4) and shapes["convolution-transposed"] == Real(16, 16, 4)
    assert shapes["max-pooling"] == shapes["mean-pooling"] == Real(4, 4, 3)
    assert shapes["unet"] == Real(8, 8, 2) and shapes["visual-attention"] == Real(4, 4, 3)
    assert shapes["identity-resnet"] == Real(2, 10) and shapes["vision-transformer"] == Real(10)


def test_visual_attention_by_hand():
    (ours,), (y, x), params = run(BY_NAME["visual-attention"].term)
    to_query, to_key, to_value, join = (params[f"conv_{i}"]["weight"][0, 0] for i in range(4))
    weights = jax.nn.softmax(jnp.einsum("abi,ic,hwj,jc->abhw", y, to_query, x, to_key).reshape(16, 16) / np.sqrt(8))
    close(ours, (weights @ (x @ to_value).reshape(16, -1) @ join).reshape(4, 4, 3), 1e-4, 1e-5)


# -- theory ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, picture in BY_NAME.items() if picture.left is not None])
def test_both_sides_of_an_equation_are_equal(name):
    left, right = BY_NAME[name].left, BY_NAME[name].right
    assert left.dom == right.dom and left.cod == right.cod and left.term.arity == right.term.arity
    for seed in range(3):
        (one, _, _), (two, _, _) = run(left, seed), run(right, seed)
        close(one, two, 1e-5, 1e-6)


def test_all_axioms_are_there():
    found = [n.removeprefix("rd-") for n in BY_NAME if n.startswith("rd-")]
    assert found == ["1a", "1b", "2a", "2b", "3a", "3b", "3c", "4a", "4b", "5", "6", "7"]


def test_a_wrong_equation_is_noticed():
    left, right = BY_NAME["rd-5"].left, BY_NAME["rd-5"].right
    wrong = (block("wrong", right.term) >> scale(1.001)).at(right.dom)
    with pytest.raises(AssertionError):
        close(run(left)[0], run(wrong)[0], 1e-5, 1e-6)


def test_optimisers_are_those_of_the_library():
    found = {"gradient-descent": sgd(theory.RATE), "momentum": momentum(theory.RATE, theory.MOMENTUM)}
    for name, optimiser in found.items():
        (get, *put), xs, _ = run(BY_NAME[name].term)
        *velocity, p, change = xs
        state, new = optimiser.put({"velocity": velocity[0]} if velocity else {}, p, change)
        close(get, p)
        close(put, [*state.values(), new])


def test_written_out_steps_are_those_of_learner_and_dreamer():
    (ours,), (p, x, t), _ = run(BY_NAME["training-step"].term)
    fit = learner(theory.first, Real(2), loss=squared, optimiser=sgd(theory.RATE))
    tree = jax.tree.map(lambda _: jnp.array(p), theory.start)
    close(ours, jax.tree.leaves(fit.step(fit.start(tree), x[None], t[None])[0].params)[0])

    (ours,), (p, x, t), _ = run(BY_NAME["dreaming-step"].term)
    dreamer = type(theory.dreamer)(
        theory.dreamer.model, tree, {}, squared, sgd(theory.RATE), theory.dreamer.rate, theory.dreamer.rule
    )
    close(ours, dreamer.step(dreamer.init(start=x), t)[0].input)


def test_paths_of_schemas_by_hand():
    (ours,), (p, q, a), _ = run(BY_NAME["cyclegan-path"].term)
    close(ours, np.tanh(np.tanh(np.tanh(a @ p) @ q) @ p))
    (ours,), (a,), params = run(BY_NAME["cyclegan-consistency"].term)
    p, q = params["f"]["weight"], params["g"]["weight"]
    assert sorted(params) == ["f", "g"]
    close(ours, np.abs(np.tanh(np.tanh(a @ p) @ q) - a).sum())
    (losses,), (a, b), params = run(BY_NAME["cyclegan-losses"].term)
    p, q = params["f"]["weight"], params["g"]["weight"]
    there, back = np.tanh(a @ p), np.tanh(b @ q)
    critic = {name: params[f"critic of {name}"]["dense_0"] for name in "AB"}
    judged = {
        name: [x @ critic[name]["weight"] + critic[name]["bias"] for x in pair]
        for name, pair in (("A", (back, a)), ("B", (there, b)))
    }
    told = {n: -(jax.nn.softplus(fake) + jax.nn.softplus(-real)).sum() for n, (fake, real) in judged.items()}
    fooled = {n: jax.nn.softplus(-fake).sum() for n, (fake, _) in judged.items()}
    round_trips = np.abs(np.tanh(there @ q) - a).sum(), np.abs(np.tanh(back @ p) - b).sum()
    close(losses, np.stack([told["B"], fooled["B"], told["A"], fooled["A"], *round_trips]))


def test_learner_learns():
    fit = theory.fit
    x, y = normal(1, 32, 2), normal(2, 32, 2)
    state, losses = fit.init(jax.random.key(0)), []
    for _ in range(20):
        state, loss = fit.step(state, x, y)
        losses.append(float(loss))
    assert losses[-1] < losses[0]


def test_critic_is_one():
    term = BY_NAME["generative-adversarial"].term
    assert sorted(compile(term).init(jax.random.key(0))) == ["critic", "generator"]
    same = (copy >> theory.critic @ theory.critic >> subtract).at(Real(3))
    close(run(same)[0][0], jnp.zeros(1))


def test_reverse_of_a_layer_is_that_of_jax():
    ys, (*params, x, d), _ = run(BY_NAME["reverse-layer"].term)
    weight, bias = sorted(params, key=jnp.ndim, reverse=True)
    _, pull = jax.vjp(lambda w, b, x: jnp.tanh(x @ w + b), weight, bias, x)
    close(sorted(ys, key=jnp.size), sorted(pull(d), key=jnp.size))


# -- games -----------------------------------------------------------------------------------


def test_the_game_that_is_drawn_moves_both_players_at_once():
    """Its put, against `jax.grad` of the value: the critic climbs, the generator descends."""
    of = importlib.import_module("gallery.games")
    q, x, p, z = (normal(k, *a.sizes) for k, a in enumerate(BY_NAME["adversarial-closed"].term.dom))

    def value(q, p):
        return (q * x).sum() - (q * jnp.tanh(z @ p)).sum()

    dq, dp = jax.grad(value, (0, 1))(q, p)
    outs, pull = compile(BY_NAME["adversarial-closed"].term).vjp({}, q, x, p, z)
    assert outs == ()
    _, (q_new, _, p_new, _) = pull()
    close(q_new, q + of.RATE * dq, 1e-5, 1e-6)
    close(p_new, p - of.RATE * dp, 1e-5, 1e-6)
