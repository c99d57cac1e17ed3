"""The compiled path against the reference meaning: a fixed corpus, and under slow terms that change from day to day."""

from __future__ import annotations

import datetime
import random

import pytest

from lenses import laws
from lenses.laws.instances import Instance

LAW = laws.find("parametrised lens/compilation")


def verdict(seed: int, dtype: str) -> laws.Verdict:
    term = laws.random_term(random.Random(seed), laws.standard(dtype), steps=7)
    return Instance(LAW, {"f": term}, {}, seed).verdict(laws.lens())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(6))
def test_the_corpus_compiles_to_what_it_means(seed, dtype, x64):
    assert verdict(seed, dtype).outcome in ("holds", "nothing")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_terms_of_the_day_compile_to_what_they_mean(dtype, x64):
    day = datetime.date.today().toordinal()
    said = {seed: verdict(seed, dtype) for seed in range(1000 * day, 1000 * day + 40)}
    assert not {seed: v for seed, v in said.items() if v.failed}
    assert sum(v.outcome == "holds" for v in said.values()) > 20
