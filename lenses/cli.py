"""The command ``lenses``: one subcommand an entry of `COMMANDS`."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from .errors import LensError, explain, shown
from .terms import Term
from .typed import Typed, as_typed


class Command(NamedTuple):
    """A subcommand: a line of help, what adds its arguments to a parser, and what runs it."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], Any]
    run: Callable[[argparse.Namespace], int | None]  # the exit status, where it is not 0


# -- demo ------------------------------------------------------------------------------------


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--epochs", type=int, default=30, help="how often each image is seen (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="what to draw the split and the start from (default: %(default)s)"
    )
    parser.add_argument("--no-laws", dest="laws", action="store_false", help="leave the check of laws out")
    parser.add_argument(
        "--picture", metavar="FILE", default="digits.svg", help="where the model is drawn (default: %(default)s)"
    )


def _demo(options: argparse.Namespace) -> None:
    from . import demo

    demo.run(options.epochs, options.seed, started=demo.since_start(), laws=options.laws, picture=options.picture)


# -- show ------------------------------------------------------------------------------------


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("term", metavar="module:term", help="a term by the module it is in and its name there")
    parser.add_argument("--at", metavar="SPACE", help='the domain, e.g. "Real(28, 28, 1) @ Index(below=10)"')


def _show(options: argparse.Namespace) -> None:
    print(describe(typed_term(options.term, options.at)))


def find_term(place: str) -> Term:
    """The term at ``module:name``; raises LensError where there is none."""
    found = find_object(place, "term")
    if not isinstance(found, Term):
        raise LensError(explain(f"{place} is no term", came=f"{found!r:.200}", expected="e.g. dense(64) >> relu"))
    return found


def find_object(place: str, what: str = "object") -> Any:
    """What is at ``module:name``, looked for in the working directory too; raises LensError if it is not there."""
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise LensError(
            explain(f"{place!r} names no {what}", expected="module:name, as in models:encoder for models.py")
        )
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except LensError:
        raise
    except ModuleNotFoundError as error:
        raise LensError(
            explain(f"there is no module {error.name!r}", wanted=place, do="run this in the folder where the module is")
        ) from None
    except Exception as error:  # whatever the user's module raises is said in the library's way
        raise LensError(
            explain(f"the module {module!r} cannot be imported", because=f"{type(error).__name__}: {error}")
        ) from error
    for step in name.split("."):
        if not hasattr(found, step):
            terms = (
                ", ".join(k for k, v in vars(found).items() if isinstance(v, Term))
                if hasattr(found, "__dict__")
                else ""
            )
            raise LensError(
                explain(
                    f"there is no {step!r} in {place.rpartition(step)[0].rstrip(':.')}", terms=terms or "none there"
                )
            )
        found = getattr(found, step)
    return found


def typed_term(place: str, at: str | None) -> Typed:
    """The term at ``module:name`` typed at the space that `at` spells; `at` may be missing for a typed term."""
    from .spaces import parse_space

    term = find_term(place)
    if at is None and not isinstance(term, Typed) and term.arity[0]:
        raise _no_space(place)
    return as_typed(term, None if at is None else parse_space(at), place)


def _no_space(place: str) -> LensError:
    return LensError(explain(f"the space of {place} is missing", do='say it, as in --at "Real(64)"'))


def describe(typed: Typed) -> str:
    """A typed term on a few lines: the term, its spaces, its parameters and states, its cost."""
    from .cost import flops
    from .trees import leaves, whole

    lines = [f"term:        {typed.term!r}", f"domain:      {typed.dom!r}", f"codomain:    {typed.cod!r}"]
    for what, tree in {"parameters": whole(typed.circuit), "states": typed.circuit.states}.items():
        arrays = {".".join(path): leaf.array for path, leaf in leaves(tree)}
        if not arrays and what == "states":
            continue
        width = max(map(len, arrays), default=0)
        lines.append(f"{what + ':':<12} {sum(a.size for a in arrays.values()):,} numbers in {len(arrays)} arrays")
        lines += [f"  {name:<{width}}  {array!r}" for name, array in arrays.items()]
    return "\n".join([*lines, f"operations:  {flops(typed.term, typed.dom):,} an example"])


# -- draw ------------------------------------------------------------------------------------


