"""The formats: every text comes out as text, files are well formed, of the size asked for, and the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from helpers import refused
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diagrams import draw, equation
from diagrams.following import strands
from diagrams.formats import common, dot, html, raster, save, svg, tex
from diagrams.formats.common import clean, number
from diagrams.scene import Frame, Glyph, Scene, Wire, key
from diagrams.shapes import Group, Stroke, Text
from diagrams.themes import COLOURS, THEMES, Theme
from lenses import Real, adam, add, block, copy, dense, exp, identity, learner, squared, subtract, swap, tanh
from lenses.errors import DataError, FileError, LensError

NASTIES = [
    "</text><script>alert(1)</script>", "<!--", "-->", "]]>", "<![CDATA[", "&lt;", "&amp;lt;", "&#0;", "&",
    '" onload="x', "' onclick='x", "</title><b>", "</style>", "javascript:x", "\\input{/etc/passwd}", "\\write18{ls}",
    "\\end{document}", "^^5cinput", "$x^2$", "%", "#1", "~", "_", "^", "{", "}", "\\", "\\\\", "--", "''", "``", "?`",
    "!`", "<<", '"]; evil [', "\\N", "\\G\\l", 'a\\" -> b', "<b>html</b>", "a\\", "\0", "\x1b[31m", "\x85", "\ud800",
    "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "\u202eevil", "\u200f\u200e", "\u2066\u2069", "e\u0301", "\u0301",
    "a" + "\u0301" * 50, "\u200b", "\U0001f469\u200d\U0001f4bb", "中文", "שלום", "العربية",
    "αβΓ ∑ ℝ² x₁ ½ \U0001d431 ﬁ Å ế", "  two  spaces  ", "\ttab", "line\n", "a\nb\r\nc\rd", "\u2028\u2029", "1",
    "-1.5", "node", "graph", "W" * 10_000, "\\" * 1_001, "",
]  # fmt: skip

LABELS = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(NASTIES)


def groups_of(labels: list[str]) -> list[Group]:
    """Each label as a text, as a title and as a fact."""
    anchors = ("start", "middle", "end")
    return [
        Group(
            "glyph",
            (Text(label, 10, 20 * i, anchor=anchors[i % 3], bold=i % 2 == 1, italic=i % 5 == 1),),
            label,
            (("name", label),),
        )
        for i, label in enumerate(labels)
    ]


SAMPLE = [
    Group("frame", (Stroke((("M", 5, 5), ("L", 95, 5), ("L", 95, 55), ("Z",)), "quiet", "tint0", 0.6),), "f"),
    Group("dash", (Stroke((("M", 0, 30.0), ("L", 100, 30.0)), dash=(7.5, 6.0), width=2.0),)),
    Group(
        "wire",
        (Stroke((("M", 0, 10.126), ("C", 10, 10, 20, 1 / 3, 30.5, -0.001)), "kept0"),),
        "Real(3)",
        (("name", "key"), ("pair", "1")),
    ),
    Group("glyph", (Stroke((("M", 1, 1), ("L", 1, 9), ("L", 7, 8)), None, "ink"), Text("L", 50, 30, 15.0, bold=True))),
    Group("label", (Text("über x²", 99, 20, 9.0, "end", "quiet", italic=True),)),
]


def box(text: str, address: tuple[int, ...], ins: Any = (), outs: Any = ()) -> Glyph:
    return Glyph("box", 0, 0, 10, 10, text, text, address, None, ins, outs)


# -- reading the formats ---------------------------------------------------------------------


def check_svg(labels: list[str]) -> None:
    root = ET.fromstring(svg.render(groups_of(labels), 100, 50, title="".join(labels)[:99]).encode())
    name = "{http://www.w3.org/2000/svg}"
    expected = [clean(label) for label in labels]
    assert [e.text or "" for e in root.iter(f"{name}text")] == expected
    assert [g.findtext(f"{name}title", "") for g in root.iter(f"{name}g")] == expected
    assert [g.get("data-name") for g in root.iter(f"{name}g")] == expected
    assert {e.tag.removeprefix(name) for e in root.iter()} <= {"svg", "title", "desc", "style", "path", "g", "text"}
    assert not [a for e in root.iter() for a in e.attrib if a.startswith("on") or a.endswith("href")]


class Page(HTMLParser):
    """The elements of a page: name, attributes, text."""

    def __init__(self, source: str):
        super().__init__()
        self.elements: list[list[Any]] = []
        self.open: list[list[Any]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = [tag, dict(attrs), ""]
        assert len(attrs) == len(element[1])
        self.elements.append(element)
        if tag not in ("meta",):
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1][2] += data

    def texts(self, tag: str) -> list[str]:
        return [text for name, _, text in self.elements if name == tag]


def check_html(labels: list[str]) -> None:
    page = Page(html.render(groups_of(labels), 100, 50, title="".join(labels)[:99]))
    expected = [clean(label) for label in labels]
    assert not page.open and page.texts("text") == expected
    assert page.texts("li") == [text or "box" for text in expected]
    assert len(page.texts("script")) == 1 and page.texts("script")[0].startswith('"use strict";')
    assert not [a for _, attrs, _ in page.elements for a in attrs if re.match("on|href|src|style$|xlink", a)]


MARKS = {command: mark for mark, command in tex.ACCENTS.items()}
KNOWN = {value: c for c, value in reversed(tex.SIGNS.items()) if value.startswith("\\")}
"""Commands, and the first of the characters that they are for."""
ALIKE = {c: KNOWN.get(value, value) for c, value in tex.SIGNS.items()} | dict.fromkeys("\t\n\r", " ")
COMMANDS = re.compile("|".join(map(re.escape, sorted(KNOWN, key=len, reverse=True))))


def decoded(source: str) -> str:
    """The text that TeX sets, from the source of a label."""
    out = ""
    while source:
        if found := COMMANDS.match(source):
            out += KNOWN[found[0]]
        elif found := re.match(r"\\missing\{([^\x00-\x7f])\}", source):
            out += found[1]
        elif found := re.match(r"\\text(?:super|sub)script\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}", source):
            out += decoded(found[1])
        elif (found := re.match(r"\\([^A-Za-z]|[A-Za-z])\{([A-Za-z])\}", source)) and found[1] in MARKS:
            out += found[2] + MARKS[found[1]]
        elif found := re.match(r"\{\}", source):
            pass
        else:
            found = re.match(r"[^\\{}$&#^_~%\x00-\x1f\x7f-\U0010ffff]", source)
            assert found, source[:40]
            out += found[0]
        source = source[found.end() :]
    return out


def alike(text: str) -> str:
    """A text up to what TeX sets alike."""
    once = unicodedata.normalize("NFKC", "".join(ALIKE.get(c, c) for c in unicodedata.normalize("NFC", text)))
    return unicodedata.normalize("NFKC", "".join(ALIKE.get(c, c) for c in once))


def check_tex(labels: list[str]) -> None:
    source = tex.render(groups_of(labels), 100, 50)
    assert source.startswith(tex.HEAD)
    nodes = re.findall(r"^\\node\[.*?\] at \(-?[\d.]+,-?[\d.]+\) \{(.*)\};$", source, re.M)
    assert len(nodes) == len(labels)
    for label, body in zip(labels, nodes, strict=True):
        if len(label) > tex.LONGEST:
            found = re.fullmatch(r"\\hbox to 0pt\{(?:\\hss\{\})?(.*?)(?:\\hss\{\})?\}", body)
            assert found
            body = found[1]
        assert not re.search("--|''|``|,,|[?!]`", body), "TeX makes one sign of two"
        assert alike(decoded(body)) == alike(clean(label))
    depth = 0
    for token in re.findall(r"\\[A-Za-z]+|\\[^A-Za-z]|[{}]", source):
        depth += (token == "{") - (token == "}")
        assert depth >= 0
    assert depth == 0 and source.count("\n") < len(labels) + 40


TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|->|[{}\[\]=]|-?[0-9.]+|[A-Za-z_][A-Za-z0-9_]*|$)', re.S)


def read_dot(source: str) -> tuple[dict[str, dict[str, str]], list[tuple[str, str, str]], list[str]]:
    """The nodes with their attributes, the edges with their labels, and the labels of clusters."""
    tokens, at = [], 0
    while at < len(source):
        found = TOKEN.match(source, at)
        assert found, source[at : at + 40]
        tokens.append(found[1])
        at = found.end()

    def text(token: str) -> str:
        if not token.startswith('"'):
            return token
        plain = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), token[1:-1], flags=re.S)
        assert not re.search("&(?!amp;)", plain)
        return plain.replace("&amp;", "&")

    nodes, edges, clusters = {}, [], []
    tokens = [t for t in tokens if t]
    assert tokens[:2] == ["digraph", "{"]
    i, depth = 2, 1
    while depth:
        if tokens[i] == "}":
            i, depth = i + 1, depth - 1
            continue
        if tokens[i] == "subgraph":
            assert tokens[i + 2] == "{"
            i, depth = i + 3, depth + 1
            continue
        if tokens[i + 1] == "=":
            if tokens[i] == "label" and depth > 1:
                clusters.append(text(tokens[i + 2]))
            i += 3
            continue
        names = [tokens[i]]
        while tokens[i + 1] == "->":
            i += 2
            names.append(tokens[i])
        assert tokens[i + 1] == "["
        i += 2
        attributes = {}
        while tokens[i] != "]":
            assert tokens[i + 1] == "="
            attributes[tokens[i]] = text(tokens[i + 2])
            i += 3
        i += 1
        if len(names) == 2:
            edges.append((*names, attributes["label"]))
        elif names[0] not in ("node", "edge"):
            assert names[0] not in nodes
            nodes[names[0]] = attributes
    assert i == len(tokens)
    return nodes, edges, clusters


def check_dot(labels: list[str]) -> None:
    scene = Scene(10, 10, "neural", "".join(labels)[:99])
    scene.glyphs = [box(label, (i,)) for i, label in enumerate(labels)]
    nodes, edges, _ = read_dot(dot.write(scene))
    assert not edges and list(nodes) == [f"g{i}" for i in range(len(labels))]
    for label, attributes in zip(labels, nodes.values(), strict=True):
        whole = attributes.get("tooltip", attributes["label"])
        assert whole == clean(label) and (len(label) > dot.WIDTH) == ("tooltip" in attributes)
        assert len(attributes["label"]) <= dot.WIDTH


CHECKS = [check_svg, check_html, check_tex, check_dot]


# -- texts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS)
def test_texts_come_out_as_texts(check):
    @settings(max_examples=200)
    @example(NASTIES)
    @example([])
    @given(st.lists(LABELS, max_size=4))
    def holds(labels):
        check(labels)

    holds()


@pytest.mark.slow
def test_a_hundred_thousand_labels():
    generator = random.Random(0)
    pools = [range(0x110000), range(0x80), range(0x100, 0x3000), range(0x2000, 0x2070), range(0xD800, 0xE000)]

    def label() -> str:
        pieces = []
        for _ in range(generator.randrange(6)):
            if generator.random() < 0.3:
                pieces.append(generator.choice(NASTIES)[:50])
            else:
                pool = generator.choice(pools)
                pieces.append("".join(chr(generator.choice(pool)) for _ in range(generator.randrange(8))))
        return "".join(pieces)

    for _ in range(200):
        labels = [label() for _ in range(500)]
        for check in CHECKS:
            check(labels)


@pytest.mark.parametrize("engine", ["pdflatex", "lualatex"])
def test_tex_compiles(engine, tmp_path):
    if shutil.which(engine) is None:
        pytest.skip(f"there is no {engine} here")
    if engine == "lualatex" and not _has("luatex85.sty", "fontspec.sty", "lmsans10-regular.otf"):
        pytest.skip("lualatex lacks packages here")
    every = "".join(tex.SIGNS) + "".join(unicodedata.normalize("NFC", "e" + mark) for mark in tex.ACCENTS)
    labels = [*NASTIES, *(every[i : i + 40] for i in range(0, len(every), 40))]
    source = tex.render([*SAMPLE, *groups_of(labels), *groups_of(["", *labels])], 300, 200)
    (tmp_path / "a.tex").write_text(source, encoding="utf-8")
    command = [engine, "-interaction=batchmode", "-halt-on-error", "-no-shell-escape", "a.tex"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300)
    log = (tmp_path / "a.log").read_text(errors="replace")
    assert ran.returncode == 0, log[-2000:]
    assert "passwd" not in log
    if engine == "pdflatex":
        assert b"/Type3" not in (tmp_path / "a.pdf").read_bytes() and "Missing character" not in log


def _has(*files: str) -> bool:
    return all(subprocess.run(["kpsewhich", file], capture_output=True).returncode == 0 for file in files)


def test_wide_pictures_are_made_smaller_in_tex():
    wide = tex.render([Group("wire", (Stroke((("M", 0, 0), ("L", 28000, 0))), Text("x", 0, 0, 10)))], 28000, 10)
    assert "(0,0) -- (14000,0)" in wide and r"\size{5}" in wide and "line width=0.5bp" in wide


# -- pictures --------------------------------------------------------------------------------


def test_svg_is_short_and_plain():
    source = svg.render(SAMPLE, 100, 60.0, title="A & B")
    assert 'viewBox="0 0 100 60" width="100" height="60" role="img"' in source
    assert "<title>A &amp; B</title>" in source and "<desc>Boxes: 1. Wires: 1." in source
    assert '<g class="wire" data-name="key" data-pair="1"><title>Real(3)</title>' in source
    assert '<path class="s-kept0" d="M0 10.13C10 10 20 0.33 30.5 0"/>' in source
    assert '<path class="f-ink" d="M1 1V9L7 8"/>' in source
    assert '<path class="s-quiet f-tint0" stroke-width="0.6" d="M5 5H95V55Z"/>' in source
    assert 'stroke-width="2" stroke-dasharray="7.5 6"' in source
    assert f"{{stroke:{COLOURS['kept0']}}}" in source and "var(" not in source
    assert '<text class="f-quiet e i" font-size="9" x="99" y="20">über x²</text>' in source
    assert not re.search(r"\d\.\d{3}", source.partition("</style>")[2])


def test_pictures_of_different_themes_do_not_mix():
    light, dark = (svg.render(SAMPLE, 10, 10, THEMES[name]) for name in ("light", "dark"))
    classes = [ET.fromstring(source).attrib["class"] for source in (light, dark)]
    assert classes[0] != classes[1]
    for source, name in zip((light, dark), classes, strict=True):
        css = re.search("<style>(.*)</style>", source)
        assert css and all(rule.startswith(f".{name} .") for rule in css[1].split("}")[:-1])


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (-0.001, "0"), (1.005, "1"), (1.5, "1.5"), (100, "100"), (-2.129, "-2.13"), (1e6, "1000000")],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize("colour", ["red;}</style><script>", "red", "#fff", "", None])
@pytest.mark.parametrize("render", [svg.render, tex.render, html.render, raster.pdf])
def test_colours_are_colours(render, colour):
    theme = Theme("mine", COLOURS | {"ink": colour})  # type: ignore[dict-item]
    refused(DataError, lambda: render(SAMPLE, 100, 60, theme), "'mine'", "'ink'", "#rrggbb")


def test_fonts_are_text():
    assert ET.fromstring(svg.render(SAMPLE, 9, 9, Theme(font='"A" <b>'))).attrib["font-family"] == '"A" <b>'


def test_unfilled_paper_is_left_out():
    clear = Theme(filled=False)
    assert "f-paper" not in svg.render(SAMPLE, 9, 9, clear).partition("</style>")[2]
    assert "fill=paper]" not in tex.render(SAMPLE, 9, 9, clear)


def test_the_page_lets_nothing_else_in():
    source = html.render(SAMPLE, 100, 60)
    page = Page(source)
    policy = next(attrs["content"] for _, attrs, _ in page.elements if "http-equiv" in attrs)
    for text in (*page.texts("script"), *page.texts("style")):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy and len(page.texts("style")) == 2
    assert "//" not in re.sub(r"http://www.w3.org/2000/svg|^ *// .*$", "", source, flags=re.M)


def test_the_page_follows_the_reader():
    light, dark, own = (
        html.render(SAMPLE, 9, 9, t) for t in (THEMES["light"], THEMES["dark"], Theme("own", filled=False))
    )
    assert "prefers-color-scheme:dark" in light and "prefers-color-scheme:dark" not in dark + own
    assert "@media print{:root" in light and "@media print{:root" in dark and "@media print{:root" not in own
    assert "#view .s-kept0{stroke:var(--kept0)}" in light and f"--ink:{THEMES['dark']['ink']};" in light


CLICKS = """
const wait = [...document.querySelectorAll("#view svg > g")];
const click = (element) => {
  const { x, y, width, height } = element.querySelector("path:last-of-type").getBoundingClientRect();
  const how = { clientX: x + width / 2, clientY: y + height / 2, button: 0, isPrimary: true, pointerId: 1 };
  document.elementFromPoint = () => element;
  view.setPointerCapture = () => {};
  for (const type of ["pointerdown", "pointerup"]) view.dispatchEvent(new PointerEvent(type, how));
  return wait.flatMap((g, i) => (g.matches(".on, .hidden") ? [i] : []));
};
document.body.dataset.found = JSON.stringify(CLICKED.map((i) => click(wait[i])));
"""


def clicked(scene: Scene, clicks: list[Any], folder: Any) -> list[list[int]]:
    """The numbers of the items that are followed or hidden after each click on one, in a browser."""
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if browser is None:
        pytest.skip("there is no browser here")
    numbers = {id(item): i for i, item in enumerate(scene.items())}
    script = CLICKS.replace("CLICKED", str([numbers[id(item)] for item in clicks]))
    page = re.sub("<meta http-equiv[^>]*>", "", html.write(scene))
    page = page.replace("</body>", f"<script>{script}</script></body>")
    (folder / "a.html").write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'user'}", "--dump-dom"]
    ran = subprocess.run([browser, *options, str(folder / "a.html")], capture_output=True, text=True, timeout=120)
    found = re.search('data-found="([^"]*)"', ran.stdout)
    assert found, ran.stderr[-2000:]
    return json.loads(found[1])


def test_a_click_follows_a_strand_and_one_more_its_name(tmp_path):
    scene = draw(tanh @ exp, Real(a=3), Real(a=3))
    items, threads = list(scene.items()), strands(scene)
    first = [items.index(w) for w, n in zip(scene.wires, threads, strict=True) if n == 0]
    every = [items.index(w) for w in scene.wires]
    assert clicked(scene, [scene.wires[0]] * 4, tmp_path) == [first, every, [], first]
    plain = draw(tanh >> exp, Real(3))
    every = [list(plain.items()).index(w) for w in plain.wires]
    assert clicked(plain, [plain.wires[0]] * 2, tmp_path) == [every, []]


@pytest.mark.parametrize("way", ["equation", "backward"])
def test_a_folded_frame_hides_its_own_contents_only(way, tmp_path):
    part = block("part", tanh >> exp).at(Real(3))
    scene = equation(part, part) if way == "equation" else draw(part, style="backward")
    left, right = scene.frames
    items = list(scene.items())
    for frame, hidden in zip(scene.frames, clicked(scene, [left, left, right], tmp_path)[::2], strict=True):

        def holds(x: float, y: float, frame: Frame = frame) -> bool:
            right, below = frame.x + frame.width + 0.01, frame.y + frame.height + 0.01
            return frame.x - 0.01 <= x <= right and frame.y - 0.01 <= y <= below

        inside = [items[i] for i in hidden]
        glyphs = [glyph for glyph in scene.glyphs if holds(glyph.x, glyph.y)]
        assert [item for item in inside if isinstance(item, Glyph)] == glyphs and len(glyphs) > 1
        wires = [wire for wire in scene.wires if holds(*wire.start) and holds(*wire.end)]
        assert [item for item in inside if isinstance(item, Wire)] == wires and len(wires) > 1


def test_edges_and_clusters_in_dot():
    """x -> [f -> g] -> h, k -> out; f's array has two axes, and g lies behind the side of a frame."""
    scene = Scene(100, 50, "neural")
    two = ((20.0, 5.0), (20.0, 15.0))
    scene.frames = [Frame("block", 15, 0, 60, 50, "part <1>", "", (1,), None, 0)]
    scene.glyphs = [
        box("f", (0,), (((2.0, 5.0),),), (((10.0, 5.0), (10.0, 15.0)),)),
        replace(box("g", (1, 0), (two,), (((30.0, 5.0),),)), x=20.0),
        box("h", (2,), (((60.0, 5.0),),), (((70.0, 5.0),),)),
        box("k", (3,), (((70.0, 5.0),),), (((80.0, 5.0),),)),
    ]

    def wire(n: int, axis: int, start: Any, end: Any, address: Any = (), title: str = "") -> Wire:
        return Wire("axis", n, axis, "key", 3, (("M", *start), ("L", *end)), address, title=title)

    scene.wires = [
        wire(0, 0, (0.0, 5.0), (2.0, 5.0)),
        wire(1, 0, (10.0, 5.0), (15.0, 5.0), title="Real(2, 3)"),
        wire(1, 1, (10.0, 15.0), (15.0, 15.0), title="Real(2, 3)"),
        wire(0, 0, (15.0, 5.0), (20.0, 5.0), (1,), "Real(2, 3)"),
        wire(0, 1, (15.0, 15.0), (20.0, 15.0), (1,), "Real(2, 3)"),
        wire(1, 0, (30.0, 5.0), (45.0, 5.0), (1,), "Real(3)"),
        wire(2, 0, (45.0, 5.0), (60.0, 5.0), (), "Real(3)"),
        wire(3, 0, (80.0, 5.0), (100.0, 5.0)),
        wire(4, 0, (0.0, 40.0), (100.0, 40.0), title="Bit()"),
    ]
    source = dot.write(scene)
    nodes, edges, clusters = read_dot(source)
    assert list(nodes) == ["g0", "g1", "g2", "g3", "in0", "in1", "out0", "out1"]
    assert edges[:4] == [
        ("in0", "g0", "key=3"), ("g0", "g1", "Real(2, 3)"), ("g1", "g2", "Real(3)"), ("g2", "g3", ""),
    ]  # fmt: skip
    assert {(start, text) for start, _, text in edges[4:]} == {("g3", "key=3"), ("in1", "Bit()")}
    assert clusters == ["part <1>"] and re.search(r"cluster_0 \{[^}]*g1 [^}]*\}", source)


