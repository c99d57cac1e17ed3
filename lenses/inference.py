"""Inference as a functor from terms to terms: what a model is once it has been trained."""

from __future__ import annotations

import dataclasses

from .boxes.normalisation import BatchNorm
from .boxes.random import Dropout
from .functor import Functor
from .terms import Term, check_terms, identity

_functor = Functor(
    {
        Dropout: lambda box: identity,
        BatchNorm: lambda box: dataclasses.replace(box, training=False),
    }
)


def inference(term: Term) -> Term:
    """The term without dropout, and with batch normalisation by the running statistics; its parameters are the same."""
    check_terms("given to inference", [term])
    return _functor(term)
