"""Files: what is saved comes back, whole or not at all; every bit is under the checksum; nothing is executed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import safetensors.numpy
from helpers import refused, same, terms
from hypothesis import given
from hypothesis import strategies as st

import lenses
from lenses import (
    FileError,
    LensError,
    Port,
    Real,
    Term,
    adam,
    batch_norm,
    block,
    constant,
    conv,
    coupling,
    dense,
    dropout,
    expose,
    identity,
    learner,
    lift,
    load_term,
    momentum,
    multiply,
    over,
    para,
    relu,
    rmsprop,
    save_term,
    scan,
    sgd,
    softmax_cross_entropy,
    tied,
)
from lenses.files import read_file, write_file
from lenses.syntax import to_data


def round_trip(term, path):
    save_term(term, path)
    back = load_term(path)
    assert back == term and hash(back) == hash(term) and repr(back) == repr(term)


@pytest.mark.parametrize(
    "term",
    [
        relu,
        identity(0),
        (dense(3) >> relu).at(Real(a=4, b=2)),
        block("é 1", dense(3)) >> tied("w", dense(3)) >> dense(3) ** 3,
        over("t", relu) @ scan(dense(2) @ dense(2) >> lenses.add >> lenses.copy, "t"),
        coupling(relu, dense(3)) >> identity(2).at(Real(3), Real(3)),
        expose((dense(3) >> relu).at(Real(2))),
        para(multiply, [Port("w.v", "param", Real(a=3)[0], "ones")]),
        constant([1.5, -0.0, float("inf"), float("nan")]) @ constant([1, 2], lenses.Index(2, below=9)),
        conv(3, 2, stride=2, groups=1) >> dropout(0.25) >> batch_norm() >> lenses.max_pool(),
        dense(head=2, d=3, axes=2) >> lenses.einsum("head d -> d head") >> lenses.rearrange("(a b) c -> a b c", a=3),
        lift(jnp.sort, name="tests.sort"),
    ],
    ids=lambda t: repr(t)[:40],
)
def test_terms_come_back(term, tmp_path):
    save_term(term, tmp_path / "term.safetensors")
    back = load_term(tmp_path / "term.safetensors")
    assert repr(back) == repr(term)
    if "nan" not in repr(term):
        round_trip(term, tmp_path / "again.safetensors")


@given(terms())
def test_random_terms_come_back(tmp_path_factory, drawn):
    round_trip(drawn[0], tmp_path_factory.getbasetemp() / "random.safetensors")


def fit_of(model=None, space=None, optimiser=None, **options):
    return learner(
        model or dense(4) >> relu >> dense(3),
        space or Real(5),
        loss=softmax_cross_entropy,
        optimiser=optimiser or adam(1e-2),
        **options,
    )


@pytest.mark.parametrize(
    "fit",
    [
        fit_of(),
        fit_of(optimiser=sgd(0.1)),
        fit_of(optimiser=lenses.optax(optax.chain(optax.clip(1.0), optax.adam(1e-3)))),
        fit_of(dense(4) >> batch_norm() >> dropout(0.5) >> dense(3)),
        fit_of((dense(5) >> relu) ** 3 >> tied("w", dense(3)), rate=lambda t: 0.5),
        fit_of(space=Real(5, dtype="bfloat16")),
        fit_of(space=Real(5, dtype="float16"), optimiser=sgd(0.1)),
        fit_of(relu >> dense(3), optimiser=momentum(0.1)),
    ],
    ids=["adam", "sgd", "optax", "states and keys", "repeat and tied", "bfloat16", "float16", "momentum"],
)
def test_states_come_back_and_go_on_alike(fit, tmp_path):
    path = tmp_path / "state.safetensors"
    state = fit.init(jax.random.key(3))
    x, y = np.random.default_rng(0).normal(size=(8, 5)).astype("float32"), np.arange(8) % 3
    state, _ = fit.step(state, x, y)
    fit.save(state, path)
    back = fit.load(path)
    assert jax.tree.structure(back) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(back), strict=True):
        assert a.dtype == b.dtype
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert np.array_equal(np.asarray(a), np.asarray(b))
    one, two = fit.step(state, x, y), fit.step(back, x, y)
    assert float(one[1]) == float(two[1])
    same(one[0].params, two[0].params)
    assert load_term(path) == fit.model


def test_states_of_another_key_implementation(tmp_path):
    fit = fit_of(dense(4) >> dropout(0.5) >> dense(3))
    state = fit.init(jax.random.key(0))
    state.key = jax.random.key(1, impl="rbg")
    fit.save(state, tmp_path / "rbg")
    try:
        assert jax.random.key_impl(fit.load(tmp_path / "rbg").key) == jax.random.key_impl(state.key)
    except FileError as error:
        assert "key" in str(error)


# -- damage ----------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.safetensors"
    write_file(path, {"a": np.arange(3, dtype="float32"), "b": np.array([1], "uint8")}, relu >> dense(2))
    return path


def test_every_flipped_bit_is_detected(small):
    raw = small.read_bytes()
    assert len(raw) < 1000
    for i in range(len(raw)):
        for bit in range(8):
            broken = bytearray(raw)
            broken[i] ^= 1 << bit
            small.write_bytes(broken)
            with pytest.raises(FileError) as caught:
                read_file(small)
            assert str(small) in str(caught.value)


def test_every_truncation_is_detected(small):
    raw = small.read_bytes()
    for length in range(len(raw)):
        small.write_bytes(raw[:length])
        with pytest.raises(FileError) as caught:
            read_file(small)
        assert str(small) in str(caught.value)
    for more in (b"\0", b"\0" * 1000, raw):
        small.write_bytes(raw + more)
        refused(FileError, lambda: read_file(small), "changed|damaged|truncated")


def test_swapped_blocks_are_detected(small):
    raw = small.read_bytes()
    small.write_bytes(raw[:-8] + raw[-4:] + raw[-8:-4])
    refused(FileError, lambda: read_file(small), "has changed since it was written", "use a copy")


def test_foreign_files(tmp_path):
    path = tmp_path / "foreign"
    safetensors.numpy.save_file({"a": np.ones(3, "float32")}, path)
    refused(FileError, lambda: load_term(path), "not written by this library", "lenses 1")
    safetensors.numpy.save_file({"a": np.ones(3, "float32")}, path, metadata={"format": "pt"})
    refused(FileError, lambda: fit_of().load(path), "not written by this library", "pt")
    for raw in (
        b"",
        b"PK\x03\x04" + b"\0" * 100,
        b"\x80\x04\x95" + b"x" * 50,
        os.urandom(500),
        b"\xff" * 64,
        b"{}" * 40,
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (2**63).to_bytes(8, "little") + b"{}" * 10,
        (9000).to_bytes(8, "little") + b"[" * 9000,
        (5000).to_bytes(8, "little") + b"9" * 5000,
        (30).to_bytes(8, "little") + b'{"__metadata__": "not a dict"}',
        (61).to_bytes(8, "little") + b'{"__metadata__":{"format":"lenses 1","sha256":{"a":["b",1]}}}',
    ):
        path.write_bytes(raw)
        refused(FileError, lambda: load_term(path), "foreign")
    refused(FileError, lambda: load_term(tmp_path / "nothing"), "cannot read", "No such file")
    refused(FileError, lambda: load_term(tmp_path), "cannot read")


def test_another_models_file(tmp_path):
    path = tmp_path / "state"
    fit = fit_of()
    fit.save(fit.init(jax.random.key(0)), path)
    refused(
        FileError,
        lambda: fit_of(dense(5) >> relu >> dense(3)).load(path),
        "another model",
        "dense\\(5\\)",
        "dense\\(4\\)",
    )
    refused(FileError, lambda: fit_of(space=Real(6)).load(path), "another model", "Real\\(6\\)", "Real\\(5\\)")
    refused(FileError, lambda: fit_of(dense(4) >> lenses.tanh >> dense(3)).load(path), "another model")


@pytest.mark.parametrize(
    ("saved", "loading"),
    [(adam(0.1), sgd(0.1)), (sgd(0.1), adam(0.1)), (momentum(0.1), adam(0.1)), (rmsprop(0.1), momentum(0.1))],
)
def test_another_optimisers_file(saved, loading, tmp_path):
    fit = fit_of(optimiser=saved)
    fit.save(fit.init(jax.random.key(0)), tmp_path / "state")
    refused(
        FileError, lambda: fit_of(optimiser=loading).load(tmp_path / "state"), "does not fit this learner", "optimiser"
    )


def test_a_term_is_no_state_and_nothing_is_no_term(tmp_path):
    fit = fit_of()
    save_term(fit.model, tmp_path / "term")
    refused(FileError, lambda: fit.load(tmp_path / "term"), "does not fit this learner", "nothing")
    write_file(tmp_path / "arrays", {"a": np.ones(2)}, None)
    refused(FileError, lambda: load_term(tmp_path / "arrays"), "holds no term")


# -- nothing is executed ---------------------------------------------------------------------


def forged(path, term_json, arrays=None):
    """A file with a valid checksum and any text in place of the term."""
    blank = "0" * 64
    metadata = {"format": "lenses 1", "sha256": blank, "term": term_json}
    raw = bytearray(safetensors.numpy.save(arrays or {"empty": np.zeros(0, "uint8")}, metadata))
    at = bytes(raw).find(blank.encode())
    raw[at : at + 64] = hashlib.sha256(raw).hexdigest().encode()
    path.write_bytes(raw)
    return path


def one_box(name, fields):
    return json.dumps({"language": 1, "terms": [["box", name, fields]], "root": 0})


def test_a_forged_file_of_a_good_term_loads(tmp_path):
    assert load_term(forged(tmp_path / "f", json.dumps(to_data(relu >> dense(2))))) == relu >> dense(2)


events: list[str] = []
watching: list[bool] = []
FORBIDDEN = {
    "exec",
    "compile",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "pickle.find_class",
    "marshal.loads",
}


@pytest.fixture(scope="module", autouse=True)
def audit():
    """Python's own record of what is executed; a hook cannot be taken away, so it looks at `watching`."""
    sys.addaudithook(lambda event, args: events.append(event) if watching and event in FORBIDDEN else None)


