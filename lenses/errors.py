"""The errors of the library: a few kinds, each naming what is wrong, where, and what to do.

Every error raised on purpose is a `LensError`. Its message is built by `explain`, so that all of
them read alike: a headline, then one labelled line a fact.
"""


class LensError(Exception):
    """Base class of every error that the library raises on purpose."""


class ArityError(LensError, TypeError):
    """Two terms, or a term and its wires, do not have the same number of wires."""


class SpaceError(LensError, ValueError):
    """A wire carries a space that a box cannot take; names the box, the wire and both spaces."""


class ParameterError(LensError, ValueError):
    """A tree of parameters or states does not belong to the model it was given to."""


class DataError(LensError, ValueError):
    """Data that cannot be used as given: empty, of the wrong type, out of range, or not a number."""


class FileError(LensError, OSError):
    """A file that is truncated, changed, foreign, or that cannot be written."""


def shown(value: object, width: int = 60) -> str:
    """The text of any value on one line of at most `width` characters, whatever its `repr` does."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        return f"a value of type {type(value).__name__} that cannot be printed"
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def explain(headline: str, **facts: object) -> str:
    """A message: `headline`, then the facts that are not None, one a line, aligned.

    Underscores in the names of facts are printed as spaces.
    """
    shown = {name.replace("_", " "): text for name, text in facts.items() if text is not None}
    width = max((len(name) for name in shown), default=0) + 1
    lines = [headline]
    for name, text in shown.items():
        body = str(text).replace("\n", "\n" + " " * (width + 3))
        lines.append(f"  {name + ':':<{width}} {body}")
    return "\n".join(lines)
