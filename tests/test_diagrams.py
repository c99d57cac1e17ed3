"""The drawn wiring graph against the graph that runs."""

from __future__ import annotations

import re

import pytest
from helpers import refused

import diagrams
from lenses import Real, SpaceError, add, block, copy, dense, identity, lift, relu, tanh
from lenses.errors import FileError


def nodes(source):
    return re.findall(r"^\t+(n_\S+) \[label=(.*?)\]$", source, re.M)


def test_every_box_and_wire_is_drawn():
    term = (copy >> (identity @ (dense(3) >> tanh >> dense(4))) >> add).at(Real(pixel=4))
    source = diagrams.draw(term).source
    assert [label.strip('"') for _, label in nodes(source)] == ["copy", "dense(3)", "tanh", "dense(4)", "add"]
    edges = re.findall(r"^\t+(\S+) -> (\S+) \[label=\"(.*)\"\]$", source, re.M)
    assert len(edges) == sum(len(node.ins) for node in term.graph.nodes) + 1
    assert ("n_0", "n_1", "Real(pixel=4)") in edges and ("n_4", "out0", "Real(pixel=4)") in edges


def test_blocks_are_clusters():
    term = (block("encoder", dense(3) >> relu) >> dense(2)).at(Real(4))
    opened, closed = diagrams.draw(term).source, diagrams.draw(term, depth=0).source
    assert "subgraph cluster_n_0" in opened and "label=encoder" in opened and len(nodes(opened)) == 3
    assert "subgraph" not in closed and len(nodes(closed)) == 2


def test_labels_are_text():
    hostile = lift(lambda x: x, name='"]; evil [label="\\N<b>')
    source = diagrams.draw(hostile.at(Real(2))).source
    assert len(nodes(source)) == 1 and "evil [" not in re.sub(r'"(\\.|[^"\\])*"', "", source)


def test_saving(tmp_path):
    picture = diagrams.draw(dense(3).at(Real(4)))
    picture.save(tmp_path / "dense.dot")
    assert (tmp_path / "dense.dot").read_text() == picture.source
    refused(FileError, lambda: picture.save(tmp_path / "dense.xyz"), ".dot, .svg", "xyz")
    refused(FileError, lambda: picture.save(tmp_path / "nowhere" / "dense.dot"), "cannot write", "folder")


def test_a_missing_program_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    refused(FileError, lambda: diagrams.draw(dense(3).at(Real(4))).save(tmp_path / "x.svg"), "no program `dot`")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("term", [dense(3)])
def test_an_untyped_term_is_refused(term):
    refused(SpaceError, lambda: diagrams.draw(term), "draw needs a typed term", "1 input wires")