@pytest.mark.parametrize(
    "text",
    [
        one_box("os.system", {"command": "touch pwned"}),
        one_box("subprocess.Popen", {"args": "true"}),
        one_box("Lifted", {"function": ["Function", "os.system"], "inputs": 1, "outputs": 1}),
        one_box("Lifted", {"function": "os.system", "inputs": 1, "outputs": 1}),
        one_box("Pointwise", {"function": "os.system"}),
        one_box("Pointwise", {"function": "__import__('os').system('true')"}),
        one_box("Identity", {"wires": "__import__('os')"}),
        one_box("Block", {"name": "a", "term": "relu"}),
        one_box("MyOwnBox", {}),
        json.dumps({"language": 1, "terms": [["os.system", "true"]], "root": 0}),
        json.dumps({"language": 99, "terms": [], "root": 0}),
        "relu >> tanh",
        "__import__('os').system('touch pwned')",
        "[" * 100_000,
        "9" * 10_000,
        '{"language": 1, "terms": [' + "[" * 5000 + "]" * 5000 + '], "root": 0}',
        "",
    ],
    ids=lambda t: t[:40],
)
def test_nothing_is_imported_or_executed(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forged(tmp_path / "f", text)
    save_term(relu, tmp_path / "first")
    load_term(tmp_path / "first")  # loads the modules that reading needs
    modules = set(sys.modules)
    events.clear()
    watching.append(True)
    try:
        message = refused(FileError, lambda: load_term(tmp_path / "f"))
    finally:
        watching.clear()
    assert not events
    assert not (tmp_path / "pwned").exists()
    assert not {m for m in set(sys.modules) - modules if not m.startswith(("json", "lenses", "encodings"))}
    assert str(tmp_path / "f") in message


def test_an_unknown_class_is_named(tmp_path):
    forged(tmp_path / "f", one_box("MyOwnBox", {}))
    refused(FileError, lambda: load_term(tmp_path / "f"), "'MyOwnBox'", "not defined here", "nothing is imported")


def test_a_lift_must_have_a_name_and_be_there(tmp_path):
    refused(LensError, lambda: save_term(relu >> lift(lambda x: x), tmp_path / "f"), "name", "lift")
    assert not list(tmp_path.iterdir())
    forged(tmp_path / "f", one_box("Lifted", {"function": ["Function", "tests.not_there"], "inputs": 1, "outputs": 1}))
    refused(FileError, lambda: load_term(tmp_path / "f"), "tests.not_there", "before loading")


# -- a kill at any moment --------------------------------------------------------------------


class Killed(BaseException):
    """What a signal raises."""


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), KeyboardInterrupt(), Killed(), MemoryError()],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("moment", ["fsync", "replace", "fdopen", "chmod"])
def test_the_old_file_stays_whole(moment, error, tmp_path, monkeypatch):
    path = tmp_path / "term.safetensors"
    save_term(relu, path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, moment, fail)
        with pytest.raises((FileError, type(error))) as caught:
            save_term(relu >> dense(3), path)
        if isinstance(error, OSError):
            assert (
                isinstance(caught.value, FileError)
                and "cannot write" in str(caught.value)
                and "No space left" in str(caught.value)
            )
    assert path.read_bytes() == before and load_term(path) == relu
    assert [p.name for p in tmp_path.iterdir()] == ["term.safetensors"], "a temporary file is left"
    save_term(relu >> dense(3), path)
    assert load_term(path) == relu >> dense(3)


