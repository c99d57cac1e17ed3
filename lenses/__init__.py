"""A compositional language for learning: terms, their derivatives, and what they mean in JAX."""

from .boxes.convolution import conv, max_pool, mean_pool
from .boxes.gradients import scale_gradient
from .boxes.lifted import lift
from .boxes.linear import bias, dense, einsum, linear, matmul, scale
from .boxes.lookup import constant, embedding, one_hot, select
from .boxes.masks import causal_mask
from .boxes.normalisation import batch_norm, layer_norm, rms_norm
from .boxes.pointwise import (
    absolute,
    cos,
    divide,
    elu,
    exp,
    gelu,
    leaky_relu,
    log,
    maximum,
    minimum,
    multiply,
    power,
    reciprocal,
    relu,
    rsqrt,
    shift,
    sigmoid,
    sign,
    silu,
    sin,
    softplus,
    sqrt,
    square,
    step,
    subtract,
    tanh,
)
from .boxes.random import dropout
from .boxes.rearrange import concatenate, flatten, rearrange, split
from .boxes.reductions import (
    argmax,
    log_softmax,
    logsumexp,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_sum,
    softmax,
    spread,
)
from .boxes.structure import add, copy, discard, zero
from .boxes.windows import windows
from .causal import Causal, delay, elman, gru, lstm
from .combinators import block, coupling, expose, over, para, reparametrise, repeat, scan, tied
from .compile import Compiled, compile
from .cost import flops
from .differentiation.jacobian import Jacobian, jacobian
from .errors import ArityError, DataError, FileError, LensError, ParameterError, SpaceError
from .files import load_term, save_term
from .inference import inference
from .learner.adversarial import Adversarial, adversarial
from .learner.games import Game, game
from .learner.learner import Dreamer, Learner, dream, learner
from .learner.losses import (
    absolute_error,
    binary_cross_entropy,
    dot_product,
    hinge,
    log_cosh,
    quartic,
    softmax_cross_entropy,
    squared,
)
from .learner.modifiers import ascending, clipped, every
from .learner.optimisers import adagrad, adam, adamw, momentum, nesterov, optax, rmsprop, sgd
from .learner.rates import constant_rate, scheduled_rate
from .learner.run import History
from .reverse import reverse, tangent
from .rigs import Field, Truth
from .rules.rule import Rule, backprop
from .spaces import Bits, Index, Real, Residue, Space, parse_space, unit
from .terms import Box, Port, Term, compose, identity, permute, swap, tensor
from .typed import Typed
from .wiring import Wire, wired
