"""Files of circuits: AIGER (ASCII and binary), BLIF and structural Verilog, written and read.

A circuit is written only when what was written has been read back and proved equal to it. One table,
`FORMATS`, holds the formats: to add one is to add a line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...causal.maps import Causal
from ...errors import FileError, LensError, explain
from ...files import read_whole, write_whole
from ...terms import Term
from ..equality import equal_function
from ..netlist import Netlist
from . import aiger, blif, verilog, verilog_reading
from .names import named


class Format(NamedTuple):
    """A format of files: the bytes of a netlist, and the netlist of bytes read from a source."""

    name: str
    write: Callable[..., bytes]
    read: Callable[[bytes, str], Netlist]


FORMATS = {
    ".aag": Format("AIGER", aiger.write, aiger.read),
    ".aig": Format("AIGER", partial(aiger.write, binary=True), aiger.read),
    ".blif": Format("BLIF", blif.write, blif.read),
    ".v": Format("Verilog", verilog.write, verilog_reading.read),
}
"""The formats by the ending of their files."""


def save_circuit(
    circuit: Netlist | Term | Causal,
    path: Any,
    parameters: Any = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> None:
    """Writes a circuit to a file, in the format of its ending: .aag, .aig, .blif or .v.

    `circuit` is a netlist, a typed term over bits, or a causal map, whose state is held by latches; `parameters`
    are its learned tables. The text is read back and proved to be the same function before anything is
    written, and is then written whole. Raises FileError for an unknown ending or a place that cannot be written.
    """
    ending = _ending(path, "write")
    write_whole(path, _proved(named(circuit, parameters, inputs, outputs), ending))


def load_circuit(path: Any) -> Netlist:
    """The circuit of a file, in the format of its ending. Raises FileError for one that is broken or foreign."""
    return FORMATS[_ending(path, "read")].read(read_whole(path), str(path))


def _ending(path: Any, do: str) -> str:
    ending = Path(path).suffix
    if ending not in FORMATS:
        raise FileError(explain(f"cannot {do} {path}", expected=f"a name that ends with {', '.join(FORMATS)}"))
    return ending


def _proved(netlist: Netlist, ending: str, **more: Any) -> bytes:
    """The text of a netlist, read back and proved to be the same function with the same latches."""
    form = FORMATS[ending]
    raw = form.write(netlist, **more)
    again = form.read(raw, f"the {form.name} text")
    if not equal_function(netlist, again) or not np.array_equal(netlist.latches, again.latches):
        raise LensError(explain(f"the {form.name} text is another circuit", do="report this: nothing was written"))
    return raw


def to_aiger(
    circuit: Netlist | Term | Causal, parameters: Any = None, binary: bool = False, **names: Any
) -> str | bytes:
    """A circuit as AIGER: text, or bytes where `binary`; proved equal to it. `inputs` and `outputs` are names."""
    raw = _proved(named(circuit, parameters, **names), ".aig" if binary else ".aag")
    return raw if binary else raw.decode()


def to_blif(circuit: Netlist | Term | Causal, parameters: Any = None, name: str = "circuit", **names: Any) -> str:
    """A circuit as BLIF, proved equal to it; `name` is the model's, `inputs` and `outputs` those of signals."""
    return _proved(named(circuit, parameters, **names), ".blif", name=name).decode()


def to_verilog(circuit: Netlist | Term | Causal, parameters: Any = None, name: str = "circuit", **names: Any) -> str:
    """A circuit as structural Verilog, proved equal to it, a module of this `name` with ports of these names."""
    return _proved(named(circuit, parameters, **names), ".v", name=name).decode()


def _read(reader: Callable[[bytes, str], Netlist], text: str | bytes) -> Netlist:
    return reader(text.encode() if isinstance(text, str) else bytes(text), "the text")


def from_aiger(text: str | bytes) -> Netlist:
    """The circuit of an AIGER text, ASCII or binary. Raises FileError for any other."""
    return _read(aiger.read, text)


def from_blif(text: str | bytes) -> Netlist:
    """The circuit of a BLIF text. Raises FileError for any other."""
    return _read(blif.read, text)


def from_verilog(text: str | bytes) -> Netlist:
    """The circuit of a structural Verilog text. Raises FileError for any other."""
    return _read(verilog_reading.read, text)
