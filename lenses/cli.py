"""The command ``lenses``: one subcommand an entry of `COMMANDS`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from .errors import LensError, explain
from .terms import Term
from .typed import Typed, as_typed


class Command(NamedTuple):
    """A subcommand: a line of help, what adds its arguments to a parser, and what runs it."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], Any]
    run: Callable[[argparse.Namespace], None]


# -- demo ------------------------------------------------------------------------------------


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--epochs", type=int, default=30, help="how often each image is seen (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="what to draw the split and the start from (default: %(default)s)"
    )


def _demo(options: argparse.Namespace) -> None:
    from . import demo

    demo.run(options.epochs, options.seed, started=demo.since_start())


# -- show ------------------------------------------------------------------------------------


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("term", metavar="module:term", help="a term by the module it is in and its name there")
    parser.add_argument("--at", metavar="SPACE", help='the domain, e.g. "Real(28, 28, 1) @ Index(below=10)"')


def _show(options: argparse.Namespace) -> None:
    print(describe(typed_term(options.term, options.at)))


def find_term(place: str) -> Term:
    """The term at ``module:name``, looked for in the working directory too; raises LensError if it is not there."""
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise LensError(explain(f"{place!r} names no term", expected="module:name, as in models:encoder for models.py"))
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
    if not isinstance(found, Term):
        raise LensError(explain(f"{place} is no term", came=f"{found!r:.200}", expected="e.g. dense(64) >> relu"))
    return found


def typed_term(place: str, at: str | None) -> Typed:
    """The term at ``module:name`` typed at the space that `at` spells; `at` may be missing for a typed term."""
    from .spaces import parse_space

    term = find_term(place)
    if at is None and not isinstance(term, Typed) and term.arity[0]:
        raise LensError(explain(f"the space of {place} is missing", do='say it, as in --at "Real(64)"'))
    return as_typed(term, None if at is None else parse_space(at), place)


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


# -- the command -----------------------------------------------------------------------------

COMMANDS: dict[str, Command] = {
    "demo": Command("train a small network on handwritten digits, and say where the time went", _demo_arguments, _demo),
    "show": Command("print a term with its types, its parameters and its cost", _show_arguments, _show),
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
    """Runs the command line; the exit status: 0, 1 for an error of the library, 2 for wrong usage, 130 if stopped."""
    options = parser().parse_args(arguments)
    try:
        COMMANDS[options.command].run(options)
    except LensError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
