"""A compositional language for learning: terms, their derivatives, and what they mean in JAX."""

from .boxes.convolution import conv, max_pool, mean_pool
from .boxes.lifted import lift
from .boxes.linear import bias, dense, einsum, linear, matmul, scale
from .boxes.lookup import constant, embedding, one_hot
from .boxes.normalisation import batch_norm, layer_norm, rms_norm
from .boxes.pointwise import *
from .boxes.random import dropout
from .boxes.rearrange import concatenate, flatten, rearrange, split
from .boxes.reductions import argmax, log_softmax, logsumexp, reduce_max, reduce_mean, reduce_min, reduce_sum, softmax, spread
from .combinators import block, coupling, expose, over, para, repeat, reparametrise, scan, tied
from .compile import compile
from .spaces import Index, Real, Space, unit
from .terms import add, compose, copy, discard, identity, permute, swap, tensor, zero
from .wiring import wired
