"""The command line: what it prints, its exit status, and its errors, one message each."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

import pytest

import diagrams
from lenses import LensError, Real, block, cli, demo, dense, laws, relu
from lenses.rules import recompute


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """The exit status, what was printed, and what was printed as an error."""
    status = cli.main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def test_demo_learns_and_says_where_the_time_went(capsys, tmp_path):
    picture = tmp_path / "digits.svg"
    status, out, err = run(capsys, "demo", "--picture", str(picture))
    assert status == 0
    accuracy = re.search(r"accuracy: +([\d.]+) on the test images: (\d+) of 359 right", out)
    assert accuracy is not None
    assert float(accuracy[1]) == pytest.approx(int(accuracy[2]) / 359, abs=1e-4)
    assert float(accuracy[1]) >= 0.97
    table = dict(re.findall(r"^  (\S.*?) +([\d.]+) s", out, re.MULTILINE))
    phases = ["start and imports", "data and set-up", "tracing and compiling", "training", "evaluation"]
    phases += ["laws", "picture", "total"]
    assert list(table) == phases
    assert float(table["total"]) == pytest.approx(sum(float(table[p]) for p in phases[:-1]), abs=0.3)
    assert float(table["tracing and compiling"]) > 0.1 and float(table["training"]) > 0.1
    assert "30/30" in err  # the progress bar
    assert picture.read_text().startswith("<svg")


def test_demo_with_a_seed_is_repeatable(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second, other = (run(capsys, "demo", "--no-laws", "--epochs", "1", "--seed", seed)[1] for seed in "112")
    line = re.compile("loss: .*")
    assert line.search(first)[0] == line.search(second)[0] != line.search(other)[0]  # type: ignore[index]


@pytest.mark.parametrize("arguments", [("--epochs", "0"), ("--seed", "-1")])
def test_demo_refuses_numbers_that_make_no_sense(capsys, arguments):
    status, out, err = run(capsys, "demo", *arguments)
    assert (status, out) == (1, "") and "expected" in err and arguments[1] in err


def test_demo_without_scikit_learn_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    status, _, err = run(capsys, "demo")
    assert status == 1 and "pip install 'paralens[examples]'" in err


def test_stopping_is_no_crash(capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", stopped)
    assert run(capsys, "demo") == (130, "", "stopped\n")


def test_clock_counts_overlapping_compilation_once():
    assert demo._covered([(0.0, 2.0), (1.0, 3.0), (1.5, 1.7), (5.0, 6.0)]) == pytest.approx(4.0)
    clock = demo.Clock()
    with clock.phase("sleeping"):
        time.sleep(0.05)
        clock._listen("/jax/core/compile/some_duration", 0.03)
        clock._listen("/jax/something/else", 0.03)
    assert clock.seconds[clock.COMPILING] == pytest.approx(0.03, abs=1e-6)
    assert 0.02 <= clock.seconds["sleeping"] < 0.5


def test_since_start_is_the_age_of_the_process():
    program = (
        "import time; from lenses.demo import since_start; a = since_start(); time.sleep(0.3); print(a, since_start())"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, second = map(float, done.stdout.split())
    assert 0 < first <= second <= time.monotonic() - started + 0.1


# -- show ------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of terms in the working directory."""
    source = (
        "from lenses import *\n"
        "from lenses import rules\n"
        "mlp = dense(64) >> relu >> dense(10)\n"
        "typed = (block('encoder', dense(3)) ** 1 >> batch_norm()).at(Real(pixel=5))\n"
        "deep = block('encoder', dense(3) >> relu).at(Real(batch=8, d=5))\n"
        "again = rules.recompute('encoder')\n"
        "around = copy >> identity @ compose(*[tanh] * 4) >> add\n"
        "number = 3\n"
        "right = (lambda x: x**2, lambda x, dy: 2 * x * dy)\n"
        "wrong = (lambda x: x**2, lambda x, dy: x * dy)\n"
    )
    (tmp_path / "some_terms.py").write_text(source)
    (tmp_path / "broken_terms.py").write_text("from lenses import dense\nmodel = dense(3) >> dense(3) @ dense(3)\n")
    (tmp_path / "failing_terms.py").write_text("1 / 0\n")
    (tmp_path / "lacking_terms.py").write_text("import no_such_module_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in ("some_terms", "broken_terms", "failing_terms", "lacking_terms"):
        sys.modules.pop(name, None)


def test_show_prints_types_parameters_and_cost(capsys, module):
    status, out, _ = run(capsys, "show", "some_terms:mlp", "--at", "Real(8)")
    assert status == 0
    assert out.splitlines() == [
        "term:        dense(64) >> relu >> dense(10)",
        "domain:      Real(8)",
        "codomain:    Real(10)",
        "parameters:  1,226 numbers in 4 arrays",
        "  dense_0.weight  Real(8, 64)",
        "  dense_0.bias    Real(64)",
        "  dense_1.weight  Real(64, 10)",
        "  dense_1.bias    Real(10)",
        f"operations:  {2 * 8 * 64 + 64 + 64 + 2 * 64 * 10 + 10:,} an example",
    ]


def test_show_needs_no_space_for_a_typed_term_and_prints_states(capsys, module):
    status, out, _ = run(capsys, "show", "some_terms:typed")
    assert status == 0
    assert "Real(pixel=5)" in out and "  encoder.dense_0.weight" in out
    assert "states:" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["some_terms"], ["names no term", "module:name"]),
        (["some_terms:mlq"], ["no 'mlq' in some_terms", "mlp"]),
        (["some_terms:number"], ["some_terms:number is no term", "3"]),
        (["no_such_terms:mlp"], ["no module 'no_such_terms'"]),
        (["lacking_terms:mlp"], ["no module 'no_such_module_at_all'"]),
        (["failing_terms:mlp"], ["'failing_terms' cannot be imported", "ZeroDivisionError"]),
        (["broken_terms:model"], ["1 wire into 2", "copy"]),
        (["some_terms:mlp"], ["the space of some_terms:mlp is missing", '--at "Real(64)"']),
        (["some_terms:mlp", "--at", "Real(64"], ["cannot read the space"]),
        (["some_terms:mlp", "--at", "__import__('os')"], ["cannot read the space"]),
        (["some_terms:mlp", "--at", "Index(below=3)"], ["dense(64) cannot take Index(below=3)", "^^^"]),
        (["some_terms:mlp", "--at", "Real(3) @ Real(3)"], ["1 input wires cannot carry 2 arrays"]),
        (["some_terms:typed", "--at", "Real(4)"], ["Real(pixel=5)", "Real(4)"]),
    ],
)
def test_show_says_what_is_wrong(capsys, module, arguments, words):
    status, out, err = run(capsys, "show", *arguments)
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_find_term_gives_the_term(module):
    assert cli.find_term("some_terms:mlp").at(Real(2)) == (dense(64) >> relu >> dense(10)).at(Real(2))
    with pytest.raises(LensError, match="there is no 'head'"):
        cli.find_term("some_terms:mlp.head")


