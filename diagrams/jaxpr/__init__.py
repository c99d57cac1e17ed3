"""Plans of JAX functions: the program into which JAX traces a function, as boxes and wires, with nothing left out.

Every equation becomes a node and every variable a wire. Where a variable is read several times stands a
copy, where it is not read a discard, and constants are nodes too, but for numbers that are written
into the text of an elementwise function, as in "× 0.125".
What is done at each equation is told by its primitive: `primitives.LOOKS` holds a function for each that
is known, which gives the glyph and the strands. All others are boxes that act along all their axes.

Parts (jitted functions, loops, branches) hold the plan of what they do, and their strands are found
from it: an axis runs past a part if it runs past all that it meets inside.

`trace` goes from a function to a program, `equations` from a program to a plan, on a `sheet`, and
`parts` and `primitives` say how each equation is drawn.
"""

from .trace import labels_of, of_function

__all__ = ["labels_of", "of_function"]