def test_strands_go_on_in_new_lines_and_over_the_copies_and_sums_of_lenses():
    wrapped = draw(tanh >> exp >> tanh >> exp >> tanh, Real(3), wrap=120)
    assert any(wire.role == "breaks" for wire in wrapped.wires) and set(strands(wrapped)) == {0}
    lens = draw(copy >> add, Real(3), style="lens")
    changes = dict(zip(lens.wires, strands(lens), strict=True))
    assert {n for wire, n in changes.items() if wire.axis == -1} == {0}
    assert {n for wire, n in changes.items() if wire.axis == -2} == {1}


def dots(scene: Scene) -> tuple[dict[str, str], list[tuple[str, ...]]]:
    """The labels of the nodes and the ends of the edges with their numbers."""
    source = dot.write(scene)
    nodes, edges, _ = read_dot(source)
    lines = [line for line in source.splitlines() if "->" in line]
    numbers = [[*re.findall("taillabel=(\\d+)", line), *re.findall("headlabel=(\\d+)", line)] for line in lines]
    return {n: a["label"] for n, a in nodes.items()}, [(*e[:2], *k) for e, k in zip(edges, numbers, strict=True)]


def test_dot_says_which_input_and_output():
    spaces = Real(3), Real(3)
    assert dots(draw(identity(2), *spaces))[1] == [("in0", "out0"), ("in1", "out1")]
    assert set(dots(draw(swap, *spaces))[1]) == {("in1", "out0"), ("in0", "out1")}
    last = ("g0", "out0")
    assert dots(draw(subtract, *spaces))[1] == [("in0", "g0", "0"), ("in1", "g0", "1"), last]
    assert dots(draw(swap >> subtract, *spaces))[1] == [("in1", "g0", "0"), ("in0", "g0", "1"), last]