def test_the_file_is_synced_before_it_is_renamed(tmp_path, monkeypatch):
    events = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (events.append(name), real(*a))[1])
    save_term(relu, tmp_path / "t")
    assert events[:2] == ["fsync", "replace"]


def test_places_that_cannot_be_written(tmp_path):
    refused(
        FileError,
        lambda: save_term(relu, tmp_path / "no" / "folder"),
        "cannot write",
        "folder",
        "check that the folder exists",
    )
    (tmp_path / "folder").mkdir()
    refused(FileError, lambda: save_term(relu, tmp_path / "folder"), "cannot write")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_the_mode_is_that_of_an_ordinary_file(tmp_path):
    save_term(relu, tmp_path / "t")
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_other_tools_read_the_arrays(tmp_path):
    fit = fit_of()
    state = fit.init(jax.random.key(0))
    fit.save(state, tmp_path / "s.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "s.safetensors")
    found = [v for k, v in arrays.items() if "params" in k and k.endswith("dense_0/weight")]
    assert len(found) == 1 and np.array_equal(found[0], state.params["dense_0"]["weight"])


def test_saving_is_reproducible(tmp_path):
    for name in ("a", "b"):
        save_term(relu >> dense(3), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw)
    with pytest.raises(FileError):
        load_term(path)


def test_kinds(tmp_path):
    save_term(dense(3), str(tmp_path / "text path"))
    assert isinstance(load_term(str(tmp_path / "text path")), Term)