def _draw_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "term", metavar="module:term", help="a term, function, learner, game, causal map or schema, by module and name"
    )
    parser.add_argument("--at", metavar="SPACE", help='the domain, e.g. "Real(28, 28, 1) @ Index(below=10)"')
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="ends in .svg, .pdf, .png, .tex, .dot or .html (default: NAME.svg)"
    )
    parser.add_argument("--style", help="neural, string, circuit, graph, lens or backward (default: neural)")
    parser.add_argument(
        "--fold", metavar="N|PATH", nargs="+", help="open N levels of parts, or close the parts at paths such as a/b"
    )
    parser.add_argument("--labels", help="both, names, sizes or none (default: both)")
    parser.add_argument("--convolutions", help="short or long: the windows and the learned map (default: short)")
    parser.add_argument(
        "--expand", metavar="PATH", nargs="?", const="", help="draw a part closed = opened; all of it without a path"
    )
    parser.add_argument("--theme", default="light", help="light, dark or print (default: %(default)s)")
    parser.add_argument("--title", default="", help="stands above the picture")
    parser.add_argument("--names", nargs="+", help="names of the inputs")
    parser.add_argument("--legend", action="store_true", help="write the sizes of the named axes below")
    parser.add_argument("--overlay", metavar="NAME", nargs="+", default=[], help="memory, flops, kept, recomputed")
    parser.add_argument(
        "--rule", metavar="RULE", help="of the backward pass, e.g. lrp, recompute('encoder') or module:rule"
    )
    parser.add_argument("--mesh", metavar="AXIS=MESH", nargs="+", help="lay axes on a mesh, as in batch=data")
    parser.add_argument("--wrap", type=float, metavar="POINTS", help="go on in a new line after this width")
    parser.add_argument(
        "--memory", type=int, nargs="?", const=True, default=False, metavar="N",
        help="draw wires past more than N columns of boxes (5 unless given) as named slots, written and read",
    )  # fmt: skip
    parser.add_argument("--bars", metavar="AXIS", nargs="+", default=[], help="draw a bar over the names of these axes")
    parser.add_argument(
        "--group", metavar="LABEL=AXIS,AXIS", nargs="+", default=[], help="draw neighbouring axes as one double wire"
    )


def _draw(options: argparse.Namespace) -> None:
    from . import pictures
    from .causal import Causal
    from .spaces import parse_space

    subject = find_object(options.term, "term")
    spaces: list[Any] = []
    if isinstance(subject, Term):
        subject = typed_term(options.term, options.at)
    elif options.at is not None:
        spaces = [parse_space(options.at)]
    elif callable(subject) or (isinstance(subject, Causal) and subject.dom is None):
        raise _no_space(options.term)
    fold = options.fold
    if fold is not None and len(fold) == 1 and fold[0].isdecimal():
        fold = int(fold[0])
    same = ("style", "labels", "theme", "title", "names", "wrap", "legend", "convolutions", "expand")
    how = {k: getattr(options, k) for k in same}
    groups = dict(_group(text) for text in options.group)
    how |= {"mesh": parse_mesh(options.mesh), "rule": find_rule(options.rule)}
    path = options.output or f"{options.term.rpartition(':')[2].rpartition('.')[2]}.svg"
    how |= {"groups": groups or None, "bars": options.bars, "memory": options.memory}
    pictures.draw(subject, *spaces, fold=fold, overlays=tuple(options.overlay), **how).save(path)
    print(path)


def _group(text: str) -> tuple[str, tuple[str, ...]]:
    """A label and its axes, from LABEL=AXIS,AXIS."""
    label, equals, axes = text.partition("=")
    if not equals:
        raise LensError(explain(f"--group {text}", expected="LABEL=AXIS,AXIS, as in pixel=height,width"))
    return label, tuple(axes.split(","))


