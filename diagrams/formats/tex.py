r"""TeX: a standalone TikZ picture for pdfLaTeX, in which every label is text.

Labels may hold any characters. Letters with accents, Greek and the usual signs of mathematics are set
by the commands that pdfLaTeX has for them; every other character stands as the argument of `\missing`,
which draws a little square, or the character itself under LuaLaTeX.
"""

# ruff: noqa: RUF001 - letters that look alike are what this is about
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ..scene import Curve, Scene
from ..shapes import Group, Shape, Stroke
from ..themes import THEMES, Theme
from .common import clean, colour, number, parts, roles

LARGEST = 14000.0
"""The longest side in points: TeX counts up to 16383, and many readers of PDF up to 14400."""

LONGEST = 100
"""Labels of more characters are set in boxes without width: TeX cannot measure lines of some thousands."""

HEAD = r"""% For pdflatex. Characters of scripts that it cannot set appear as squares: use lualatex for these, with a
% font that has them in the place of Latin Modern Sans.
\RequirePackage{fix-cm}
\documentclass{standalone}
\usepackage{amssymb}
\usepackage{tikz}
\ifdefined\directlua
  \usepackage{fontspec}
  \defaultfontfeatures[\sffamily]{}
  \setsansfont{Latin Modern Sans}
  \newcommand{\missing}[1]{#1}
\else
  \newcommand{\missing}[1]{\ensuremath{\square}}
\fi
\newcommand{\size}[1]{\fontsize{#1bp}{#1bp}\selectfont}
\tikzset{
  start/.style={anchor=base west}, middle/.style={anchor=base}, end/.style={anchor=base east},
  every node/.style={inner sep=0pt, outer sep=0pt, font=\sffamily},
}
"""


def _math(pairs: str) -> dict[str, str]:
    """Characters and the commands of mathematics for them, from a text that alternates them."""
    words = pairs.split()
    return {c: rf"\ensuremath{{\{name}}}" for c, name in zip(words[::2], words[1::2], strict=True)}


SIGNS = (
    {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\ensuremath{\mathdollar}", "&": r"\&", "#": r"\#",
        "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", '"': r"\textquotedblright{}",
        " ": r"\ ", "\t": r"\ ", "\n": r"\ ", "\r": r"\ ",
        "<": r"\ensuremath{<}", ">": r"\ensuremath{>}", "|": r"\ensuremath{|}", "−": r"\ensuremath{-}",
        "°": r"\ensuremath{{}^{\circ}}", "–": r"\textendash{}", "—": r"\textemdash{}", "‐": "-", "‑": "-", "⁄": "/",
        "‘": r"\textquoteleft{}", "’": r"\textquoteright{}", "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}",
        "¡": r"\textexclamdown{}", "¿": r"\textquestiondown{}", "ı": r"\i{}", "ȷ": r"\j{}", "ß": r"\ss{}",
        "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}",
        "Ł": r"\L{}", "\ufffd": r"\missing{\symbol{65533}}",  # which LuaTeX takes for an error in the file
    }
    | _math(
        "α alpha β beta γ gamma δ delta ε varepsilon ϵ epsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa "
        "λ lambda μ mu µ mu ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon φ varphi ϕ phi "
        "χ chi ψ psi ω omega Γ Gamma Δ Delta ∆ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega"
    )
    | {c: rf"\ensuremath{{\mathrm{{{latin}}}}}" for c, latin in zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True)}
    | _math(
        "× times · cdot ⋅ cdot ÷ div ± pm ∓ mp ∗ ast ⋆ star ★ bigstar ∘ circ • bullet ⊕ oplus ⊗ otimes ⊙ odot ⊖ ominus "
        "∑ sum ∏ prod ∐ coprod ∫ int √ surd ∞ infty ∂ partial ∇ nabla ≤ leq ≥ geq ≠ neq ≈ approx ≡ equiv "
        "≅ cong ∼ sim ≃ simeq ∝ propto ≪ ll ≫ gg ∈ in ∉ notin ∋ ni ∀ forall ∃ exists ∅ varnothing ∪ cup ∩ cap "
        "⊂ subset ⊃ supset ⊆ subseteq ⊇ supseteq ∧ wedge ∨ vee ¬ neg ⊤ top ⊥ bot ⊢ vdash ∎ blacksquare □ square "
        "■ blacksquare △ triangle ▽ triangledown ▷ triangleright ◁ triangleleft ⟨ langle ⟩ rangle ‖ Vert ∥ parallel "
        "§ mathsection ¶ mathparagraph £ mathsterling "
        "→ rightarrow ← leftarrow ↔ leftrightarrow ↑ uparrow ↓ downarrow ⇒ Rightarrow ⇐ Leftarrow ⇔ Leftrightarrow "
        "↦ mapsto ⊸ multimap ↪ hookrightarrow † dagger ‡ ddagger ℓ ell ℏ hbar ℘ wp ℵ aleph ℜ Re ℑ Im "
        "′ prime ⋯ cdots ⋮ vdots ⋱ ddots ⌈ lceil ⌉ rceil ⌊ lfloor ⌋ rfloor"
    )
    | {c: rf"\ensuremath{{\mathbb{{{latin}}}}}" for c, latin in zip("ℂℍℕℙℚℝℤ", "CHNPQRZ", strict=True)}
)  # fmt: skip
"""Characters that stand otherwise in TeX, or have a command."""

ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c", "\u0331": "b",
}  # fmt: skip
"""Combining marks and the commands that set them over or under a letter."""

