"""Configuration of the tests: hypothesis without surprises, with longer searches under ``-m slow``."""

from __future__ import annotations

import gc
import os
import sys
from importlib.metadata import version
from pathlib import Path

import hypothesis
import jax
import pytest

sys.path.insert(0, str(Path(__file__).parent))

hypothesis.settings.register_profile(
    "default",
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.register_profile(
    "long", parent=hypothesis.settings.get_profile("default"), max_examples=2000, derandomize=False
)
hypothesis.settings.load_profile("default")


DONE = pytest.StashKey[int]()
gc.set_threshold(100_000, 50, 100)


LIGHT = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
"""Flags under which XLA compiles a small program in a third of the time. It stops at flags that it does not know."""


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("-m") == "slow":
        hypothesis.settings.load_profile("long")
    elif version("jaxlib").startswith("0.10."):
        os.environ["XLA_FLAGS"] = f"{LIGHT} {os.environ.get('XLA_FLAGS', '')}"
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(autouse=True)
def quick_compilation(request: pytest.FixtureRequest):
    """Leaves most optimisations of XLA out, but for the tests whose programs run for longer than they compile."""
    jax.config.update("jax_disable_most_optimizations", request.node.get_closest_marker("optimised") is None)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(autouse=True)
def room(request: pytest.FixtureRequest):
    """Forgets compiled programs now and then, and looks for garbage seldom: both get slow where thousands pile up."""
    yield
    request.session.stash[DONE] = done = request.session.stash.get(DONE, 0) + 1
    if done % 150 == 0:
        jax.clear_caches()
        gc.collect()


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield
