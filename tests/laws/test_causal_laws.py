"""The laws of causal maps: as expected of what is here, and not of what is a little wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import refused

from lenses import (
    Bits,
    Causal,
    Index,
    Real,
    SpaceError,
    add,
    batch_norm,
    compose,
    constant,
    copy,
    delay,
    dense,
    discard,
    elman,
    embedding,
    gru,
    identity,
    laws,
    lstm,
    scan,
    swap,
    tanh,
    tensor,
    zero,
)
from lenses.causal import as_causal, exposed, maps, sequences, tangent, trace
from lenses.circuits import neg, xor
from lenses.laws import Same
from lenses.laws.law import STRUCTURES
from lenses.laws.sequences import memory, plain
from lenses.laws.structures import delayed_trace, differential, through_time
from lenses.rules import truncated as truncated_to
from lenses.spaces import Space
from lenses.terms import Identity

V, BIT = Real(2), Bits()
NAMES = ("causal map", "delayed trace", "derivative of a causal map")
SUBJECTS = {
    "elman": elman(2).at(V),
    "lstm": lstm(2).at(Real(3)),
    "gru": gru(2).at(V),
    "delay": delay(V).at(V),
    "parity": trace(xor >> copy, BIT).at(BIT),
    "words": (embedding(2) >> elman(2)).at(Index(below=3)),
    "indices": delay(constant(1, Index(below=3))).at(Index(below=3)),
    "first": Causal(identity(0), swap, [constant([9.0, 1.0]) @ identity >> swap]).at(V),
    "stateless": as_causal(dense(2) >> tanh).at(V),
    "clock": trace(copy >> neg @ identity, BIT).at(),
    "sink": as_causal(discard).at(V),
    "learned start": Causal(zero(V) >> dense(2), add >> tanh >> copy).at(V),
}
OTHER_WAYS = {"real-time recurrent learning", "windows"}
REAL = {"elman", "lstm", "gru", "delay", "stateless", "learned start"}


def outcomes(subject: Causal, *names: str) -> dict[str, str]:
    """What came of the laws of a subject, by their paths."""
    report = laws.check(subject, law=list(names) or None, progress=False)
    return {f.law.path: f.verdict for f in report.findings}


SLOW = {"gru", "lstm", "indices"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in SUBJECTS])
def test_laws_come_out_as_expected(name):
    report = laws.check(SUBJECTS[name], progress=False)
    assert report.passed, report
    found = {f.law.path: f.outcome for f in report.findings}
    assert set(found) == {law.path for n in NAMES for law in STRUCTURES[n]}
    skipped = {path.split("/")[1] for path, outcome in found.items() if outcome == "skipped"}
    if name in REAL:
        assert skipped == (set() if name not in ("delay", "stateless") else OTHER_WAYS)
    if name == "parity":
        assert skipped == OTHER_WAYS | {"backpropagation through time"}
        assert sum(o == "proved" for o in found.values()) > 20  # over bits nothing is sampled but the scan


def test_every_law_of_sequences_has_its_item_and_those_known_to_fail_are_there():
    every = [law for n in NAMES for law in STRUCTURES[n]]
    assert {law.item for law in every} == {33, 34, 35}
    assert {law.name for law in every if not law.holds} == {"yanking", "undelayed sliding"}


def test_what_has_no_laws_says_why():
    report = laws.check(Causal(identity(0), batch_norm()).at(Real(2)), progress=False)
    assert all(f.outcome == "skipped" and "states or random keys" in f.because for f in report.findings)
    refused(SpaceError, lambda: laws.check(elman(2), progress=False), "the laws of a causal map needs the type")
    assert laws.check(elman(2), V, law="identity", progress=False).passed


# -- seeded mistakes -------------------------------------------------------------------------

_composite, _beside, _trace, _unroll, _along, _tangent = (
    maps._composite, maps._beside, trace, sequences.unroll, sequences.along, tangent,
)  # fmt: skip


def late(f: Causal, g: Causal) -> Causal:
    """A composite whose second map gets what the first gave a step before."""
    if f.dom is None or not f.width_at(0) or not g.width_at(0):
        return _composite(f, g)
    return _composite(_composite(f, delay(zero(f.cod))), g)


def forgetful(f: Causal, g: Causal) -> Causal:
    """A composite whose second state is never handed on."""
    made = _composite(f, g)
    if made.first or not g.width_at(0) or not f.width_at(0):
        return made
    keep = Identity(f.width_at(0))
    again = compose(made.step, tensor(keep, *[discard] * g.width_at(0), Identity(g.arity[1])))
    back = compose(again, tensor(keep, g.initial, Identity(g.arity[1])))
    return Causal(made.initial, back, dom=made.dom)


def crossed(f: Causal, g: Causal) -> Causal:
    """A tensor with outputs exchanged where that can be typed."""
    made = _beside(f, g)
    if f.arity[1] != 1 or g.arity[1] != 1 or made.first:
        return made
    return Causal(made.initial, made.step >> Identity(made.width_at(0)) @ swap, dom=made.dom)


def amnesic(f: Causal, steps: int, name: str = "step") -> Any:
    """Unrolled with the initial state at every step."""
    start, end = tensor(f.initial, Identity(f.arity[0])), tensor(*[discard] * f.width_at(1), Identity(f.arity[1]))
    once = compose(start, f.step, end)
    return tensor(*[once] * steps) if not f.first else _unroll(f, steps)


def backwards(f: Causal, axis: Any = 0, steps: Any = None) -> Any:
    """Along an axis from its end."""
    if f.first or not f.width_at(0):
        return _along(f, axis, steps)
    start = tensor(f.initial, Identity(f.arity[0]))
    run = scan(f.step, axis, f.width_at(0), reversed=True)
    return compose(start, run, tensor(*[discard] * f.width_at(0), Identity(f.arity[1])))


def from_zero(body: Any, initial: Any) -> Causal:
    """A trace that starts at zero whatever it is told."""
    made = _trace(body, initial)
    inner = as_causal(body)
    width = made.width_at(0) - inner.width_at(0)
    space = made.spaces[0][0].arrays[:width]
    if any(a.change is None for a in space):
        return made
    return Causal(tensor(zero(Space(space)), inner.initial), made.step, made.first, made.dom)


def unstill(f: Causal) -> Causal:
    """A derivative whose state starts at (i, i)."""
    d = _tangent(f)
    state = f.spaces[0][0]
    if state.change != state:
        return d
    return Causal(tensor(f.initial, f.initial), d.step, d.first, d.dom)


def truncated(f: Causal) -> Causal:
    """A derivative that forgets the change of the state at each step."""
    d = _tangent(f)
    if d.first:
        return d
    new = f.spaces[-1][0]
    lost = tensor(Identity(len(new)), *[discard] * len(new.change), Identity(d.arity[1]))
    back = tensor(Identity(len(new)), zero(new.change), Identity(d.arity[1]))
    return Causal(d.initial, compose(d.step, lost, back), dom=d.dom)


STARTED = trace(add >> tanh >> copy, constant([1.0, 2.0])).at(V)
MISTAKES = [
    ("late", "elman", [(maps, "_composite", late)], "causal map/unroll of a composite"),
    ("forgetful", "elman", [(maps, "_composite", forgetful)], "causal map/unroll of a composite"),
    ("crossed", "elman", [(maps, "_beside", crossed)], "causal map/unroll of a tensor"),
    ("amnesic", "elman", [(sequences, "unroll", amnesic)], "causal map/scan"),
    ("backwards", "gru", [(sequences, "along", backwards)], "causal map/scan"),
    ("from zero", "elman", [(delayed_trace, "trace", from_zero)], "delayed trace/delayed sliding"),
    ("from zero", "parity", [(delayed_trace, "trace", from_zero)], "delayed trace/trace of swap"),
    ("unstill", "delay", [(differential, "tangent", unstill)], "derivative of a causal map/start"),
    ("unstill", "started", [(differential, "tangent", unstill)], "derivative of a causal map/unroll"),
    ("truncated", "elman", [(differential, "tangent", truncated)], "derivative of a causal map/unroll"),
    ("truncated", "gru", [(differential, "tangent", truncated)], "derivative of a causal map/trace"),
]


@pytest.mark.parametrize(("name", "subject", "patches", "law"), MISTAKES, ids=[f"{m[0]}-{m[1]}" for m in MISTAKES])
def test_mistakes_are_seen(name, subject, patches, law, monkeypatch):
    for module, attribute, wrong in patches:
        monkeypatch.setattr(module, attribute, wrong)
    made = {"delay": delay(constant([1.0, 2.0])).at(V)} | {"started": STARTED}
    made = made.get(subject) or SUBJECTS[subject]
    report = laws.check(Causal(made.initial, made.step, made.first, made.dom), law=law, progress=False)
    (found,) = report.findings
    assert found.outcome == "fails" and found.expected and not report.passed, report


def test_backpropagation_that_forgets_is_seen(monkeypatch):
    """A scan whose messages do not go from step to step is no derivative of the sequence."""
    from lenses.combinators.loops import Scan

    real = Scan.backward

    def forgets(self, cx, p, kept, ds):
        changes, dxs = real(self, cx, p, kept, ds)
        return changes, [*dxs[: self.carry], *(d * np.float64(0.5) for d in dxs[self.carry :])]

    monkeypatch.setattr(Scan, "backward", forgets)
    report = laws.check(elman(2).at(V), law="backpropagation through time", progress=False)
    assert not report.passed


@pytest.mark.parametrize("law", sorted(OTHER_WAYS))
def test_another_gradient_is_seen(law, monkeypatch):
    for name in ("real_time", "truncated"):
        monkeypatch.setattr(through_time, name, lambda *_: truncated_to(1))
    report = laws.check(elman(2).at(V), law=law, progress=False)
    assert not report.passed


def test_equality_is_of_sequences_and_not_of_states(x64):
    unseen = as_causal(copy) >> identity @ (memory(V) >> discard)
    assert Same(unseen.at(V), as_causal(identity).at(V)).verdict().outcome == "proved"
    assert Same(plain(elman(2).at(V)), exposed(delay(V).at(V))).verdict().failed  # type: ignore[arg-type]
    assert Same(delay(V).at(V), as_causal(identity).at(V)).verdict().failed
    # They differ in their first steps alone, and after three of them.
    late = Causal(zero(BIT), swap, [identity(2)] * 3).at(BIT)
    assert Same(late, as_causal(identity).at(BIT)).verdict().failed
    later = Causal(zero(V), swap, [identity(2)] * 3).at(V)
    assert Same(later, as_causal(identity).at(V)).verdict().failed
