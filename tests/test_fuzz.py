"""Ill-typed constructions by the thousand: each is refused by an error that names the box and the wire."""

from __future__ import annotations

import random
import re
from collections import Counter

import fuzz
import fuzz_surroundings as around
import pytest

from lenses import ArityError, LensError, dense, relu


def fault_of(wrong: fuzz.Wrong) -> str | None:
    """What is amiss with how the library takes an ill-typed construction; None if it refuses it as it should."""
    try:
        made = wrong.make()
    except LensError as error:
        message = str(error)
        if wrong.box[:37] not in message:
            return f"the message does not name {wrong.box!r}:\n{message}"
        if not re.search(wrong.where, message):
            return f"the message does not match {wrong.where!r}:\n{message}"
        seen: BaseException | None = error
        while seen is not None:
            if not isinstance(seen, LensError):
                return f"the traceback shows {type(seen).__name__}"
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
        return None
    except Exception as error:
        return f"{type(error).__name__} escapes: {error}"
    return f"it is accepted: {type(made).__name__}"


def refuses(wrong: fuzz.Wrong) -> None:
    fault = fault_of(wrong)
    assert fault is None, f"{wrong.text}\n{fault}"


def test_every_kind_is_refused():
    rng = random.Random(0)
    assert len(fuzz.KINDS) >= 40
    for make in fuzz.KINDS.values():
        for _ in range(8):
            refuses(make(rng))


def test_thousands_of_ill_typed_constructions_are_refused():
    for wrong in fuzz.constructions(1, 3000):
        refuses(wrong)


def test_one_seed_gives_one_sequence():
    texts = [[wrong.text for wrong in fuzz.constructions(2, 200)] for _ in range(2)]
    assert texts[0] == texts[1]


def test_surroundings_are_well_typed():
    """What a fault is buried in is no fault itself: the same around a box that fits is accepted."""
    rng = random.Random(3)
    needs_a_fit = (around.repeated, around.stepped, around.coupled)
    fitting = [f for f in around.SURROUNDINGS if f not in needs_a_fit]
    for _ in range(300):
        term, a = around.chain_to(rng, around.array(rng), rng.randrange(4))
        row = [a]
        for _ in range(rng.randrange(5)):
            term, row = rng.choice(fitting)(rng, term, row)
        assert len(term.at(*around.spaces(row)).dom) == len(row)


@pytest.mark.parametrize("operator", [lambda a, b: a >> b, lambda a, b: a @ b], ids=[">>", "@"])
def test_operators_raise_one_error_that_is_a_type_error_too(operator):
    for value in (3, None, "relu", [relu], lambda x: x):
        for pair in ((dense(3), value), (value, dense(3))):
            with pytest.raises(ArityError, match="is no term") as caught:
                operator(*pair)
            assert isinstance(caught.value, TypeError) and "dense(3)" in str(caught.value)


@pytest.mark.slow
def test_a_hundred_thousand_ill_typed_constructions_are_refused():
    kinds: Counter[str] = Counter()
    for wrong in fuzz.constructions(4, 100_000):
        refuses(wrong)
        kinds[wrong.kind] += 1
    print(f"\n{kinds.total()} ill-typed constructions of {len(kinds)} kinds refused")
    for kind, count in sorted(kinds.items()):
        print(f"{count:7} {kind}")
    assert kinds.total() == 100_000 and kinds.keys() == fuzz.KINDS.keys()
