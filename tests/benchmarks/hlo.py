"""What is asked of XLA: how often each StableHLO operation occurs, and what the compiled program costs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any


def histogram(lowered: Any) -> Counter[str]:
    """How often each operation of StableHLO and CHLO occurs in a lowered program.

    The walk starts at ``@main`` and enters the bodies of operations; a call counts the operations
    of its function each time it is called. Operations of loops' bodies count once.
    """
    module = lowered.compiler_ir("stablehlo")
    own: dict[str, Counter[str]] = {}
    calls: dict[str, Counter[str]] = {}
    for function in module.body.operations:
        name = function.attributes["sym_name"].value
        own[name], calls[name] = Counter(), Counter()
        pending = [function.operation]
        while pending:
            for region in pending.pop().regions:
                for block in region.blocks:
                    for op in block.operations:
                        kind = op.operation.name
                        if kind.startswith(("stablehlo.", "chlo.")):
                            own[name][kind] += 1
                        elif kind == "func.call":
                            calls[name][op.attributes["callee"].value] += 1
                        pending.append(op.operation)
    totals: dict[str, Counter[str]] = {}

    def total(name: str) -> Counter[str]:
        if name not in totals:
            found = Counter(own[name])
            for callee, times in calls[name].items():
                for kind, count in total(callee).items():
                    found[kind] += times * count
            totals[name] = found
        return totals[name]

    return total("main")


def optimised(compiled: Any) -> Counter[str]:
    """How often each operation occurs in the program that XLA made of it, fused computations included."""
    return Counter(re.findall(r"= (?:\([^=]*?\)|\S+) ([a-z][\w\-]*)\(", compiled.as_text()))


def difference(ours: Counter[str], theirs: Counter[str]) -> dict[str, tuple[int, int]]:
    """The operations whose counts differ: (ours, theirs)."""
    return {kind: (ours[kind], theirs[kind]) for kind in sorted(ours | theirs) if ours[kind] != theirs[kind]}


@dataclass
class Cost:
    """What XLA says of a compiled program: operations, bytes read and written, and bytes of memory."""

    flops: float
    accessed: float
    temporary: int
    aliased: int
    output: int

    @classmethod
    def of(cls, compiled: Any) -> Cost:
        """The cost of ``lowered.compile()``."""
        analysis, memory = compiled.cost_analysis(), compiled.memory_analysis()
        return cls(
            analysis.get("flops", 0.0),
            analysis.get("bytes accessed", 0.0),
            memory.temp_size_in_bytes,
            memory.alias_size_in_bytes,
            memory.output_size_in_bytes,
        )
