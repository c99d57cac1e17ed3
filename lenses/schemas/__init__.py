"""Schemas: neural networks as functors out of a category that is given by a graph and path equations.

A `Schema` is a graph with equations between its paths. An `Architecture` sends its objects to spaces and its
arrows to parametrised maps, and so each path to a composite of them: a functor from the free category on the
graph to Para. With a point of all parameters it is a `Model`, a functor to functions. Training is descent on
task losses and on how far the equations are from holding on data (Gavranovic 2019).
"""

from .adversarial import adversarial_tasks
from .architecture import Architecture, Model
from .learner import SchemaLearner
from .losses import Losses, Task, apart, supervised, violation
from .schema import Arrow, Path, PathEquation, Schema

__all__ = [
    "Architecture",
    "Arrow",
    "Losses",
    "Model",
    "Path",
    "PathEquation",
    "Schema",
    "SchemaLearner",
    "Task",
    "adversarial_tasks",
    "apart",
    "supervised",
    "violation",
]