def find_rule(text: str | None) -> Any:
    """The rule that `text` spells, by its name in `lenses.rules`, with arguments or without, or at ``module:name``.

    Raises LensError for text that spells none; nothing in it is evaluated.
    """
    from . import rules

    known = ", ".join(name for name in rules.__all__ if name.islower())
    do = f"one of {known}, as in recompute('encoder'), or the module and the name of your own, as in models:rule"
    if text is None:
        return None
    if re.fullmatch(r"[\w.]+:[\w.]+", text):
        found = find_object(text, "rule")
    else:
        try:
            found = _named_rule(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
            raise LensError(explain(f"cannot read the rule {shown(text)}", because=error, do=do)) from None
    if not isinstance(found, rules.Rule):
        raise LensError(explain(f"{text} is no rule", came=shown(found), do=do))
    return found


def _named_rule(spelled: ast.expr) -> Any:
    """The rule that a name or a call with plain values spells."""
    from . import rules

    call = spelled if isinstance(spelled, ast.Call) else None
    name = spelled if call is None else call.func
    if not isinstance(name, ast.Name) or name.id not in rules.__all__ or not name.id.islower():
        raise ValueError(f"there is no rule {ast.unparse(name)}")
    found = getattr(rules, name.id)
    if isinstance(found, rules.Rule):
        return found
    given = [] if call is None else [ast.literal_eval(a) for a in call.args]
    return found(*given, **{k.arg: ast.literal_eval(k.value) for k in (call.keywords if call else ()) if k.arg})


def parse_mesh(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """The mapping of names of axes to those of a mesh that ``axis=mesh`` spell; raises LensError for other words."""
    if pairs is None:
        return None
    for pair in pairs:
        if not all(pair.partition("=")):
            raise LensError(explain(f"--mesh {shown(pair)}", expected="AXIS=MESH, as in batch=data"))
    return {axis: mesh for axis, _, mesh in (pair.partition("=") for pair in pairs)}


# -- check and laws --------------------------------------------------------------------------


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject",
        metavar="module:name",
        help="a term, a function, a class of boxes, a pair (forward, backward), a rule, a loss, an optimiser, ...",
    )
    parser.add_argument("--at", metavar="SPACE", help='the domain of a term or a function, e.g. "Real(64)"')
    parser.add_argument("--law", metavar="NAME", nargs="+", action="extend", help="only these laws or structures")
    parser.add_argument("--examples", type=int, metavar="N", help="instances a law (default: 4)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of terms and points (default: %(default)s)")
    parser.add_argument("--dtype", default="float64", help="what carries real numbers (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _check(options: argparse.Namespace) -> int:
    from . import laws
    from .laws.subjects import needs_space
    from .spaces import parse_space

    subject = find_object(options.subject)
    space = None if options.at is None else parse_space(options.at)
    if space is None and needs_space(subject):
        raise _no_space(options.subject)
    more = {} if options.examples is None else {"examples": options.examples}
    report = laws.check(subject, space, law=options.law, seed=options.seed, dtype=options.dtype, **more)
    print(json.dumps(report.data, indent=2, allow_nan=False) if options.json else report)
    return 0 if report.passed else 1


def _laws_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("structure", nargs="*", help="only these structures, by name")


def _laws(options: argparse.Namespace) -> None:
    from .laws import STRUCTURES

    for name in options.structure:
        if name not in STRUCTURES:
            raise LensError(explain(f"there is no structure {name!r}", structures=", ".join(STRUCTURES)))
    for structure in STRUCTURES.values():
        if options.structure and structure.name not in options.structure:
            continue
        inherits = f"; with the laws of: {', '.join(s.name for s in structure.extends)}" if structure.extends else ""
        print(f"{structure.name}: {structure.says}{inherits}")
        for law in structure.own.values():
            print(f"  {law.name}{'' if law.holds else ' (must be seen to fail)'}")
            print(f"      {law.statement}")
            print(f"      {law.source}")


# -- the command -----------------------------------------------------------------------------

COMMANDS: dict[str, Command] = {
    "demo": Command(
        "train a small network on handwritten digits, check its laws, draw it, and say where the time went",
        _demo_arguments,
        _demo,
    ),
    "show": Command("print a term with its types, its parameters and its cost", _show_arguments, _show),
    "draw": Command("draw a term as a neural circuit diagram, or in another style", _draw_arguments, _draw),
    "check": Command("try the laws that apply to a term, a function, a rule, ...", _check_arguments, _check),
    "laws": Command("print every law: its structure, name, statement and source", _laws_arguments, _laws),
}


def _version() -> str:
    try:
        return f"lenses {version('paralens')}"
    except PackageNotFoundError:
        return "lenses (run from its source, not installed)"


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(prog="lenses", description="A compositional language for learning on JAX.")
    made.add_argument("--version", action="version", version=_version())
    commands = made.add_subparsers(dest="command", metavar="command", required=True)
    for name, command in COMMANDS.items():
        command.arguments(commands.add_parser(name, help=command.help, description=command.help))
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    The exit status is 0, or 1 for an error of the library or a law that fails, 2 for wrong usage, 130 if stopped.
    """
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command].run(options) or 0
    except LensError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
