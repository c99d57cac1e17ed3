"""Bad input, as people give it: every message names what is wrong, where, what was expected, what came, what to do."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import refused

import lenses
from lenses import (
    ArityError,
    DataError,
    FileError,
    Index,
    LensError,
    ParameterError,
    Real,
    SpaceError,
    adam,
    block,
    compile,
    conv,
    dense,
    embedding,
    learner,
    log_softmax,
    relu,
    softmax,
    softmax_cross_entropy,
    squared,
    tanh,
)
from lenses.errors import explain

X = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
Y = np.arange(12) % 3
MLP = dense(8) >> relu >> dense(3)


@pytest.fixture(scope="module")
def fit():
    return learner(MLP, Real(5), loss=softmax_cross_entropy, optimiser=adam(1e-2))


@pytest.fixture(scope="module")
def state(fit):
    return fit.init(jax.random.key(0))


def lines(message):
    """The labelled lines of a message as a dict."""
    found = {}
    for line in message.splitlines()[1:]:
        label, colon, text = line.strip().partition(":")
        if colon and " " not in label.strip():
            found[label] = text.strip()
    return found


def test_explain_aligns_its_facts():
    text = explain("something is wrong", box="relu", first_line="a\nb", nothing=None, do="this")
    assert text.splitlines() == [
        "something is wrong",
        "  box:        relu",
        "  first line: a",
        "              b",
        "  do:         this",
    ]


def test_every_kind_is_a_lens_error():
    for kind in (ArityError, SpaceError, ParameterError, DataError, FileError):
        assert issubclass(kind, LensError)
    assert issubclass(ArityError, TypeError) and issubclass(SpaceError, ValueError) and issubclass(FileError, OSError)


# -- wrong arity or shapes when composing ----------------------------------------------------


def test_wires_that_do_not_match():
    message = refused(ArityError, lambda: (dense(8) @ dense(16)) >> dense(3), "2 wires into 1")
    found = lines(message)
    assert "dense(8) @ dense(16)" in found["left"] and "2 wires" in found["left"]
    assert "dense(3)" in found["right"] and "1 wire" in found["right"]
    assert "add" in found["do"] and "discard" in found["do"]


def test_shapes_that_do_not_match_at_the_composition():
    message = refused(SpaceError, lambda: dense(8).at(Real(64)) >> tanh.at(Real(9)))
    assert "dense(8)" in message and "tanh" in message and "Real(8)" in message and "Real(9)" in message
    typed_arity = refused(ArityError, lambda: dense(8).at(Real(64)) >> lenses.add.at(Real(8), Real(8)))
    assert "Real(8)" in typed_arity and "Real(8) @ Real(8)" in typed_arity
    refused(SpaceError, lambda: dense(8).at(Real(64)) >> conv(4), "conv\\(4, \\(3, 3\\)\\)", "Real\\(8\\)")


def test_a_shape_that_does_not_fit_when_typing():
    message = refused(SpaceError, lambda: conv(8, (3, 3)).at(Real(64)))
    found = lines(message)
    assert found["box"] == "conv(8, (3, 3))" and found["wire"] == "input 0" and found["came"] == "Real(64)"
    assert "at least 3 axes" in found["expected"] and "Real(28, 28, 1)" in found["do"] and "^^^^" in message


def test_an_axis_that_does_not_exist():
    message = refused(SpaceError, lambda: (dense(8) >> softmax("key")).at(Real(query=3, d=5)))
    found = lines(message)
    assert found["box"] == "softmax('key')" and "'key'" in found["expected"] and "query" in found["do"]


def test_a_misfit_inside_a_block_says_where():
    message = refused(SpaceError, lambda: (dense(8) >> block("head", relu >> block("deep", conv(3)))).at(Real(5)))
    assert "conv(3, (3, 3))" in message and "block('head'" in message and "block('deep'" in message


# -- arrays that do not fit ------------------------------------------------------------------


def test_arrays_of_the_wrong_shape(fit, state):
    message = refused(
        DataError, lambda: fit.predict(state, X[:, :3]), "input 0 has the shape \\(12, 3\\)", "Real\\(5\\)"
    )
    assert "dense(8)" in message
    refused(DataError, lambda: fit.step(fit.init(jax.random.key(0)), X[:, :3], Y), "input 0", "\\(12, 3\\)")
    net = compile(MLP, Real(5))
    refused(DataError, lambda: net(state.params, X, X), "2 inputs for 1 wires")
    refused(DataError, lambda: net.vjp(state.params, X)[1](X), "change 0", "\\(12, 5\\)", "Real\\(3\\)")
    refused(DataError, lambda: net(state.params, X > 0), "bool", "Real\\(5\\)")
    refused(
        DataError,
        lambda: compile(embedding(3), Index(below=5))({"embedding_0": {"table": jnp.ones((5, 3))}}, np.array([0.5])),
        "float",
        "whole numbers",
        "Index\\(below=5\\)",
    )


@pytest.mark.parametrize(
    "x",
    [np.array([["a"] * 5] * 12), X.astype(object), [[None] * 5] * 12, np.zeros((12, 5), "datetime64[s]")],
    ids=["text", "objects", "nothing", "dates"],
)
def test_arrays_of_no_numbers(fit, state, x):
    refused(DataError, lambda: fit.run(state, (x, Y), epochs=1, batch=4, progress=False), "input 0", "numbers|dtype")
    refused(DataError, lambda: fit.predict(state, x), "input 0", "numbers|dtype")


# -- labels ----------------------------------------------------------------------------------


def run(fit, state, x, y, **options):
    return fit.run(state, (x, y), **{"epochs": 1, "batch": 4, "progress": False, **options})


def test_labels_out_of_range(fit, state):
    for wrong, shown in ((Y + 1, "3"), (Y - 1, "-1"), (Y * 100, "200")):
        message = refused(DataError, lambda wrong=wrong: run(fit, state, X, wrong), "out of range", shown, "0 to 2")
        assert "count classes from 0" in message
    refused(DataError, lambda: fit.evaluate(state, (X, Y + 1)), "out of range")
    refused(DataError, lambda: run(fit, state, X, Y, evaluate=(X, Y + 1)), "out of range")


def test_labels_of_the_wrong_type(fit, state):
    refused(DataError, lambda: run(fit, state, X, Y.astype("float32")), "label", "\\(12,\\)", "whole numbers|Index")
    refused(DataError, lambda: run(fit, state, X, np.array(["cat"] * 12)), "label", "numbers|dtype")
    refused(DataError, lambda: run(fit, state, X, np.eye(4)[Y]), "label", "\\(12, 4\\)", "Real\\(3\\)")
    refused(DataError, lambda: run(fit, state, X, Y[:, None]), "label", "\\((12|4), 1\\)")
    refused(DataError, lambda: run(fit, state, X, None), "label")
    regression = learner(dense(2), Real(5), loss=squared, optimiser=adam(0.1))
    refused(DataError, lambda: run(regression, regression.init(jax.random.key(0)), X, Y), "label 0", "Real\\(2\\)")


def test_labels_of_a_step(fit):
    refused(
        DataError,
        lambda: fit.step(fit.init(jax.random.key(0)), X, Y[:6]),
        "different batch axes",
        "\\(12,\\)",
        "\\(6,\\)",
    )


# -- data sets -------------------------------------------------------------------------------


def test_empty_data(fit, state):
    refused(DataError, lambda: run(fit, state, X[:0], Y[:0]), "the data set is empty", "\\(0, 5\\)")
    refused(DataError, lambda: run(fit, state, [], []), "the data set is empty")
    refused(DataError, lambda: run(fit, state, X, Y, evaluate=(X[:0], Y[:0])), "the data set is empty")
    refused(DataError, lambda: fit.evaluate(state, (X[:0], Y[:0])), "the data set is empty")


def test_a_batch_larger_than_the_data(fit, state):
    refused(
        DataError,
        lambda: run(fit, state, X, Y, batch=13),
        "a batch of 13 is larger than the data",
        "12",
        "batch=12 or less",
    )
    for batch in (0, -1, 2.5, "4", True):
        refused(DataError, lambda batch=batch: run(fit, state, X, Y, batch=batch), "batch=", "1 or more")
    for epochs in (0, -1, 2.5, "4", True):
        refused(DataError, lambda epochs=epochs: run(fit, state, X, Y, epochs=epochs), "epochs=", "1 or more")


def test_data_that_is_no_pair(fit, state):
    refused(DataError, lambda: fit.run(state, X, epochs=1), "no pair", "\\(x, y\\)")
    refused(DataError, lambda: run(fit, state, X, Y[:5]), "differ in number", "\\(12, 5\\)", "\\(5,\\)")


# -- NaN -------------------------------------------------------------------------------------


def test_nan_in_the_data(fit, state):
    broken = X.copy()
    broken[7, 2] = np.nan
    message = refused(DataError, lambda: run(fit, state, broken, Y), "NaN in the data: input 0", "\\(7, 2\\)")
    assert "nan_to_num" in message
    refused(DataError, lambda: run(fit, state, X, Y, evaluate=(broken, Y)), "NaN in the data")
    regression = learner(dense(5), Real(5), loss=squared, optimiser=adam(0.1))
    refused(
        DataError,
        lambda: run(regression, regression.init(jax.random.key(0)), X, broken),
        "NaN in the labels",
        "\\(7, 2\\)",
    )


# -- the parameters of another model ---------------------------------------------------------


def test_parameters_of_another_model(state):
    other = compile(dense(8) >> relu >> dense(4), Real(5))
    message = refused(
        ParameterError,
        lambda: other(state.params, X),
        "dense_1.(weight|bias)",
        "\\(8, 3\\)|\\(3,\\)",
        "Real\\(8, 4\\)|Real\\(4\\)",
    )
    assert "dense(8) >> relu >> dense(4)" in message and "init" in message
    deeper = compile(MLP >> log_softmax() >> dense(2), Real(5))
    refused(ParameterError, lambda: deeper.vjp(state.params, X), "dense_2", "nothing")
    smaller = compile(dense(8), Real(5))
    refused(ParameterError, lambda: smaller(state.params, X), "dense_1", "expected: +nothing")
    net = compile(MLP, Real(5))
    for wrong in (None, {}, [], 3, {"dense_0": None}, {"dense_0": [1, 2]}, list(state.params.values())):
        refused(ParameterError, lambda wrong=wrong: net(wrong, X), "parameters are not those of this model")


def test_a_state_of_another_learner(fit):
    other = learner(dense(4) >> dense(3), Real(5), loss=softmax_cross_entropy, optimiser=adam(1e-2))
    refused(ParameterError, lambda: fit.step(other.init(jax.random.key(0)), X, Y), "not those of this model")
    plain = learner(MLP, Real(5), loss=softmax_cross_entropy, optimiser=lenses.sgd(0.1))
    refused(LensError, lambda: fit.step(plain.init(jax.random.key(0)), X, Y), "optimiser")


def test_parameters_of_another_type(state):
    """A tree of the right shapes but another element type would be promoted in silence."""
    net = compile(MLP, Real(5))
    wrong = jax.tree.map(lambda v: v.astype("int32"), state.params)
    refused(ParameterError, lambda: net(wrong, X), "dense_0.(weight|bias)", "int32")
