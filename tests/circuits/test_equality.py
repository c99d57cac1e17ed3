"""Exact equality of circuits, held against all inputs tried one by one and against polynomials in plain Python."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import random
from typing import Any

import numpy as np
import pytest
from arithmetic import (
    Draft,
    every_output,
    multiplier,
    mutant,
    polynomial_adder,
    prefix_adder,
    random_netlist,
    ripple_adder,
    select_adder,
    shuffled_formally,
)
from helpers import refused
from polynomials import polynomials, reversed_polynomials

from lenses import Bits, DataError, LensError, SpaceError, Typed, copy, identity, rearrange, split, swap
from lenses.circuits import (
    TABLES,
    Netlist,
    bit,
    conj,
    disj,
    gate,
    lookup,
    mux,
    nand,
    neg,
    simplify,
    to_aiger,
    to_netlist,
    xor,
)
from lenses.circuits.equality import (
    Counterexample,
    Proof,
    Undecided,
    algebraic_normal_form,
    equal_formal,
    equal_function,
    exhaustive,
    function,
    normal_form,
    prove_equal,
    reverse_netlist,
    sat,
)
from lenses.circuits.equality.field import TRINOMIALS, Field
from lenses.circuits.equality.identity import differ_at, planned
from lenses.circuits.hashing import FormalHashing, Hashing

BIT = Bits()
needs_solver = pytest.mark.skipif(importlib.util.find_spec("pysat") is None, reason="python-sat is not installed")
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")


def same(f: Netlist, g: Netlist) -> bool:
    """The oracle for functions."""
    return bool((every_output(f) == every_output(g)).all())


def shuffled(netlist: Netlist, seed: int) -> Netlist:
    """The same function from other gates: operands exchanged, negations moved, gates split, inputs squared."""
    rng = random.Random(seed)
    draft = Draft(netlist.inputs)
    signal = list(range(1 + netlist.inputs))
    for x, y, table in zip(netlist.left.tolist(), netlist.right.tolist(), netlist.table.tolist(), strict=True):
        x, y = signal[x], signal[y]
        if rng.random() < 0.3:
            x = draft("and", x, x)
        if rng.random() < 0.5:
            x, y, table = y, x, sum((table >> (2 * a + b) & 1) << (2 * b + a) for a in (0, 1) for b in (0, 1))
        draft.gates.append((x, y, table ^ 15))
        signal.append(draft("not", draft.inputs + len(draft.gates)))
    return draft.netlist([signal[o] for o in netlist.outputs.tolist()])


# -- hashing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Hashing, FormalHashing])
def test_every_gate_on_every_pair_of_literals_is_what_its_table_says(kind):
    """All 16 tables on all pairs of literals of inputs, constants and gates that read the same signals."""
    for table, seed in itertools.product(range(16), range(2)):
        rng = random.Random(16 * table + seed)
        gates = kind(3)
        literals = [0, 1, *(2 * s + n for s in (1, 2, 3) for n in (0, 1))]
        for _ in range(6):
            literals.append(gates.gate(rng.randrange(16), *rng.choices(literals, k=2)) ^ rng.randrange(2))
        pairs = list(itertools.product(literals, repeat=2))
        made = [gates.gate(table, x, y) for x, y in pairs]
        values = every_output(gates.netlist([*literals, *made]))
        value = dict(zip(literals, values[: len(literals)], strict=True))
        for (x, y), got in zip(pairs, values[len(literals) :], strict=True):
            np.testing.assert_array_equal(got, table >> (2 * value[x].astype(int) + value[y]) & 1)


def test_hashing_keeps_functions_and_formal_hashing_keeps_polynomials():
    for seed in range(40):
        f = random_netlist(4, 14, 3, seed, window=8)
        for kind in (Hashing, FormalHashing):
            gates = kind(4)
            g = gates.netlist(gates.add(f))
            assert same(f, g), seed
            if kind is FormalHashing:
                assert polynomials(f) == polynomials(g), seed


# -- normal forms and fields -----------------------------------------------------------------


def test_normal_forms_are_the_polynomials():
    for seed in range(60):
        f = random_netlist(3, 10, 2, seed, window=6)
        form, values = normal_form(f), algebraic_normal_form(f)
        assert form is not None and values is not None
        expected = [{tuple(dict(m).get(i, 0) for i in range(3)) for m in p} for p in polynomials(f)]
        assert [{form.exponents(m) for m in p} for p in form.outputs] == expected
        multilinear = []
        for p in expected:
            found: set[tuple[int, ...]] = set()
            for m in p:
                found ^= {tuple(min(e, 1) for e in m)}
            multilinear.append(found)
        assert [{values.exponents(m) for m in p} for p in values.outputs] == multilinear


def test_sparse_algebraic_normal_forms_are_those_from_truth_tables(monkeypatch):
    from lenses.circuits.equality import polynomials as module

    f = random_netlist(9, 40, 4, 3)
    dense = algebraic_normal_form(f)
    monkeypatch.setattr(module, "DENSE", 0)
    assert algebraic_normal_form(f) == dense
    assert algebraic_normal_form(f, terms=1) is None and normal_form(f, terms=1) is None


def test_normal_forms_print_as_polynomials():
    assert str(normal_form(to_netlist((disj @ identity >> conj).at(BIT, BIT, BIT)))) == (
        "y0 = x0 x1 x2 + x0 x2 + x1 x2"
    )
    assert str(normal_form(to_netlist((copy >> conj >> neg).at(BIT)))) == "y0 = x0^2 + 1"
    assert str(algebraic_normal_form(to_netlist((copy >> xor).at(BIT)))) == "y0 = 0"


@pytest.mark.parametrize("k", [127, 233, pytest.param(521, marks=pytest.mark.slow)])
def test_the_fields_are_fields(k):
    """x^k + x^t + 1 with k prime is irreducible if and only if x^(2^k) = x and it has no root in Z2."""
    field, x = Field(k), Field(k).element(2)
    power = x
    for _ in range(k):
        power = field.multiply(power, power)
    assert power == x and 0 < TRINOMIALS[k] < k and len(TRINOMIALS) > 5
    rng = random.Random(0)
    a, b, c = (field.draw(rng) for _ in range(3))
    assert field.multiply(a, b ^ c) == field.multiply(a, b) ^ field.multiply(a, c)
    assert field.multiply(field.multiply(a, b), c) == field.multiply(a, field.multiply(b, c))
    assert field.element(field.coefficients(a)) == a


def test_the_product_in_a_field_is_that_of_polynomials_by_hand():
    field, rng = Field(127), random.Random(1)
    for _ in range(20):
        p, q = rng.getrandbits(127), rng.getrandbits(127)
        product = 0
        for i in range(127):
            product ^= (p << i) * (q >> i & 1)
        for i in range(252, 126, -1):
            if product >> i & 1:
                product ^= (1 << i) ^ (1 << i - 127) ^ (1 << i - 127 + TRINOMIALS[127])
        assert field.coefficients(field.multiply(field.element(p), field.element(q))) == product


# -- formal equality -------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["normal form", "identity test"])
def test_formal_equality_is_that_of_polynomials(way, monkeypatch):
    if way == "identity test":
        monkeypatch.setattr("lenses.circuits.equality.formal.normal_form", lambda *_, **__: None)
    said = set()
    for seed in range(120):
        f = random_netlist(3, 7, 1, seed, window=5)
        g = shuffled(f, seed) if seed % 3 else mutant(f, seed)
        result = equal_formal(f, g)
        assert bool(result) == (polynomials(f) == polynomials(g)), seed
        assert result.error < 2**-100 if isinstance(result, Proof) else True
        if isinstance(result, Counterexample) and result.bits is None:
            assert same(f, g) and (result.monomial is None) == (way == "identity test")
            assert result.point is not None and differ_at(f, g, result.point)
        said.add((bool(result), getattr(result, "bits", None) is None))
    assert said == {(True, True), (False, True), (False, False)}


def test_formal_equality_of_large_circuits_has_a_bound_on_its_error():
    f, g = polynomial_adder(64), shuffled_formally(polynomial_adder(64))
    result = equal_formal(f, g)
    assert result and isinstance(result, Proof) and result.notion == "formal"
    assert 0 < result.error < 2**-100 and not result.exact and "2^-" in str(result)
    # x + y and x or y on xy and c(x + y), which are never both 1: one function, two polynomials.
    for other in (ripple_adder(64), mutant(g, 5)):
        differs = equal_formal(f, other)
        assert not differs and isinstance(differs, Counterexample)
        if differs.bits is None:
            assert differs.point is not None and differ_at(f, other, differs.point)


def test_the_field_grows_with_the_degree():
    draft = Draft(1)
    signal = 1
    for _ in range(300):
        signal = draft("and", signal, signal)
    power = draft.netlist([signal])
    test, small = planned(power, power), planned(polynomial_adder(8), polynomial_adder(8))
    assert test is not None and test.field.k >= 400 and test.bits >= 100
    assert small is not None and small.field.k == 127 and small.points == 1
    other = dataclasses.replace(power, outputs=np.array([signal - 1]))
    assert not equal_formal(power, other) and equal_function(power, other)


def test_a_degree_beyond_all_fields_is_undecided():
    draft = Draft(2)
    left, right = draft("xor", 1, 2), draft("xor", draft("not", 1), draft("not", 2))
    for _ in range(9700):
        left, right = draft("and", left, left), draft("and", right, right)
    f, g = draft.netlist([left]), draft.netlist([draft("and", right, left)])
    assert equal_formal(f, draft.netlist([left]))
    refused(Undecided, lambda: equal_formal(f, g), "formal polynomials", "degrees", "equal_function")
    assert prove_equal(f, g).notion == "function"


# -- functions -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [None, "exhaustive", pytest.param("sat", marks=needs_solver)])
def test_equality_of_functions_is_that_of_all_inputs(how):
    said = set()
    for seed in range(150):
        f = random_netlist(5, 25, 3, seed, window=10)
        g = shuffled(f, seed) if seed % 3 == 0 else mutant(f, seed)
        result = equal_function(f, g, how=how)
        assert bool(result) == same(f, g), seed
        if isinstance(result, Counterexample):
            left, right = (n.evaluate(result.bits) for n in (f, g))
            assert left[result.output] == result.left != result.right == right[result.output]
        said.add(bool(result))
    assert said == {True, False}


ADDERS = [ripple_adder, polynomial_adder, select_adder, prefix_adder]


def test_the_adders_add():
    for adder in ADDERS:
        x = np.arange(1 << 8)
        total = (every_output(adder(4)) << np.arange(5)[:, None]).sum(0)
        np.testing.assert_array_equal(total, x % 16 + x // 16)


@needs_solver
@pytest.mark.parametrize("other", ADDERS[1:])
def test_adders_of_64_bits_are_proved_equal_and_every_mutant_is_refuted(other):
    f, g = ripple_adder(64), other(64)
    result = equal_function(f, g)
    assert result and result.error == 0 and sat.SOLVER in result.how
    for seed in range(12):
        changed = mutant(g, seed)
        refuted = equal_function(f, changed)
        if refuted:
            assert refuted.error == 0  # the changed row of the table does not occur
        else:
            assert f.evaluate(refuted.bits)[refuted.output] != changed.evaluate(refuted.bits)[refuted.output]
    rare = dataclasses.replace(g, outputs=[*g.outputs[:-1], g.outputs[0]])
    assert not equal_function(f, rare)


@needs_solver
def test_a_difference_at_a_single_input_of_many_is_found():
    draft, twin = Draft(100), Draft(100)
    for each, start in ((draft, 1), (twin, 1)):
        signal = start
        for i in range(2, 101):
            signal = each("and" if i % 3 else "xor", signal if i % 2 else each("not", signal), i)
    f = draft.netlist([draft.inputs + len(draft.gates)])
    secret = random.Random(3).getrandbits(100)
    at = twin.inputs + len(twin.gates)
    found = 1 if secret & 1 else twin("not", 1)
    for i in range(1, 100):
        found = twin("and", found, 1 + i if secret >> i & 1 else twin("not", 1 + i))
    g = twin.netlist([twin("xor", at, found)])
    result = equal_function(f, g)
    assert isinstance(result, Counterexample)
    assert sum(int(b) << i for i, b in enumerate(result.bits)) == secret


def test_parities_are_decided_by_their_normal_form():
    rng, draft = random.Random(0), Draft(200)
    rows = []
    for order in (list(range(1, 201)), rng.sample(range(1, 201), 200)):
        while len(order) > 1:
            order.append(draft("xor", order.pop(0), order.pop(0)))
        rows.append(order[0])
    f, g = draft.netlist(rows[:1]), draft.netlist(rows[1:])
    result = equal_function(f, g)
    assert result and "normal form" in result.how
    table = g.table.copy()
    table[-1] = TABLES["or"]
    changed = dataclasses.replace(g, table=table)
    refuted = equal_function(f, changed)
    assert not refuted and f.evaluate(refuted.bits) != changed.evaluate(refuted.bits)


def test_multipliers_of_one_polynomial_are_proved_without_a_search():
    f = multiplier(20, False)
    g = shuffled_formally(f)
    assert prove_equal(f, g).notion == "formal"
    h = multiplier(4, True)
    assert same(h, multiplier(4, False)) and equal_function(h, multiplier(4, False))


@needs_solver
def test_sweeping_merges_signals_that_are_one_function_and_no_others():
    f = function.beside(ripple_adder(16), prefix_adder(16))
    swept = sat.Sweep(f, function.Clock(60.0))
    assert swept.run() and swept.merged > 8
    assert {swept.literal[o] for o in f.outputs.tolist()} == {0}
    for seed in range(4):
        f = random_netlist(8, 120, 5, seed, window=12)
        swept = sat.Sweep(f, function.Clock(60.0))
        assert swept.run()
        g = swept.gates.netlist([swept.literal[o] for o in f.outputs.tolist()])
        assert same(f, g) and g.gates < f.gates


@needs_solver
def test_a_pair_that_needs_sweeping_is_swept(monkeypatch):
    def gives_up_early(gates, literals, stop, conflicts=None):
        return solved(gates, literals, stop) if conflicts is None else (None, False)

    solved = sat.satisfying
    monkeypatch.setattr(sat, "satisfying", gives_up_early)
    f, g = ripple_adder(24), prefix_adder(24)
    result = equal_function(f, g)
    assert result and "merging" in result.how
    turned = dataclasses.replace(g, outputs=[*g.outputs[:-2], g.outputs[-1], g.outputs[-2]])
    assert not equal_function(f, turned, how="sat")


@needs_solver
def test_a_time_out_is_an_error_and_no_result():
    f, g = multiplier(24, True), multiplier(24, False)
    for how, way in (("sat", "glucose"), (None, "24|GF|glucose")):
        late = lambda how=how: equal_function(f, g, seconds=0.3, how=how)  # noqa: E731
        refused(Undecided, late, "undecided after", way, "0.3 s", "seconds=")


def test_a_missing_solver_is_an_error_and_no_result(monkeypatch):
    monkeypatch.setattr(sat, "available", lambda: False)
    monkeypatch.setattr("importlib.import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    f, g = ripple_adder(64), prefix_adder(64)
    refused(Undecided, lambda: equal_function(f, g), "no solver", "python-sat", "pip install")
    assert equal_function(f, mutant(f, 3)) is not None
    assert equal_function(ripple_adder(10), prefix_adder(10))


@needs_numba
def test_the_compiled_loop_finds_what_the_plain_one_finds(monkeypatch):
    monkeypatch.setattr(exhaustive, "PIECE", 1)
    for seed in range(6):
        f = random_netlist(13 + seed % 2, 60, 1, seed)
        plain, compiled = (exhaustive.satisfying(f, compiled=c) for c in (False, True))
        values = every_output(f)[0]
        assert plain[1] and compiled[1]
        for number, _ in (plain, compiled):
            assert (number is None) == (not values.any()) and (number is None or values[number])
    rare = Draft(15)
    signal = 1
    for i in range(2, 16):
        signal = rare("and", signal, i)
    for compiled in (False, True):
        assert exhaustive.satisfying(rare.netlist([signal]), compiled=compiled) == ((1 << 15) - 1, True)
        assert exhaustive.satisfying(rare.netlist([0, signal, 0]), compiled=compiled) == ((1 << 15) - 1, True)
        assert exhaustive.satisfying(rare.netlist([0, 0]), compiled=compiled) == (None, True)
        assert exhaustive.satisfying(rare.netlist([]), compiled=compiled) == (None, True)


@needs_solver
def test_another_checker_agrees(tmp_path):
    pytest.importorskip("aigverse")
    from aigverse import io
    from aigverse.algorithms import equivalence_checking

    def told(netlist: Netlist, name: str) -> Any:
        path = tmp_path / f"{name}.aag"
        path.write_text(str(to_aiger(netlist)))
        return io.read_ascii_aiger_into_aig(path)

    f = ripple_adder(32)
    for at, g in enumerate([prefix_adder(32), *(mutant(select_adder(32), seed) for seed in range(6))]):
        assert bool(equal_function(f, g)) == equivalence_checking(told(f, "f"), told(g, f"g{at}"))
    for seed in range(4):
        f = random_netlist(40, 300, 8, seed)
        g = simplify(f)
        assert g.gates < f.gates and equivalence_checking(told(f, f"h{seed}"), told(g, f"i{seed}"))


# -- derivatives -----------------------------------------------------------------------------


def test_the_reverse_netlist_is_the_reverse_of_the_polynomials():
    for seed in range(40):
        f = random_netlist(3, 8, 2, seed, window=6)
        expected = reversed_polynomials(polynomials(f), 3)
        assert polynomials(reverse_netlist(f)) == expected, seed


def test_copy_and_is_the_identity_as_a_function_alone():
    squared, same = (copy >> conj).at(BIT), identity.at(BIT)
    proof = prove_equal(squared, same)
    assert proof and proof.notion == "function" and "reverse derivatives differ at inputs 0, change 1" in proof.remark
    differs = equal_formal(squared, same)
    assert not differs and differs.monomial == "x0, in the second alone"
    assert equal_function(squared, same)
    fourth = (copy >> conj >> copy >> conj).at(BIT)
    assert "agree at all bits" in prove_equal(fourth, squared).remark


# -- terms -----------------------------------------------------------------------------------


def test_terms_are_compared_with_their_parameters_as_inputs_or_fixed():
    table = lookup(2).at(Bits(2))
    proof = prove_equal(table, table)
    assert proof and proof.notion == "formal"
    refused(SpaceError, lambda: prove_equal(table, to_term(8)), "parameters", r"Bits\(4\)", "parameters=")
    value = {"lookup_0": {"table": np.array([0, 0, 0, 1])}}
    assert prove_equal(table, to_term(8), parameters=value)
    other = {"lookup_0": {"table": np.array([0, 1, 1, 1])}}
    result = prove_equal(table, table, parameters=(value, other))
    assert not result and list(result.inputs) == ["input 0"] and result.inputs["input 0"].shape == (2,)
    assert prove_equal(to_term(14), table, parameters=other)


def to_term(kind: int) -> Typed:
    """A gate on the two bits of one wire."""
    return (split(1, 1) >> gate(kind) >> rearrange("1 ->")).at(Bits(2))


def test_an_untyped_term_takes_the_type_of_the_other():
    assert prove_equal(mux, (neg @ swap >> mux).at(BIT, BIT, BIT))
    assert prove_equal(mux, neg @ swap >> mux, space=BIT @ BIT @ BIT)
    assert prove_equal(nand, (neg @ neg >> disj).at(BIT, BIT)).notion == "formal"
    assert prove_equal(to_netlist(nand.at(BIT, BIT)), (neg @ neg >> disj).at(BIT, BIT))
    refused(LensError, lambda: prove_equal(mux, mux), "space")


def test_a_counterexample_names_wires_and_prints_for_people():
    result = prove_equal((xor @ identity).at(Bits(3), Bits(3), BIT), (disj @ identity).at(Bits(3), Bits(3), BIT))
    assert isinstance(result, Counterexample) and result.output_name.startswith("0[")
    assert [v.shape for v in result.inputs.values()] == [(3,), (3,), ()]
    text = str(result)
    assert text.startswith("not equal as functions") and "input 0 = " in text and "in the first" in text
    named = Netlist(2, [1], [2], [8], [3], input_names=("a", "b"), output_names=("y",))  # type: ignore[arg-type]
    refuted = prove_equal(named, dataclasses.replace(named, table=[14]))
    assert isinstance(refuted, Counterexample)
    assert set(refuted.inputs) == {"a", "b"} and refuted.output_name == "y" and "a = " in str(refuted)


def test_two_interfaces_are_refused_by_name():
    refused(SpaceError, lambda: prove_equal(mux.at(BIT, BIT, BIT), conj.at(BIT, BIT)), r"Bits\(\) @ Bits\(\)", "mux")
    f = ripple_adder(4)
    refused(DataError, lambda: equal_function(f, ripple_adder(5)), "8 inputs, 5 outputs", "10 inputs, 6 outputs")
    g = Netlist(1, [1], [1], [3], [2], latches=[0])  # type: ignore[arg-type]
    refused(DataError, lambda: equal_formal(g, dataclasses.replace(g, latches=[1])), "start as 0", "start as 1")
    named = dataclasses.replace(f, input_names=tuple("abcdefgh"))
    turned = dataclasses.replace(f, input_names=tuple("badcefgh"))
    refused(DataError, lambda: prove_equal(named, turned), "another order", "a, b", "b, a")
    wrong: Any
    for wrong in (None, "mux", 3):
        refused(LensError, lambda wrong=wrong: prove_equal(f, wrong), "a netlist")
    for wrong in (-1, float("nan"), "soon"):
        refused(LensError, lambda wrong=wrong: prove_equal(f, f, seconds=wrong), "seconds")
    refused(LensError, lambda: equal_function(f, f, how="guess"), "exhaustive")


def test_circuits_without_inputs_gates_or_outputs():
    one, nothing = to_netlist(bit(1).at()), Netlist(2, [], [], [], [])  # type: ignore[arg-type]
    decide: Any
    for decide in (equal_formal, equal_function, prove_equal):
        assert decide(one, one) and decide(nothing, nothing)
        assert not decide(one, to_netlist(bit(0).at()))