def test_dot_joins_what_goes_on_in_a_new_line():
    term = tanh >> exp >> tanh >> exp >> tanh
    assert dots(draw(term, Real(3, 2), wrap=120)) == dots(draw(term, Real(3, 2)))


@pytest.mark.parametrize("wrap", [900.0, 100.0])
def test_dot_of_an_equation_has_two_sides(wrap):
    _, edges = dots(equation((tanh @ exp).at(Real(3), Real(3)), swap.at(Real(3), Real(3)), wrap=wrap))
    left = {("in0", "g0"), ("in1", "g1"), ("g0", "out0"), ("g1", "out1")}
    assert set(edges) == left | {("right_in1", "right_out0"), ("right_in0", "right_out1")}


def test_dot_of_both_directions():
    nodes, edges = dots(draw(copy >> subtract, Real(3), style="lens"))
    assert set(edges) == {
        ("in0", "g0"), ("g0", "g1", "0", "0"), ("g0", "g1", "1", "1"), ("g1", "out0"),
        ("out0_back", "g1"), ("g1", "g0", "0", "0"), ("g1", "g0", "1", "1"), ("g0", "in0_back"),
    }  # fmt: skip
    nodes, edges = dots(draw(tanh >> exp, Real(3), style="backward"))
    kept = {("g0", "g1"), ("g2", "g3"), ("g3", "g5"), ("g5", "g4"), ("g1", "g7"), ("g7", "g6")}
    there, back = {("in0", "g0"), ("g0", "g2"), ("g2", "out0")}, {("out0_back", "g4"), ("g4", "g6"), ("g6", "in0_back")}
    assert set(edges) == kept | there | back and nodes["in0_back"] == "in0′"
    nodes, edges = dots(draw(learner(dense(2).at(Real(3)), loss=squared, optimiser=adam(1e-3))))
    ends = {label for name, label in nodes.items() if not name.startswith("g")}
    assert ends == {"P", "P′", "P⁺", "S", "S⁺", "weight", "weight′", "bias", "bias′", "y", "y′", "in1", "in1′"}
    assert {("g0", "g2", "0"), ("g2", "g0", "0"), ("g2", "g3"), ("g3", "g2")} <= set(edges)
    assert all(sum(name in edge[:2] for edge in edges) == 1 for name in nodes if not name.startswith("g"))


