"""Running circuits on data: bits of any batch in, bits out, packed on the way into machine words."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from ...arguments import choice
from ...errors import DataError, LensError, explain, shown
from ...terms import Term
from ..netlist import Netlist
from . import interpreter
from .machine import swept
from .packed import padded_blocks, program
from .packing import BITS, pack, unpack

PIECE = 2**16
"""How many samples go through a circuit at a time."""
ENGINES = ("jax", "numba")
LONG = 2e11
"""How many gates times samples take JAX about as long as numba takes to start."""


Engine = Callable[[np.ndarray, np.ndarray, int, int], None]
"""Puts some of the words that come out into an array, of words that go in."""


class Machine:
    """A netlist, ready to be run by JAX on words (inputs, words) uint32."""

    def __init__(self, netlist: Netlist):
        self.netlist = netlist
        own, self.size = program(netlist)
        self.program = jax.device_put(own)

    def __call__(self, words: np.ndarray, out: np.ndarray, start: int, end: int) -> None:
        """Words `start` to `end` of the outputs (outputs, words) uint32 into `out`, of inputs (inputs, words)."""
        padded, size, blocks = padded_blocks(words[:, start:end], self.size, np)
        found = swept(self.program, padded, size, blocks)
        out[:, start:end] = np.asarray(found)[: len(out), : end - start]


class Runner:
    """A circuit, ready to be run on any number of samples.

    Takes a netlist, or a typed term over `Bits`, with its `parameters` (a tree of bits) or with none,
    when they are inputs after the domain's as in `to_netlist`. Latches are inputs and outputs like others.

    The `engine` is "jax", or "numba" where numba is installed (the extra `circuits`): as fast on circuits
    in layers, two or three times faster on others. None takes numba for runs that are long enough to
    pay for its start, if it is there. With JAX, the first circuit of a shape compiles for less than a
    second, however many gates it has, and others of about its size compile nothing.

    Attributes: `netlist`, `engine`.
    """

    def __init__(self, circuit: Netlist | Term, parameters: Any = None, engine: str | None = None):
        from ..reading import to_netlist

        self.netlist = circuit if isinstance(circuit, Netlist) else to_netlist(circuit, parameters)
        self.engine = engine if engine is None else choice("Runner", "the engine", engine, ENGINES)
        if engine == "numba":
            interpreter.check()
        self._machines: dict[str, Engine] = {}

    def __repr__(self) -> str:
        return f"Runner({self.netlist!r}, engine={self.engine!r})"

    def _machine(self, samples: int) -> Engine:
        """The machine for so many samples."""
        engine = self.engine or ("numba" if self.netlist.gates * samples > LONG and interpreter.installed() else "jax")
        if engine not in self._machines:
            make: Any = Machine if engine == "jax" else interpreter.Interpreter
            self._machines[engine] = make(self.netlist)
        return self._machines[engine]

    def __call__(self, bits: Any) -> np.ndarray:
        """The outputs (..., outputs) bool of inputs (..., inputs), bool or whole numbers 0 and 1.

        Raises DataError for another number of inputs, or values that are no bits.
        """
        bits = self._bits(bits)
        lead = bits.shape[:-1]
        flat = bits.reshape(int(np.prod(lead, dtype=np.int64)), self.netlist.inputs)
        out = np.empty((len(flat), len(self.netlist.outputs)), bool)
        machine = self._machine(len(flat))

        def piece(start: int) -> None:
            part = flat[start : start + PIECE]
            words = pack(part)
            found = np.empty((out.shape[1], words.shape[1]), np.uint32)
            machine(words, found, 0, words.shape[1])
            out[start : start + PIECE] = unpack(found, len(part))

        _each(piece, range(0, len(flat), PIECE))
        return out.reshape(*lead, len(self.netlist.outputs))

    def words(self, words: Any) -> np.ndarray:
        """The outputs (outputs, ...) of packed inputs (inputs, ...), uint32 or uint64 alike: wires come first.

        Each bit of a word is one evaluation, as in `Netlist.evaluate`. Raises DataError for words of another kind.
        """
        words = np.asarray(words)
        if words.dtype not in (np.uint32, np.uint64) or words.shape[:1] != (self.netlist.inputs,):
            raise DataError(
                explain(f"the words for {self.netlist!r}", expected=f"({self.netlist.inputs}, ...) uint32 or uint64",
                        came=f"{words.shape} {words.dtype}", do="call the runner with bits, (..., inputs)")
            )  # fmt: skip
        many = int(np.prod(words.shape[1:], dtype=np.int64))
        flat = np.ascontiguousarray(words.reshape(self.netlist.inputs, many)).view(np.uint32)
        flat = flat.reshape(self.netlist.inputs, many * (2 if words.dtype == np.uint64 else 1))
        out, step = np.empty((len(self.netlist.outputs), flat.shape[1]), np.uint32), PIECE // BITS
        machine = self._machine(flat.shape[1] * BITS)

        def piece(start: int) -> None:
            machine(flat, out, start, min(start + step, flat.shape[1]))

        _each(piece, range(0, flat.shape[1], step))
        return out.view(words.dtype).reshape(len(self.netlist.outputs), *words.shape[1:])

    def _bits(self, bits: Any) -> np.ndarray:
        if isinstance(bits, Tracer):
            raise LensError(
                explain(f"{self!r} under jit or vmap", do="use forward(netlist, words) of lenses.circuits.running")
            )
        bits = np.asarray(bits)
        if bits.shape[-1:] != (self.netlist.inputs,):
            expected = f"(..., {self.netlist.inputs}), one an input"
            raise DataError(explain(f"the bits for {self.netlist!r}", expected=expected, came=bits.shape))
        if bits.dtype != np.bool_:
            if bits.dtype.kind not in "iu" or ((bits != 0) & (bits != 1)).any():
                raise DataError(
                    explain(f"the bits for {self.netlist!r}", expected="bool, or 0 and 1", came=shown(bits))
                )
            bits = bits.astype(bool)
        return bits


def _each(piece: Callable[[int], None], starts: range) -> None:
    """Every piece, side by side where there are several."""
    if len(starts) < 2:
        for start in starts:
            piece(start)
        return
    with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1)) as pool:
        for _ in pool.map(piece, starts):
            pass


def run(circuit: Netlist | Term, bits: Any, parameters: Any = None, engine: str | None = None) -> np.ndarray:
    """The outputs (..., outputs) bool of a netlist or of a typed term over `Bits` on bits (..., inputs).

    Words, uint32 or uint64 (inputs, ...), are taken as packed, wires first, and come out as such. See
    `Runner` for the arguments; make one to run a circuit more than once.
    """
    runner = Runner(circuit, parameters, engine)
    packed = getattr(bits, "dtype", None) in (np.uint32, np.uint64)
    return runner.words(bits) if packed else runner(bits)
