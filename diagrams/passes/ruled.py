"""What rules do to boxes in their own way: where a backward pass is no reverse derivative, and how it is written."""

from __future__ import annotations

from lenses.boxes.structure import Add, Copy
from lenses.rules.recompute import RecomputeClause
from lenses.rules.reversible import CopyValues, CouplingClause, Inside, KeepInputs, PassThrough, Reversible
from lenses.rules.rule import STRUCTURE, Rule
from lenses.spaces import Space
from lenses.terms import Box
from lenses.typed import Cell, Combinator, Typed

from ..plan import Node
from ..text import clip

DERIVATIVES = (*map(type, STRUCTURE.values()), RecomputeClause, CopyValues, CouplingClause, Inside, PassThrough)
"""The clauses under which changes are those of the reverse derivative."""


def ruled(node: Node, rule: Rule) -> str:
    """What is written for the backward pass of a box of which a rule has an own one; "" for a reverse derivative.

    It is B, a matrix of its own, where the rule adds a weight to the box, and otherwise names the rule and the box.
    """
    box, dom = node.box, Space(node.dom)
    if not isinstance(box, Box) or not _own(box, dom, rule):
        return ""
    while node.params and (inside := _inside(box, dom)):  # a block around one box, which is drawn as that box
        box, dom = inside[0].box, inside[0].dom
    if rule.ports(box, dom):
        return "B"
    return clip(f"{rule.name}[{node.text}]", 28)


def _own(box: Box, dom: Space, rule: Rule) -> bool:
    """Whether a rule has its own backward pass for a box, or for one inside it."""
    clause = rule.clause(box)
    while isinstance(clause, KeepInputs):
        clause = clause.clause
    if type(clause) not in DERIVATIVES:
        return True
    if isinstance(box, Add):
        return type(rule).split is not Rule.split
    if isinstance(box, Copy):
        return type(rule).join not in (Rule.join, Reversible.join)
    return any(_own(cell.box, cell.dom, rule) for cell in _inside(box, dom))


def _inside(box: Box, dom: Space) -> list[Cell]:
    """The boxes inside one."""
    inside = box.inside(dom) if isinstance(box, Combinator) else None
    return [] if inside is None else Typed(*inside).circuit.cells
