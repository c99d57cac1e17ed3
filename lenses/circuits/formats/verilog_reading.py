"""Structural Verilog, read: one module of gate primitives, assignments of bits, and registers with a first value.

What is read is the part of the language that describes a circuit of gates (see `verilog`); anything else
is refused with its line, never skipped.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..netlist import TABLES, Netlist
from .draft import ZERO, Draft, Signal

TOKENS = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*.*?\*/|\(\*(?!\)).*?\*\))|(?P<name>[A-Za-z_][A-Za-z0-9_$]*)|\\(?P<escaped>[!-~]+)"
    r"|(?P<bit>1'[bB][01])|(?P<number>\d+)(?!')|(?P<sign><=|~\^|\^~|~&|~\||[()\[\]:;,=~&|^?@#])",
    re.DOTALL,
)
GATES = {
    "and": ("and", False), "or": ("or", False), "xor": ("xor", False), "buf": ("", False),
    "nand": ("and", True), "nor": ("or", True), "xnor": ("xor", True), "not": ("", True),
}  # fmt: skip
"""The gate primitives: the table that joins their inputs, none where there is one, and whether they negate."""
MOST_BITS = 2**22
"""A wider word is taken for a broken file."""


class Token(NamedTuple):
    """A token: its kind (name, bit, number, sign, end), its text, and its place in the file."""

    kind: str
    text: str
    at: int


class Value(NamedTuple):
    """What an expression stands for: a signal, whether it is negated, and whether it is a gate that no other reads."""

    signal: Signal
    negated: bool = False
    own: bool = False


def _tokens(text: str, draft: Draft) -> list[Token]:
    found: list[Token] = []
    end = 0
    for match in TOKENS.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        kind = match.lastgroup or "space"
        if kind != "space":
            found.append(Token("name" if kind == "escaped" else kind, match[kind], match.start()))
    if end < len(text):
        what = f"{text[end : end + 20].splitlines()[0]!r} cannot be read"
        raise draft.fail(end, what, expected="gates, assignments of bits, registers")
    return [*found, Token("end", "the end of the file", end)]


def read(raw: bytes, source: str = "the text") -> Netlist:
    """The circuit of a Verilog file. Raises FileError for what is no module of gates, or one that is cut off."""
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        do = "check that it is a Verilog file"
        raise Draft(source).fail(None, "bytes that are no ASCII text", do=do) from None
    reader = _Reader(Draft(source, text))
    reader.tokens = _tokens(text, reader.draft)
    reader.module()
    return reader.draft.netlist([(name, name) for name in reader.outputs])


class _Reader:
    def __init__(self, draft: Draft):
        self.draft = draft
        self.tokens: list[Token] = []
        self.at = self.depth = 0
        self.outputs: list[str] = []
        self.widths: dict[str, int | None] = {}
        self.first: dict[str, int] = {}
        self.clocks: set[str] = set()
        self.ports: list[str] = []

    # -- tokens ----------------------------------------------------------------------------------
    def peek(self) -> Token:
        """The next token."""
        return self.tokens[self.at]

    def take(self, *expected: str, kind: str | None = None) -> Token:
        """The next token, which must be one of these texts, or of this kind."""
        token = self.peek()
        if (expected and (token.text not in expected or token.kind == "end")) or (kind and token.kind != kind):
            want = " or ".join(expected) or {"name": "a name", "number": "a number"}.get(kind or "", kind)
            do = "use a whole copy of the file" if token.kind == "end" else None
            raise self.draft.fail(token.at, f"{token.text!r}", expected=want, do=do)
        self.at += 1
        return token

    def has(self, text: str) -> bool:
        """Takes the next token where it is this."""
        found = self.peek().text == text and self.peek().kind != "end"
        self.at += found
        return found

    # -- the module ------------------------------------------------------------------------------
    def module(self) -> None:
        """One module, to its end."""
        self.take("module")
        self.take(kind="name")
        self.clocks = {
            self.tokens[i + 3].text for i, t in enumerate(self.tokens[:-4])
            if (t.text, self.tokens[i + 2].text) == ("@", "posedge")
        }  # fmt: skip
        if self.has("(") and not self.has(")"):
            direction = ""
            while True:
                if self.peek().text in ("input", "output"):
                    direction = self.take().text
                    self.declare(direction, once=True)
                elif direction:
                    self.declare(direction, once=True)
                else:
                    self.ports.append(self.take(kind="name").text)
                if self.take(",", ")").text == ")":
                    break
        self.take(";")
        while not self.has("endmodule"):
            self.item()
        if self.peek().kind != "end":
            raise self.draft.fail(self.peek().at, "more than one module", do="flatten the circuit")
        for port in self.ports:
            if port not in self.widths and port not in self.clocks:
                raise self.draft.fail(None, f"the port {port!r} is no input and no output")

    def declare(self, kind: str, once: bool = False) -> None:
        """The names after input, output, wire or reg, with their width."""
        if self.peek().text in ("wire", "reg"):
            self.take()
        width = None
        if self.has("["):
            high = self.take(kind="number")
            self.take(":")
            self.take("0")
            self.take("]")
            width = int(high.text[:12]) + 1
            if width > MOST_BITS:
                raise self.draft.fail(high.at, f"a word of {width} bits", expected=f"at most {MOST_BITS}")
        while True:
            token = self.take(kind="name")
            name = token.text
            if self.widths.setdefault(name, width) != width:
                raise self.draft.fail(token.at, f"{name!r} is declared with two widths")
            bits = [name] if width is None else [f"{name}[{i}]" for i in range(width)]
            if kind == "input" and name not in self.clocks:
                for bit in bits:
                    self.draft.input(bit, token.at)
            elif kind == "output":
                self.outputs += bits
            if self.has("="):
                value = self.take(kind="bit")
                if kind == "reg" and width is None:
                    self.first[name] = int(value.text[-1])
                else:
                    self.draft.define(name, self._constant(value), token.at)
            if once or not self.has(","):
                return

    def item(self) -> None:
        """One statement of the module."""
        token = self.take(kind="name")
        word = token.text
        if word in ("input", "output", "wire", "reg"):
            self.declare(word)
        elif word == "assign":
            name, at = self.target()
            self.take("=")
            self.draft.define(name, self.settled(self.expression(), name), at)
        elif word == "always":
            for text in ("@", "(", "posedge"):
                self.take(text)
            self.take(kind="name")
            self.take(")")
            self.register()
            return
        elif word in GATES:
            self.primitive(word)
        else:
            expected = "input, output, wire, reg, assign, always or a gate"
            raise self.draft.fail(token.at, f"{word!r} cannot be read", expected=expected, do="flatten the circuit")
        self.take(";")

    def register(self) -> None:
        """`state <= expression;`, at the rise of the clock."""
        name, at = self.target()
        self.take("<=")
        then = self.settled(self.expression(), f"next of {name}")
        self.take(";")
        if name not in self.first:
            do = f"declare it as in `reg {name} = 1'b0;`"
            raise self.draft.fail(at, f"the register {name!r} has no first value", do=do)
        self.draft.latch(name, then, self.first[name], at)

    def primitive(self, word: str) -> None:
        """A gate: and, or, xor, ... with its output first."""
        if self.peek().kind == "name":
            self.take()
        self.take("(")
        name, at = self.target()
        values = []
        while self.take(",", ")").text == ",":
            values.append(self.expression())
        table, negated = GATES[word]
        if not values or (not table and len(values) > 1):
            expected = "one or more" if table else "one"
            raise self.draft.fail(at, f"{word} with {len(values)} inputs", expected=expected)
        joint = values[0]
        for value in values[1:]:
            joint = self.gate(TABLES[table], joint, value)
        joint = joint._replace(negated=joint.negated ^ negated)
        self.draft.define(name, self.settled(joint, name), at)

    # -- expressions -----------------------------------------------------------------------------
    def target(self) -> tuple[str, int]:
        """The name of one bit, and its place."""
        token = self.take(kind="name")
        name, width = token.text, self.widths.get(token.text)
        if self.has("["):
            place = self.take(kind="number")
            self.take("]")
            if width is None or int(place.text[:12]) >= width:
                what = f"bit {place.text} of {name!r}"
                raise self.draft.fail(place.at, what, expected=f"{width or 1} bits", do="declare its width before")
            return f"{name}[{int(place.text)}]", token.at
        if width is not None:
            raise self.draft.fail(token.at, f"{name!r}, a word of {width} bits", expected="one bit, as in a[0]")
        return name, token.at

    def _constant(self, token: Token) -> Signal:
        return ZERO if token.text[-1] == "0" else self.draft.gate(TABLES["1"], ZERO)

    def gate(self, table: int, left: Value, right: Value) -> Value:
        """A gate of two values, whose negations go into its table."""
        at = range(4)
        shifted = sum((table >> (i ^ 2 * left.negated ^ right.negated) & 1) << i for i in at)
        return Value(self.draft.gate(shifted, left.signal, right.signal), own=True)

    def settled(self, value: Value, name: str) -> Signal:
        """The signal of a value: a negation goes into its own gate's table where there is one."""
        signal = value.signal
        if value.own and isinstance(signal, int) and signal != ZERO:
            table, left, right, _ = self.draft.gates[signal]
            self.draft.gates[signal] = (table ^ 15 * value.negated, left, right, name)
            return signal
        return self.draft.gate(TABLES["not"], signal, name=name) if value.negated else signal

    def expression(self) -> Value:
        """condition ? value : value, or what binds tighter."""
        self.depth += 1
        if self.depth > 100:
            raise self.draft.fail(self.peek().at, "an expression more than 100 deep", do="name parts of it")
        choices = []
        other = self.binary(0)
        while self.has("?"):
            choices.append((Value(self.settled(other, "")), self.expression()))
            self.take(":")
            other = self.binary(0)
        for condition, then in reversed(choices):
            kept = self.gate(8, condition, then), self.gate(8, condition._replace(negated=True), other)
            other = self.gate(14, *kept)
        self.depth -= 1
        return other

    def binary(self, level: int) -> Value:
        """Operators from the loosest, or (0), to the tightest, and (2)."""
        if level == 3:
            return self.unary()
        table, signs = ((14, ("|",)), (6, ("^", "~^", "^~")), (8, ("&",)))[level]
        value = self.binary(level + 1)
        while self.peek().text in signs and self.peek().kind == "sign":
            sign = self.take().text
            value = self.gate(table, value, self.binary(level + 1))
            if "~" in sign:
                value = value._replace(negated=True)
        return value

    def unary(self) -> Value:
        """A negation, a constant, a bit, or an expression in brackets; with any number of `~` before it."""
        negations = 0
        while self.has("~"):
            negations += 1
        token = self.peek()
        if self.has("("):
            value = self.expression()
            self.take(")")
        elif token.kind == "bit":
            value = Value(self._constant(self.take()))
        else:
            value = Value(self.target()[0])
        return value._replace(negated=value.negated ^ bool(negations % 2))