def test_find_object_gives_anything(module):
    assert cli.find_object("some_terms:number") == 3
    with pytest.raises(LensError, match="'some_terms' names no object"):
        cli.find_object("some_terms")


# -- check and laws --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["svg", "tex", "dot", "html", "png", "pdf"])
def test_draw_writes_a_picture(capsys, module, tmp_path, ending):
    arguments = [
        "draw",
        "some_terms:mlp",
        "--at",
        "Real(8)",
        "-o",
        f"mlp.{ending}",
        "--style",
        "string",
        "--title",
        "A",
    ]
    assert run(capsys, *arguments) == (0, f"mlp.{ending}\n", "")
    assert (tmp_path / f"mlp.{ending}").stat().st_size > 200


@pytest.mark.parametrize("style", ["lens", "backward", "graph"])
def test_draw_in_every_style(capsys, module, tmp_path, style):
    assert run(capsys, "draw", "some_terms:mlp", "--at", "Real(8)", "--style", style) == (0, "mlp.svg\n", "")


def test_draw_has_defaults(capsys, module, tmp_path):
    assert run(capsys, "draw", "some_terms:mlp", "--at", "Real(8)", "--fold", "1")[1] == "mlp.svg\n"
    assert (tmp_path / "mlp.svg").read_text().startswith("<svg")


