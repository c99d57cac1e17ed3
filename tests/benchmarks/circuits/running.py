"""Running circuits on packed words, beside an interpreter in C; their reverse derivative; a truth table written out.

Times are those of the processor, all cores together. The C is compiled where there is a compiler.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lenses import Bits, Port, compile, fusing, identity, multiply, para, reduce_sum
from lenses.circuits import Netlist, Packed, Runner, basis, full_adder, layer, multiplier, mux, popcount, xor
from lenses.circuits.running import forward, interpreter, reverse
from lenses.circuits.running.machine import plan, swept
from lenses.circuits.running.pulls import pulls

from ..measure import Figure, Options, interleave

LAYERS, WIDTH = 64, 1024


def layers(count: int, width: int, seed: int = 0) -> Netlist:
    """Random gates in layers, each on two of the layer before, none that no output needs."""
    rng = np.random.default_rng(seed)
    before = 1 + width * np.arange(count)[:, None]
    left = before + np.array([rng.permutation(width) for _ in range(count)])
    right = before + rng.integers(0, width, (count, width))
    last = 1 + width * count + np.arange(width)
    return Netlist(width, left.ravel(), right.ravel(), rng.integers(0, 16, count * width), last)


def nearby(gates: int, inputs: int, near: int, seed: int = 0) -> Netlist:
    """Random gates on the last `near` signals, in no layers."""
    rng = np.random.default_rng(seed)
    first = 1 + inputs + np.arange(gates)
    left, right = (first - 1 - rng.integers(0, np.minimum(first - 1, near)) for _ in range(2))
    return Netlist(inputs, left, right, rng.integers(0, 16, gates), first[-near:])


def measure(options: Options) -> list[Figure]:
    """Forward, compiled, forward and reverse, terms that are compiled, and the step of a truth table written out."""
    return [
        *_forward(options), *_compiled(options), *_rows(), *_reverse(options), *_terms(options), *_tables(options),
    ]  # fmt: skip


@cache
def _library() -> Any:
    """The interpreter in C, or None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    source = Path(__file__).with_name("interpreter.c")
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "interpreter.so"
        subprocess.run([compiler, "-O3", "-march=native", "-shared", "-fPIC", source, "-o", built], check=True)
        library = ctypes.CDLL(str(built))
    library.run.argtypes = [*[ctypes.c_long] * 3, *[ctypes.c_void_p] * 5, *[ctypes.c_long] * 2, *[ctypes.c_void_p] * 2]
    library.run.restype = None
    return library


