"""Gates against truth tables written out, in JAX: alone, on arrays and in batches; text, files, errors and laws."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from helpers import refused

import lenses
from lenses import Bits, LensError, Real, SpaceError, Typed, compile, laws
from lenses import circuits as c
from lenses.boxes.structure import Add
from lenses.circuits.gates import Gate, Negation
from lenses.circuits.tables import Lookup
from lenses.syntax import from_data, to_data

TABLES = {
    "xor": lambda x, y: x ^ y,
    "conj": lambda x, y: x & y,
    "disj": lambda x, y: x | y,
    "nand": lambda x, y: 1 - (x & y),
    "nor": lambda x, y: 1 - (x | y),
    "xnor": lambda x, y: 1 - (x ^ y),
    "neg": lambda x: 1 - x,
    "mux": lambda s, x, y: x if s else y,
}
NAMESPACE = {name: getattr(lenses, name) for name in dir(lenses)} | {name: getattr(c, name) for name in c.__all__}


@pytest.mark.parametrize("name", TABLES)
def test_meaning(name):
    """Every row at once as a batch, and as arrays."""
    gate, table = getattr(c, name), TABLES[name]
    rows = np.array(list(itertools.product((0, 1), repeat=gate.arity[0])), "int32")
    expected = [table(*map(int, row)) for row in rows]
    assert compile(gate, lenses.Space(Bits()[0] for _ in rows[0]))({}, *rows.T).tolist() == expected
    wide = compile(gate, lenses.Space(Bits(2, len(rows) // 2)[0] for _ in rows[0]))(
        {}, *rows.T.reshape(-1, 2, len(rows) // 2)
    )
    assert wide.ravel().tolist() == expected and wide.dtype == "int32"


@pytest.mark.parametrize("inputs", [1, 3])
def test_a_lookup_reads_its_row_the_first_bit_counting_most(inputs):
    net = compile(c.lookup(inputs), Bits(4, inputs))
    table = np.random.default_rng(inputs).integers(0, 2, 2**inputs).astype("int32")
    x = np.random.default_rng(0).integers(0, 2, (5, 4, inputs)).astype("int32")
    rows = sum(x[..., i] << (inputs - 1 - i) for i in range(inputs))
    np.testing.assert_array_equal(net({"lookup_0": {"table": table}}, x), table[rows])
    assert net.params["lookup_0"]["table"].array.sizes == (2**inputs,)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_a_lookup_is_its_polynomial(lead):
    """The fused box and the term of multiplexers, and the derivatives of both."""
    dom = Bits(*lead, 2)
    term, box = c.lookup(2).at(dom), Lookup(2)
    spelled = Typed(box.polynomial(dom), Bits(4) @ dom)
    rng = np.random.default_rng(0)
    table, x, d = (rng.integers(0, 2, sizes).astype("int32") for sizes in ((4,), (*lead, 2), lead))
    y, pullback = compile(term).vjp({"lookup_0": {"table": table}}, x)
    other, back = compile(spelled).vjp({}, table, x)
    np.testing.assert_array_equal(y, other)
    dparams, dx = pullback(d)
    for ours, theirs in zip((dparams["lookup_0"]["table"], dx), back(d)[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_bits_are_constants():
    assert compile(c.bit(1))({}).item() == 1 and compile(c.bit(0))({}).item() == 0
    refused(LensError, lambda: c.bit(2), "0 or 1")


@pytest.mark.parametrize(
    "term", [getattr(c, n) for n in TABLES] + [c.lookup(3), c.gate(4), c.gate(13), c.bit(1)], ids=repr
)
def test_text_and_data_read_back(term):
    assert eval(repr(term), dict(NAMESPACE)) == term
    assert from_data(json.loads(json.dumps(to_data(term)))) == term


def test_gates_by_number_are_the_named_ones():
    assert [c.gate(7), c.gate(1), c.gate(9), c.gate(14)] == [c.nand, c.nor, c.xnor, c.disj]
    assert isinstance(c.xor, Add) and isinstance(c.neg, Negation) and isinstance(c.gate(6), Gate)
    refused(LensError, lambda: c.gate(16), "gate", "from 0 to 15")
    refused(LensError, lambda: c.lookup(0), "lookup", "1 or more|from 1 to 20")


def test_other_spaces_are_refused():
    refused(SpaceError, lambda: c.neg.at(Real(2)), "neg", "bits", "input 0")
    refused(SpaceError, lambda: c.nand.at(Bits(), Bits(2)), "nand", "input 1", "as on wire 0")
    refused(SpaceError, lambda: c.lookup(2).at(Bits(3)), "2 bits along the last axis", r"Bits\(3\)")
    refused(SpaceError, lambda: c.lookup(2).at(Bits()), "2 bits along the last axis")


@pytest.mark.parametrize(
    "term", [c.neg.at(Bits()), c.nor.at(Bits(), Bits()), c.mux.at(Bits(), Bits(), Bits()), c.lookup(1).at(Bits(1))]
)
def test_laws_of_gates_are_proved(term):
    names = ["cartesian", "reverse derivative", "put of a composite", "functor", "batching"]
    report = laws.check(term, law=names, examples=1, progress=False)
    assert report.passed, report
    inexact = {"batching"}
    assert all(f.outcome in ("proved", "skipped") for f in report if f.law.name not in inexact), report
    assert all(report[f"RD.{i}"].outcome == "proved" for i in range(1, 8))