RAISED = {"<super>": r"\textsuperscript", "<sub>": r"\textsubscript"}
PLAIN = ("<font>", "<compat>", "<wide>", "<narrow>", "<noBreak>", "<fraction>")
"""The kinds of characters that Unicode explains by others of nearly the same look."""


def write(scene: Scene) -> str:
    """The source of a document with the picture, of the scene's size in PostScript points."""
    return render(*parts(scene))


def render(
    groups: Iterable[Group], width: float, height: float, theme: Theme = THEMES["light"], title: str = ""
) -> str:
    """The source of a document with these groups, the first at the back.

    What would be longer than TeX can measure is made smaller as a whole. The title is not written.
    """
    groups = tuple(groups)
    scale = min(1.0, LARGEST / max(width, height, 1.0))
    w, h = number(width * scale), number(height * scale)
    lines = [rf"\definecolor{{{role}}}{{HTML}}{{{colour(theme, role)[1:].upper()}}}" for role in roles(groups)]
    lines += [r"\begin{document}", r"\begin{tikzpicture}[x=1bp, y=-1bp, line width=1bp, line cap=round]"]
    lines.append(rf"\useasboundingbox (0,0) rectangle ({w},{h});")
    if theme.filled:
        lines.append(rf"\fill[fill=paper] (0,0) rectangle ({w},{h});")
    lines += [_shape(shape, scale) for group in groups for shape in group.shapes]
    return HEAD + "\n".join([*lines, r"\end{tikzpicture}", r"\end{document}", ""])


def escape(text: str) -> str:
    """A text as TeX sets it. What TeX would join to another sign, as two hyphens to a dash, is kept apart."""
    source = "".join(map(_character, unicodedata.normalize("NFC", clean(text))))
    return re.sub("(?<=[-'`,!?])(?=[-'`,])", "{}", source)


def _character(c: str) -> str:
    if c in SIGNS:
        return SIGNS[c]
    if c.isascii():
        return c
    kind, *codes = f" {unicodedata.decomposition(c)}".split(" ")[1:]
    if kind and not kind.startswith("<"):
        kind, codes = "", [kind, *codes]
    inside = [chr(int(code, 16)) for code in codes if code]
    if len(inside) == 2 and not kind and inside[1] in ACCENTS and inside[0].isascii() and inside[0].isalpha():
        return rf"\{ACCENTS[inside[1]]}{{{inside[0]}}}"
    text = "".join(map(_character, inside))
    if not text or "\\missing" in text or not (kind in RAISED or kind in PLAIN or len(inside) == 1):
        return rf"\missing{{{c}}}"
    return f"{RAISED[kind]}{{{text}}}" if kind in RAISED else text


def _shape(shape: Shape, scale: float) -> str:
    if isinstance(shape, Stroke):
        options = [f"{key}={role}" for key, role in (("draw", shape.stroke), ("fill", shape.fill)) if role is not None]
        if shape.width * scale != 1:
            options.append(f"line width={number(shape.width * scale)}bp")
        if shape.dash:
            on, off = (number(length * scale) for length in shape.dash)
            options.append(f"line cap=butt, dash pattern=on {on}bp off {off}bp")
        return rf"\path[{', '.join(options)}] {_path(shape.curve, scale)};"
    font = r"\sffamily" + rf"\size{{{number(shape.size * scale)}}}"
    font += r"\bfseries\boldmath" * shape.bold + r"\itshape" * shape.italic
    text = "".join(
        rf"\ensuremath{{\overline{{\hbox{{{escape(t)}}}}}}}" if bar else escape(t) for t, bar in shape.pieces()
    )
    if len(shape.text) > LONGEST:
        before, after = r"\hss{}" * (shape.anchor != "start"), r"\hss{}" * (shape.anchor != "end")
        text = rf"\hbox to 0pt{{{before}{text}{after}}}"
    place = f"({number(shape.x * scale)},{number(shape.y * scale)})"
    return rf"\node[{shape.anchor}, text={shape.colour}, font={font}] at {place} {{{text}}};"


def _path(curve: Curve, scale: float) -> str:
    """A curve as the path of TikZ."""
    out = []
    for command, *values in curve:
        points = [f"({number(x * scale)},{number(y * scale)})" for x, y in zip(values[::2], values[1::2], strict=True)]
        if command == "M":
            out.append(points[0])
        elif command == "L":
            out.append(f"-- {points[0]}")
        elif command == "C":
            out.append(f".. controls {points[0]} and {points[1]} .. {points[2]}")
        else:
            out.append("-- cycle")
    return " ".join(out)