def test_dot_is_refused_where_no_wire_leads_to_a_box(tmp_path):
    scene = draw(subtract, Real(3), Real(3))
    del scene.wires[0]
    refused(FileError, lambda: scene.save(tmp_path / "a.dot"), "input 0 of subtract", "no wire", ".svg")


# -- files -----------------------------------------------------------------------------------


@pytest.fixture
def scene(monkeypatch):
    """A scene that consists of the sample."""
    monkeypatch.setattr(common, "shapes", lambda scene: iter(SAMPLE))
    return Scene(100.5, 60, "neural", "A title")


ENDINGS = [".svg", ".tex", ".dot", ".html", ".png", ".pdf"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_saving_gives_the_same_bytes_every_time(scene, ending, tmp_path):
    for name in ("a", "b"):
        save(scene, tmp_path / f"{name}{ending}")
    first, second = ((tmp_path / f"{name}{ending}").read_bytes() for name in ("a", "b"))
    assert first == second and len(first) > 50
    refused(FileError, lambda: save(scene, tmp_path / "nowhere" / f"a{ending}"), "cannot write", "folder")


def test_other_endings_are_refused(scene, tmp_path):
    refused(FileError, lambda: save(scene, tmp_path / "a.gif"), ".svg, .tex, .dot, .html, .png or .pdf", ".gif")
    refused(FileError, lambda: save(scene, tmp_path / "a"), "no ending")
    save(scene, tmp_path / "a.SVG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.SVG"]


@pytest.mark.parametrize("dpi, size", [(72, (100, 60)), (144, (201, 120)), (192, (268, 160)), (100, (140, 83))])
def test_png_has_the_size_asked_for(scene, dpi, size, tmp_path):
    save(scene, tmp_path / "a.png", dpi=dpi)
    raw = (tmp_path / "a.png").read_bytes()
    assert raw.startswith(b"\x89PNG") and size == (int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big"))


def test_pictures_save_with_dots_and_refuse_what_no_format_knows(scene, tmp_path):
    scene.save(tmp_path / "a.png", dpi=72)
    assert int.from_bytes((tmp_path / "a.png").read_bytes()[16:20], "big") == 100
    refused(LensError, lambda: scene.save(tmp_path / "b.png", dots=72), "save: dots=72", "dpi")
    for path in (None, 3):
        refused(FileError, lambda path=path: scene.save(path), "cannot write", str(path))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_points_that_differ_by_rounding_have_one_key():
    for k in range(2000):
        at = k / 200
        assert key((at - 1e-9, at)) == key((at + 1e-9, at)) and key((at, at)) != key((at + 0.02, at))


def test_too_large_a_png_is_refused():
    refused(FileError, lambda: raster.png(SAMPLE, 20_000, 9000), "53333 x 24000", "dpi of 87.9", ".svg or .pdf")
    refused(FileError, lambda: raster.png(SAMPLE, 100, 100, dpi=0), "dpi=0", "above 0")
    refused(FileError, lambda: raster.png(SAMPLE, 100, 100, dpi=float("nan")), "dpi=nan")


def test_pdf_is_curves_and_texts():
    raw = raster.pdf([*SAMPLE, *groups_of(["$x^2$", "αβ", "\U0001f600"])], 100.5, 60)
    assert raw.startswith(b"%PDF") and b"/MediaBox [ 0 0 100.5 60 ]" in raw
    assert not re.search(rb"/Subtype\s*/Image", raw) and b"/FontFile2" in raw and b"/Type3" not in raw


def test_rasters_draw_any_text_and_no_mathematics(monkeypatch):
    from matplotlib import mathtext, rcParams

    monkeypatch.setattr(mathtext.MathTextParser, "parse", lambda *_, **__: pytest.fail("read as mathematics"))
    monkeypatch.setitem(rcParams, "text.usetex", True)
    monkeypatch.setitem(rcParams, "savefig.bbox", "tight")
    groups = groups_of(NASTIES)
    for write in (raster.png, raster.pdf):
        assert len(write(groups, 200, 100)) > 1000
    assert rcParams["text.usetex"]


@pytest.mark.parametrize("ending", [".png", ".pdf"])
def test_missing_matplotlib_is_said(scene, ending, tmp_path, monkeypatch):
    file = tmp_path / f"a{ending}"
    file.write_text("before")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused(FileError, lambda: save(scene, file), "matplotlib", r"pip install paralens\[pictures\]")
    assert file.read_text() == "before" and len(list(tmp_path.iterdir())) == 1