def in_c(netlist: Netlist, words: np.ndarray) -> Callable[[], np.ndarray]:
    """A run of a circuit in layers by the interpreter in C; the rows of a layer are used again two layers on."""
    level = np.concatenate([np.zeros(1 + WIDTH, int), 1 + np.arange(netlist.gates) // WIDTH])
    row = 1 + level % 2 * WIDTH + (np.arange(len(level)) - 1) % WIDTH
    row[0] = 0
    wiring = [row[v].astype(np.int32) for v in (netlist.left, netlist.right, np.arange(1 + WIDTH, len(level)))]
    arrays = [*wiring, np.array(netlist.table), row[netlist.outputs].astype(np.int32)]
    given = words.view(np.uint64)
    out = np.zeros((len(netlist.outputs), given.shape[1]), np.uint64)
    sizes = (WIDTH, netlist.gates, len(netlist.outputs))

    def go() -> np.ndarray:
        pointers = [a.ctypes.data for a in arrays]
        _library().run(*sizes, *pointers, 1 + 2 * WIDTH, given.shape[1], given.ctypes.data, out.ctypes.data)
        return out.view(np.uint32)

    return go


def _forward(options: Options) -> list[Figure]:
    netlist, found, rates = layers(LAYERS, WIDTH), [], {}
    engines = ("jax", "numba") if interpreter.installed() else ("jax",)
    runners = {engine: Runner(netlist, engine=engine) for engine in engines}
    for samples, rounds in ((2**16, options.times(25, 7)), (2**20, options.times(5, 2))):
        words = np.random.default_rng(1).integers(0, 2**32, (WIDTH, samples // 32), dtype=np.uint32)
        programs: dict[str, Callable[[], Any]] = {e: partial(r.words, words) for e, r in runners.items()}
        if _library() is not None:
            programs["C"] = in_c(netlist, words)
            for engine in engines:
                np.testing.assert_array_equal(programs[engine](), programs["C"]())
        timing = interleave(programs, rounds, clock=time.process_time)
        work = netlist.gates * samples
        for engine, least in zip(engines, (0.35, 0.6), strict=False):
            rates |= {(name, samples): work / timing.median(name) / 1e9 for name in programs}
            beside = {"C": rates["C", samples]} if "C" in programs else {}
            ratio = timing.ratio("C", engine) if beside else None
            found.append(Figure(
                f"{LAYERS} x {WIDTH} gates, 2^{samples.bit_length() - 1} samples, {engine}", rates[engine, samples],
                beside, "G gates a second", ratio, f"at least {least} of C", None if ratio is None else ratio >= least,
                [] if beside else ["no C compiler: nothing to compare with"],
            ))  # fmt: skip
    for engine in engines:
        large, small = (rates[engine, n] / rates.get(("C", n), 1.0) for n in (2**20, 2**16))
        title = f"rate at 2^20 samples over that at 2^16, {engine}"
        notes = ["each as a share of that of C"] * (_library() is not None)
        found.append(Figure(title, large / small, {}, "", None, "at least 0.8", large / small >= 0.8, notes))
    return found


def _compiled(options: Options) -> list[Figure]:
    """Compiling, once for a shape; scheduling, for each circuit; programs compiled for a second circuit of a shape."""
    found = []
    for gates in (2**16, 2**20):
        netlist = layers(gates // WIDTH, WIDTH)
        started = time.process_time()
        made = plan(netlist)
        planned = time.process_time()
        words, tries = np.zeros((WIDTH, 2048), np.uint32), []
        for _ in range(options.times(5, 2)):
            jax.clear_caches()
            begun = time.process_time()
            swept.lower(made.program, words, made.size, np.int32(16)).compile()
            tries.append(time.process_time() - begun)
        notes = [f"and {planned - started:.2f} s to schedule the gates of each circuit"]
        found.append(Figure(f"compiled, {gates:_} gates", min(tries), {}, "s", None, "0.5 s", min(tries) <= 0.5, notes))
    many, words = [], np.zeros((WIDTH, 64), np.uint32)
    for seed in range(3):
        many.append(compilations(lambda seed=seed: Runner(layers(8, WIDTH, seed), engine="jax").words(words)))
    title = "programs compiled for another circuit of the shape"
    return [*found, Figure(title, many[-1], {"for the first": many[0]}, "", None, "0", many[0] >= 1 and not many[-1])]


def compilations(program: Callable[[], Any]) -> int:
    """How many programs XLA compiles during a call."""
    seen = []

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        seen.extend([event] * event.endswith("backend_compile_duration"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        program()
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return len(seen)


def _rows() -> list[Figure]:
    """How many rows of words a circuit takes, of both banks; without using them again it would be one a signal."""
    found = []
    for title, netlist, most in (
        (f"{LAYERS} x {WIDTH} gates", layers(LAYERS, WIDTH), 2.2 * WIDTH),
        ("30 000 gates in no layers", nearby(30_000, 24, 500), 3000),
    ):
        made = plan(netlist)
        rows, nodes = 2 * made.taken, made.levels.nodes - made.levels.first
        beside = {"gates": netlist.gates, "gates and copies": nodes}
        notes = [f"{nodes / (len(made.chunks.level) * made.chunks.width):.2f} of the places in chunks are taken"]
        if interpreter.installed():
            beside["rows, numba"] = interpreter.Interpreter(netlist).rows
        found.append(Figure(f"rows for {title}", rows, beside, "", None, f"at most {most:.0f}", rows <= most, notes))
    return found


def _reverse(options: Options) -> list[Figure]:
    """Forward and reverse beside forward, in words; the steps of the schedule, which are free of noise."""
    netlist, rng = layers(LAYERS, WIDTH), np.random.default_rng(1)
    words, changes = (jnp.asarray(rng.integers(0, 2**32, (WIDTH, 2048), dtype=np.uint32)) for _ in range(2))
    ahead = jax.jit(partial(forward, netlist))
    both = jax.jit(lambda w, c: (forward(netlist, w), reverse(netlist, w, c).inputs))
    programs = {
        "forward": lambda: ahead(words).block_until_ready(),
        "both": lambda: jax.block_until_ready(both(words, changes)),
    }
    timing = interleave(programs, options.times(25, 7), clock=time.process_time)
    ratio = timing.ratio("both", "forward")
    schedule, _ = pulls(netlist)
    steps, width = int(np.max(schedule.starts)), schedule.change.shape[1]
    notes = [f"{np.count_nonzero(schedule.code):_} changes are sent, in {steps * width:_} places of steps"]
    reached = not timing.beyond("both", "forward", 5)
    return [Figure(f"{LAYERS} x {WIDTH} gates, forward and reverse", timing.median("both"),
                   {"forward": timing.median("forward")}, "s", ratio, "at most 5", reached, notes)]  # fmt: skip


TERMS = {
    "three layers of 500": (layer(500) >> layer(500, seed=1) >> layer(500, seed=2)).at(Bits(100)),
    "a multiplier of 8 bits": multiplier(8).at(Bits(8), Bits(8)),
    "a count of 64 bits": popcount(64).at(Bits(64)),
    "an adder of bits": full_adder.at(Bits(), Bits(), Bits()),
    "a gate on 100 bits": (mux @ identity >> xor).at(*[Bits(100)] * 4),
}
"""Terms that are packed when they are compiled, and terms for which that would not pay."""


def _terms(options: Options) -> list[Figure]:
    """Terms that are compiled, forward and back on 2^14 samples, beside the same terms box by box."""
    found = []
    for name, term in TERMS.items():
        made = compile(term)
        with unfused():
            plain = compile(term)
        programs = {"ours": _pass(made), "box by box": _pass(plain)}
        timing = interleave(programs, options.times(30, 6), clock=time.process_time)
        packed = isinstance(made.circuit.cells[0].box, Packed)
        most = 0.5 if packed else 1.2  # where it is not packed both are one program
        seconds, beside = timing.median("ours"), {"box by box": timing.median("box by box")}
        reached = not timing.beyond("ours", "box by box", most)
        found.append(Figure(f"{name}, compiled", seconds, beside, "s", timing.ratio("ours", "box by box"),
                            f"at most {most}", reached, ["packed" if packed else "not packed"]))  # fmt: skip
    return found


def _pass(net: Any) -> Callable[[], Any]:
    """Forward and back on 2^14 samples."""
    params, rng = net.init(jax.random.key(0)), np.random.default_rng(0)
    xs, ds = ([jnp.asarray(rng.integers(0, 2, (2**14, *a.sizes)), jnp.int32) for a in s] for s in (net.dom, net.cod))
    return lambda: jax.block_until_ready(net.vjp(params, *xs)[1](*ds))


@contextmanager
def unfused() -> Iterator[None]:
    """Nothing stands for whole terms."""
    wholes, fusing.WHOLES[:] = fusing.WHOLES[:], []
    try:
        yield
    finally:
        fusing.WHOLES[:] = wholes


def _tables(options: Options) -> list[Figure]:
    """A step of reverse derivative ascent of a truth table: entries are read, and changes added, a batch at a time."""
    found, many = [], 2**18
    for k in (4, 8, 12, 16):
        timing = interleave({"step": _step(k, many)}, options.times(100, 40), clock=time.process_time)
        seconds = timing.best("step") / many
        title = f"a table of 2^{k} entries, written out: a sample forward and back"
        notes = [f"the median is {timing.median('step') / many * 1e9:.1f} ns"]
        found.append(Figure(title, seconds * 1e9, {}, "ns", None, "at most 10 ns", seconds <= 10e-9, notes))
    return found


def _step(k: int, many: int) -> Callable[[], Any]:
    """The step of a table of k bits, on a batch."""
    table = Port("table", "param", Bits(2**k)[0], "zeros")
    net, rng = compile(basis(k) >> para(multiply, [table]) >> reduce_sum(), Bits(k)), np.random.default_rng(0)
    x, y = (jnp.asarray(rng.integers(0, 2, shape), jnp.int32) for shape in ((many, k), (many,)))

    @jax.jit
    def step(params: Any, x: Any, y: Any) -> Any:
        predicted, pullback = net.vjp(params, x)
        return jax.tree.map(jnp.bitwise_xor, params, pullback(predicted ^ y)[0])

    params = net.init(jax.random.key(0))
    return lambda: jax.block_until_ready(step(params, x, y))