def test_draw_groups_axes(capsys, module, tmp_path):
    assert run(capsys, "draw", "some_terms:mlp", "--at", "Real(y=8, x=8, c=3)", "--group", "pixel=y,x")[0] == 0
    assert "pixel = 8 × 8" in (tmp_path / "mlp.svg").read_text()
    assert run(capsys, "draw", "some_terms:mlp", "--at", "Real(y=8, x=8, c=3)", "--bars", "y", "x")[0] == 0
    assert (tmp_path / "mlp.svg").read_text().count(">y</tspan>") > 0


def test_draw_cuts_long_wires(capsys, module, tmp_path):
    for arguments, slots in (((), 0), (("--memory", "3"), 2), (("--memory",), 0)):
        assert run(capsys, "draw", "some_terms:around", "--at", "Real(2)", *arguments)[0] == 0
        assert (tmp_path / "around.svg").read_text().count('data-pair="m1"') == slots


def test_draw_under_a_rule(capsys, module, tmp_path):
    common = ["draw", "some_terms:deep", "-o", "deep.svg", "--overlay", "recomputed", "kept"]
    for rule in ("recompute('encoder')", "some_terms:again"):
        assert run(capsys, *common, "--rule", rule) == (0, "deep.svg\n", "")
        assert "mark" in (tmp_path / "deep.svg").read_text()
        again = (tmp_path / "deep.svg").read_bytes()
    plain = diagrams.draw(block("encoder", dense(3) >> relu).at(Real(batch=8, d=5)), rule=recompute("encoder"),
                          overlays=("recomputed", "kept"))  # fmt: skip
    assert again.decode() == plain.svg()
    backward = ["draw", "some_terms:mlp", "--at", "Real(8)", "--style", "backward", "--rule"]
    assert run(capsys, *backward, "lrp(epsilon=1e-4)")[0] == run(capsys, *backward, "backprop")[0] == 0


def test_draw_over_a_mesh(capsys, module, tmp_path):
    assert run(capsys, "draw", "some_terms:deep", "--mesh", "batch=data", "d=model") == (0, "deep.svg\n", "")
    expected = diagrams.draw(block("encoder", dense(3) >> relu).at(Real(batch=8, d=5)),
                             mesh={"batch": "data", "d": "model"})  # fmt: skip
    assert (tmp_path / "deep.svg").read_text() == expected.svg()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("some_terms:deep", "--overlay", "recomputed"), "needs a rule"),
        (("some_terms:deep", "--rule", "lrp"), "nothing in this picture depends on it"),
        (("some_terms:deep", "--rule", "recompose('encoder')"), "there is no rule recompose"),
        (("some_terms:deep", "--rule", "recompute(encoder)"), "cannot read the rule"),
        (("some_terms:deep", "--rule", "lrp(size=3)"), "unexpected keyword"),
        (("some_terms:deep", "--rule", "lrp(epsilon=-1.0)"), "a number above 0"),
        (("some_terms:deep", "--rule", "some_terms:number"), "is no rule"),
        (("some_terms:deep", "--rule", "__import__('os')"), "there is no rule __import__"),
        (("some_terms:deep", "--mesh", "batch"), "AXIS=MESH"),
        (("some_terms:deep", "--mesh", "token=data"), "no axis is called 'token'"),
        (("some_terms:mlp",), "the space of some_terms:mlp is missing"),
        (("some_terms:mlp", "--at", "Real(8)", "-o", "mlp.gif"), ".svg"),
        (("some_terms:mlp", "--at", "Real(8)", "-o", "nowhere/mlp.svg"), "folder"),
        (("some_terms:mlp", "--at", "Real(8)", "--style", "cubist"), "'neural'"),
        (("some_terms:mlp", "--at", "Real(8)", "--fold", "encoder"), "no part 'encoder'"),
        (("some_terms:mlp", "--at", "Real(8)", "--group", "y,x"), "LABEL=AXIS,AXIS"),
    ],
)
def test_draw_says_what_is_wrong(capsys, module, tmp_path, arguments, words):
    before = sorted(tmp_path.iterdir())
    status, out, err = run(capsys, "draw", *arguments)
    assert (status, out) == (1, "") and words in err
    assert [p for p in sorted(tmp_path.iterdir()) if p.name != "__pycache__"] == [
        p for p in before if p.name != "__pycache__"
    ]


