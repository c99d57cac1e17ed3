"""The harness itself: what it counts, how it times, what it prints."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import pytest

from .__main__ import GROUPS, main
from .hlo import difference, histogram, optimised
from .measure import Figure, Timing, interleave, table


def test_histogram_counts_operations_and_no_attributes():
    """A gather names itself in its attributes, and a reduction the operation that it applies."""
    found = histogram(jax.jit(lambda x, i: (x[i], jnp.sum(x))).lower(jnp.ones(8), jnp.zeros(3, jnp.int32)))
    assert found["stablehlo.gather"] == 1
    assert found["stablehlo.reduce"] == 1
    assert found["stablehlo.add"] == 2  # one mends negative indices, one is the body of the reduction


def test_histogram_counts_a_function_each_time_it_is_called():
    inner = jax.jit(lambda x: jnp.sin(jnp.cos(x)))
    found = histogram(jax.jit(lambda x: inner(inner(inner(x)))).lower(1.0))
    assert found["stablehlo.sine"] == found["stablehlo.cosine"] == 3


def test_optimised_programs_are_counted_too():
    found = optimised(jax.jit(lambda x: (jnp.sin(x).sum(), jnp.sort(x))).lower(jnp.ones(64)).compile())
    assert found["sine"] == found["sort"] == 1


def test_difference_tells_both_counts():
    ours = histogram(jax.jit(lambda x: jnp.sin(jnp.sin(x))).lower(1.0))
    theirs = histogram(jax.jit(lambda x: jnp.cos(jnp.sin(x))).lower(1.0))
    assert difference(ours, theirs) == {"stablehlo.sine": (2, 1), "stablehlo.cosine": (0, 1)}
    assert difference(ours, ours) == {}


def test_interleaving_finds_the_slower_program():
    timing = interleave({"slow": lambda: time.sleep(4e-3), "fast": lambda: time.sleep(1e-3)}, 7)
    assert len(timing.rounds["slow"]) == 7
    assert timing.beyond("slow", "fast", 1.5)
    assert not timing.beyond("fast", "slow", 1.0)


def test_noise_is_the_ratio_of_a_program_to_itself():
    timing = Timing({"a": [1.0, 1.0, 1.0], "b": [0.5, 0.5, 0.5]})
    assert timing.noise("a", "b") == timing.noise("b", "a") == 2.0


def test_noise_alone_is_not_beyond_it():
    timing = Timing({"ours": [1.0, 5.0, 5.0, 5.0, 5.0, 5.0], "other": [1.0] * 6})
    assert timing.ratio("ours", "other") == 5.0
    assert not timing.beyond("ours", "other", 1.1)


def test_a_missed_figure_is_shown():
    text = table("some", [Figure("a", 2e-3, {"b": 1e-3}, "s", 2.0, "at most 1", False, ["why"])])
    assert "MISSED" in text and "2 ms" in text and "b 1 ms" in text and "    why" in text


def test_an_unknown_group_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["speed"])
    message = capsys.readouterr().err
    assert "no group 'speed'" in message and all(name in message for name in GROUPS)
