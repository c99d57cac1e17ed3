"""`simplify`: fewer gates for the same function, to run, export and read, and not to learn: derivatives change."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..arguments import flag
from ..errors import LensError, explain
from ..spaces import Space
from .equality import Proof, Undecided
from .equality.exhaustive import estimate
from .equality.function import beside
from .equality.pair import Circuit, given
from .equality.prove import SECONDS, equal_function
from .hashing import Hashing
from .netlist import Netlist
from .resubstitution import resubstituted

RESYNTHESIS = 10_000
"""The gates up to which resubstitution is tried by default, a few seconds."""


@dataclass(frozen=True, eq=False)
class Simplified(Netlist):
    """A netlist that keeps the behaviour of another one, not its derivatives; `proof` says how that was proved.

    `before` are the gates of the one that was simplified, and their depth.
    """

    proof: Proof | None = None
    before: tuple[int, int] = (0, 0)

    def __repr__(self) -> str:
        gates, depth = self.before
        how = f", {self.proof.how}" if self.proof is not None else ""
        return (
            f"<netlist for its behaviour alone: {self.inputs} inputs, {self.gates} gates in place of {gates}, "
            f"depth {self.depth} in place of {depth}, {len(self.outputs)} outputs; proved equal as functions{how}>"
        )


def simplify(
    circuit: Circuit,
    *,
    space: Space | None = None,
    parameters: object = None,
    resynthesise: bool | None = None,
    seconds: float = SECONDS,
) -> Simplified:
    """A netlist with the same outputs at all inputs and fewer gates. It keeps behaviour alone, **not derivatives**.

    Gates that are the same are shared, constants propagated, AND(x, x), XOR(x, x), double negations and
    inverters absorbed, unused gates dropped: in time linear in the gates. Then gates are replaced by other
    signals or single gates where that saves some (`resubstitution`); `resynthesise` says whether, by default
    up to 10 000 gates. That the function is kept is proved with `equal_function` before the result is returned.

    Args:
        circuit: a term over bits, or a netlist; its latches stay what they are.
        space: the domain, where the term has no type.
        parameters: bits for the parameters of the term; without them parameters are inputs.
        resynthesise: whether to look for replacements.
        seconds: the time that the proof may take.

    Raises Undecided where the proof takes too long even without replacements.
    """
    original = given(circuit, space, parameters, "simplify").netlist
    if resynthesise is not None:
        flag("simplify", "`resynthesise`", resynthesise)
    gates = Hashing(original.inputs)
    outputs = gates.add(original)
    if resynthesise or (resynthesise is None and len(gates.table) <= RESYNTHESIS):
        try:
            return _proved(original, *resubstituted(gates, outputs), seconds)
        except Undecided:  # what hashing alone leaves is easier to prove
            pass
    return _proved(original, gates, outputs, seconds)


def _proved(original: Netlist, gates: Hashing, outputs: list[int], seconds: float) -> Simplified:
    made = gates.netlist(outputs, original)
    # Where all inputs are quickly tried, the proof does not rest on what is simplified with.
    how = "exhaustive" if estimate(beside(original, made)) < 0.5 else None
    proof = equal_function(original, made, seconds=seconds, how=how)
    if not proof:
        raise LensError(explain("simplify: the result is another function, which is a fault of the library",
                                counterexample=str(proof), do="report the circuit"))  # fmt: skip
    values = {f.name: getattr(made, f.name) for f in fields(Netlist)}
    return Simplified(**values, proof=proof, before=(original.gates, original.depth))