def test_check_prints_the_report(capsys, module):
    only = ["--law", "RD.3", "lawful lens", "--law", "vjp"]
    status, out, _ = run(capsys, "check", "some_terms:mlp", "--at", "Real(2)", "--examples", "2", *only)
    assert status == 0
    assert "laws of (dense(64) >> relu >> dense(10)).at(Real(2))\n  2 instances a law, in float64, seed 0" in out
    assert "GetPut  fails, as it should" in out
    assert out.splitlines()[-1] == "7 laws: 1 proved, 3 hold, 3 fail as they should"


def test_check_fails_with_the_smallest_example(capsys, module):
    arguments = ["check", "some_terms:wrong", "--at", "Real(3)", "--law", "vjp", "--dtype", "float32", "--seed", "3"]
    status, out, _ = run(capsys, *arguments)
    assert status == 1
    assert "in float32, seed 3" in out and "1 law: 1 FAIL" in out
    assert "its own derivative is wrong" in out and "Real(1)" in out
    again, same, _ = run(capsys, *arguments)
    assert (again, same) == (status, out)


@pytest.mark.parametrize(("name", "passed"), [("right", True), ("wrong", False)])
def test_check_as_json(capsys, module, name, passed):
    status, out, _ = run(capsys, "check", f"some_terms:{name}", "--at", "Real(3)", "--law", "vjp", "--json")
    report = json.loads(out)
    (finding,) = report["findings"]
    assert report["passed"] is passed and status == (0 if passed else 1)
    assert finding["law"] == "reverse derivative/vjp" and finding["ok"] is passed
    assert finding["outcome"] == ("holds" if passed else "fails")
    if not passed:
        failure = finding["failure"]
        (left,), (right,) = failure["left"], failure["right"]
        assert right == pytest.approx(2 * left) and failure["replay"].startswith("laws.replay(")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["some_terms:mlp"], ["the space of some_terms:mlp is missing", '--at "Real(64)"']),
        (["some_terms:wrong"], ["the space of some_terms:wrong is missing", '--at "Real(64)"']),
        (["some_terms:mlq"], ["no 'mlq' in some_terms"]),
        (["some_terms:number"], ["3 has no laws that are known", "a pair (forward, backward)"]),
        (["no_such_terms:mlp"], ["no module 'no_such_terms'"]),
        (["some_terms:mlp", "--at", "Real(64"], ["cannot read the space"]),
        (["some_terms:typed", "--at", "Real(4)"], ["Real(pixel=5)", "Real(4)"]),
        (["some_terms:typed", "--law", "RD.55"], ["no law is called 'RD.55'"]),
        (["some_terms:typed", "--examples", "0"], ["0 instances a law"]),
        (["some_terms:typed", "--dtype", "float12"], ["'float12'", "float32"]),
        (["lenses.rules:guided"], ["guided takes no arrays", "laws.check(guided())"]),
    ],
)
def test_check_says_what_is_wrong(capsys, module, arguments, words):
    status, out, err = run(capsys, "check", *arguments)
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_laws_prints_the_catalogue(capsys):
    status, out, _ = run(capsys, "laws")
    assert status == 0
    for structure in laws.STRUCTURES.values():
        assert f"{structure.name}: {structure.says}" in out
    for law in laws.catalogue():
        said = "" if law.holds else " (must be seen to fail)"
        assert f"  {law.name}{said}\n      {law.statement}\n      {law.source}\n" in out


def test_laws_of_some_structures(capsys):
    status, out, _ = run(capsys, "laws", "lawful lens")
    assert status == 0 and out.count("must be seen to fail") == 3 and out.startswith("lawful lens: ")
    status, _, err = run(capsys, "laws", "flawful lens")
    assert status == 1 and "no structure 'flawful lens'" in err and "lawful lens" in err


# -- the command -----------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["--version"], 0), ([], 2), (["paint"], 2)])
def test_usage(capsys, arguments, status):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert left.value.code == status
    assert ("usage: lenses" in out + err) or re.match(r"lenses [\d(]", out)


def test_every_command_has_help(capsys):
    for name, command in cli.COMMANDS.items():
        with pytest.raises(SystemExit) as left:
            cli.main([name, "--help"])
        assert left.value.code == 0
        assert command.help in " ".join(capsys.readouterr().out.split())


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "lenses.cli", "show", "nowhere"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("'nowhere' names no term") and "Traceback" not in done.stderr
