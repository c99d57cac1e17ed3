"""Architectures, each as the term that one would write, at sizes that run in a moment.

Axes that have a letter in the paper are named: `m` is the width of a model, `k` that of a query or
key, `head` tells heads apart, `c` is channels.
"""

from __future__ import annotations

from lenses import (
    Index,
    Real,
    Term,
    add,
    batch_norm,
    bias,
    block,
    causal_mask,
    compose,
    concatenate,
    conv,
    copy,
    dense,
    discard,
    einsum,
    embedding,
    gelu,
    identity,
    layer_norm,
    linear,
    max_pool,
    mean_pool,
    over,
    rearrange,
    reduce_mean,
    relu,
    scale,
    scan,
    select,
    softmax,
    tanh,
    wired,
)

from .picture import Picture

# -- axes ------------------------------------------------------------------------------------


@wired
def indexes(x):
    """An element of a matrix, a row of it, and a column."""
    row = select(2, "row")
    return select(1, "column")(row(x)), row(x), select(0, "column")(x)


broadcast = over("n", block("H", concatenate() >> dense(k=2)))

# -- perceptrons -----------------------------------------------------------------------------

perceptron = dense(hidden=8) >> relu >> dense(out=3)

recogniser = compose(
    rearrange("y x -> (y x)"),
    block("linear relu stack", dense(512) >> relu >> dense(512) >> relu >> dense(k=10)),
    softmax(),
)

# -- attention -------------------------------------------------------------------------------

D = 8
"""The width of queries and keys where there is one head."""
M, HEADS, K = 16, 4, 4
"""The width of a model, its number of heads, and the width of queries and keys in each of them."""


@wired
def attention(q, k, v):
    """softmax(q k' / sqrt(d)) v."""
    scores = einsum("query d, key d -> query key")(q, k)
    weights = softmax("key")(scale(D**-0.5)(scores))
    return einsum("query key, key d -> query d")(weights, v)


def heads_attention(mask: Term = identity) -> Term:
    """Attention in every head by itself, as a block; `mask` is applied to the scores."""

    @wired
    def inside(q, k, v):
        scores = einsum("query k head, key k head -> query key head")(q, k)
        weights = softmax("key")(mask(scale(K**-0.5)(scores)))
        return einsum("query key head, key k head -> query k head")(weights, v)

    return block("scaled dot-product attention", inside)


def multi_head(mask: Term = identity) -> Term:
    """The queries of `y` attend to the keys of `x`; four learned maps."""
    to_query, to_key, to_value = (block(name, linear(k=K, head=HEADS)) for name in "QKV")
    join = block("O", linear(m=M, axes=2))

    @wired
    def inside(y, x):
        return join(heads_attention(mask)(to_query(y), to_key(x), to_value(x)))

    return block("multi-head attention", inside)


@wired
def cross_attention(y, x):
    """A sequence y attends to a sequence x, with one head."""
    to_query, to_key, to_value = (block(name, linear(d=D)) for name in "QKV")
    return block("O", linear(m=M))(attention(to_query(y), to_key(x), to_value(x)))


# -- transformers ----------------------------------------------------------------------------


def residual(f: Term) -> Term:
    """x + f(x)."""
    return copy >> identity @ f >> add


feed_forward = block("feed-forward", dense(hidden=32) >> relu >> dense(m=M))
self_attention = copy >> multi_head()
causal = causal_mask("query", "key")

encoder_block = block(
    "encoder block", residual(self_attention) >> layer_norm() >> residual(feed_forward) >> layer_norm()
)


@wired
def decoder_layers(y, x):
    """What the decoder has so far, y, and what the encoder made, x, which is handed on."""
    y = (residual(copy >> multi_head(causal)) >> layer_norm())(y)
    y = layer_norm()(y + multi_head()(y, x))
    return (residual(feed_forward) >> layer_norm())(y), x


decoder_block = block("decoder block", decoder_layers)

WORDS, LAYERS = 20, 6
embed = embedding(m=M) >> bias(2)  # the bias is the learned embedding of positions
encoder = block("encoder", embed >> encoder_block**LAYERS)
decoder = block("decoder", embed @ identity >> decoder_block**LAYERS >> identity @ discard)
transformer = identity @ encoder >> decoder >> dense(word=WORDS) >> softmax("word")

# -- recurrent networks ----------------------------------------------------------------------

cell = dense(h=4) @ dense(h=4) >> add >> tanh >> copy
recurrent = scan(block("cell", cell), "time")

# -- convolutions ----------------------------------------------------------------------------

image = Real(y=8, x=8, c=3)


def normalised(convolution: Term) -> Term:
    """Normalise, activate, convolve."""
    return block("normalise and activate", batch_norm() >> relu) >> convolution


def component(features: int, stride: int = 1) -> Term:
    """A residual component without its first normalisation: down to a quarter of the features, and back."""
    narrow = features // 4
    return compose(
        conv(narrow, (1, 1), stride=stride),
        normalised(conv(narrow, (3, 3))),
        normalised(conv(features, (1, 1))),
    )


residual_block = residual(normalised(component(8)))


def stage(features: int, stride: int, blocks: int = 3) -> Term:
    """A residual block that changes the size, with a learned way round, and blocks that keep it."""
    change = copy >> component(features, stride) @ conv(features, (1, 1), stride=stride) >> add
    return block(
        f"stage {features}",
        normalised(change) >> residual(normalised(component(features))) ** (blocks - 1),
    )


identity_resnet = compose(
    conv(4, (3, 3)),
    stage(8, 1),
    stage(16, 2),
    stage(32, 2),
    normalised(mean_pool((2, 2))),
    rearrange("1 1 c -> c"),
    dense(k=10),
    softmax("k"),
)


def double_convolution(features: int) -> Term:
    """Two convolutions, each followed by relu."""
    return block("double convolution", (conv(features, (3, 3)) >> relu) >> (conv(features, (3, 3)) >> relu))


def scales(features: int, below: Term) -> Term:
    """One scale of a U-Net around the scales `below` it, which work at half the size."""
    up = conv(features, (2, 2), stride=2, transposed=True)
    return compose(
        double_convolution(features),
        copy,
        identity @ (max_pool((2, 2)) >> below >> up),
        concatenate("c"),
        double_convolution(features),
    )


unet = scales(4, scales(8, double_convolution(16))) >> conv(2, (1, 1))

# -- attention on images ---------------------------------------------------------------------

patches = rearrange("(y p) (x q) c -> (y x) (p q c)", p=2, q=2)
vision_block = block(
    "vision block",
    residual(layer_norm() >> self_attention)
    >> residual(block("feed-forward", layer_norm() >> dense(hidden=32) >> gelu >> dense(m=M))),
)
vision_transformer = compose(
    block("patches", patches >> dense(m=M) >> bias(2)),
    vision_block**LAYERS,
    layer_norm() >> reduce_mean(-2) >> dense(k=10) >> softmax("k"),
)


@wired
def visual_attention(y, x):
    """Each pixel of y attends to all pixels of x; convolutions with a kernel of 1 are the learned maps."""
    learned = conv(D, (1, 1), bias=False) >> rearrange("y x c -> (y x) c")
    scores = einsum("query c, key c -> query key")(learned(y), learned(x))
    weights = softmax("key")(scale(D**-0.5)(scores))
    seen = einsum("query key, key c -> query c")(weights, learned(x))
    return conv(3, (1, 1), bias=False)(rearrange("(y x) c -> y x c", y=4)(seen))


# -- the pictures ----------------------------------------------------------------------------

PIXELS = {"groups": {"pixel": ("y", "x")}, "bars": ("pixel",)}
"""Draws the two axes of an image as one, with a bar over its name."""

ARCHITECTURES = [
    Picture(
        "indexes",
        "Indexes",
        "An element of a matrix, a row and a column: an axis ends in the entry that is taken of it.",
        indexes.at(Real(row=4, column=3)),
    ),
    Picture(
        "inner-broadcasting",
        "Inner broadcasting",
        "An operation of two vectors, on each row of a matrix and the same vector: the axis of the rows runs past it.",
        broadcast.at(Real(n=4, c=3), Real(d=4)),
        fold=("over_0/H",),
    ),
    Picture(
        "perceptron",
        "Two-layer perceptron",
        "Two learned affine maps with relu between them.",
        perceptron.at(Real(x=5)),
        inputs=("X",),
    ),
    Picture(
        "image-recogniser",
        "Image recogniser",
        "The two axes of an image become one; three learned maps; a softmax over ten digits.",
        recogniser.at(Real(y=28, x=28)),
        inputs=("X",),
    ),
    Picture(
        "attention",
        "Scaled dot-product attention",
        "Both products are contractions; softmax acts along the keys alone, and the queries run past.",
        attention.at(Real(query=6, d=D), Real(key=5, d=D), Real(key=5, d=D)),
        inputs=("Q", "K", "V"),
    ),
    Picture(
        "multi-head-attention",
        "Multi-head attention",
        "Four learned maps; each head attends by itself, so the axes of heads merge at dots.",
        multi_head().at(Real(query=6, m=M), Real(key=5, m=M)),
        inputs=("Y", "X"),
    ),
    Picture(
        "multi-head-attention-expansion",
        "What multi-head attention is",
        "A block, and what it is made of.",
        multi_head().at(Real(query=6, m=M), Real(key=5, m=M)),
        fold=1,
        inputs=("Y", "X"),
        expand="",
    ),
    Picture(
        "cross-attention",
        "Cross-attention",
        "Queries come from one sequence, keys and values from another.",
        cross_attention.at(Real(query=6, m=M), Real(key=5, m=M)),
        inputs=("Y", "X"),
    ),
    Picture(
        "masked-attention",
        "Causal attention",
        "A mask hides from each query the keys that come after it.",
        (copy >> multi_head(causal)).at(Real(target=6, m=M)),
        inputs=("Y",),
    ),
    Picture(
        "encoder-block",
        "Encoder block",
        "Self-attention and a feed-forward network, each added to its input and normalised.",
        encoder_block.at(Real(source=5, m=M)),
        fold=2,
        inputs=("X",),
    ),
    Picture(
        "encoder",
        "Encoder",
        "Six encoder blocks, each with parameters of its own.",
        (encoder_block**LAYERS).at(Real(source=5, m=M)),
        fold=2,
        inputs=("X",),
    ),
    Picture(
        "decoder-block",
        "Decoder block",
        "Causal self-attention, attention to the encoder's output, and a feed-forward network.",
        decoder_block.at(Real(target=6, m=M), Real(source=5, m=M)),
        fold=2,
        inputs=("Y", "X"),
    ),
    Picture(
        "transformer",
        "Transformer",
        "Encoder and decoder, from tokens to the probabilities of the next ones.",
        transformer.at(Index(target=6, below=WORDS), Index(source=5, below=WORDS)),
        fold=2,
        inputs=("Y", "X"),
    ),
    Picture(
        "recurrent",
        "Recurrent network",
        "A cell at every time: its state leaves at the right bracket and enters again at the left.",
        recurrent.at(Real(h=4), Real(time=7, x=3)),
        inputs=("H", "X"),
    ),
    Picture(
        "convolution",
        "Convolution",
        "A window of 3 by 3 pixels at every pixel, and a learned map of what is in it.",
        conv(4, (3, 3)).at(image),
    ),
    Picture(
        "convolution-strided",
        "Strided convolution",
        "The window moves on by two pixels, so that half of them are left along each axis.",
        conv(4, (3, 3), stride=2).at(image),
    ),
    Picture(
        "convolution-dilated",
        "Dilated convolution",
        "The window takes every second pixel.",
        conv(4, (3, 3), dilation=2).at(image),
    ),
    Picture(
        "convolution-transposed",
        "Transposed convolution",
        "The other way round: each pixel is laid down as a window of 2 by 2.",
        conv(4, (2, 2), stride=2, transposed=True).at(image),
    ),
    Picture(
        "convolution-long",
        "What a convolution is",
        "The windows of the image: each axis of pixels becomes one of places and one of the kernel. A learned map "
        "takes the kernel and the channels to new channels.",
        conv(4, (3, 3), stride=2).at(image),
        expand="",
    ),
    Picture(
        "convolution-transposed-long",
        "What a transposed convolution is",
        "The same with the pixels two apart, so that there are more places than pixels.",
        conv(4, (2, 2), stride=2, transposed=True).at(image),
        expand="",
    ),
    Picture(
        "max-pooling",
        "Maximum pooling",
        "The largest of each window, channel by channel.",
        max_pool((2, 2)).at(image),
    ),
    Picture(
        "mean-pooling",
        "Mean pooling",
        "The mean of each window, channel by channel.",
        mean_pool((2, 2)).at(image),
    ),
    Picture(
        "max-pooling-long",
        "What maximum pooling is",
        "The largest along both axes of the kernel, in windows that lie side by side.",
        max_pool((2, 2)).at(image),
        expand="",
    ),
    Picture(
        "residual-block",
        "Residual block",
        "Three convolutions, each after normalisation and relu, added to what came in.",
        residual_block.at(Real(b=2, y=8, x=8, c=8)),
    ),
    Picture(
        "identity-resnet-block",
        "Stage of an identity residual network",
        "The first block changes the size and learns a way round; the others keep it.",
        stage(16, 2).at(Real(b=2, y=8, x=8, c=8)),
    ),
    Picture(
        "identity-resnet",
        "Identity residual network",
        "Three stages, then the mean over all pixels, a learned map and a softmax.",
        identity_resnet.at(Real(b=2, y=8, x=8, c=3)),
        fold=0,
    ),
    Picture(
        "unet",
        "U-Net",
        "Down by maximum pooling, up by transposed convolutions; each scale keeps what it had for the way up.",
        unet.at(Real(y=8, x=8, c=1)),
    ),
    Picture(
        "unet-memory",
        "U-Net with memory by name",
        "The same, in lines: what a scale keeps for the way up is written into a slot, and read from it by its name.",
        unet.at(Real(y=8, x=8, c=1)),
        wrap=1150.0,
        how={**PIXELS, "memory": True},
    ),
    Picture(
        "vision-transformer",
        "Vision transformer",
        "Patches of an image become tokens; a transformer's blocks; the mean over all tokens.",
        vision_transformer.at(image),
        fold=2,
        how=PIXELS,
    ),
    Picture(
        "visual-attention",
        "Visual attention",
        "Attention between the pixels of two images, with convolutions of 1 by 1 as the learned maps; the two axes "
        "of an image are drawn as one, its pixels.",
        visual_attention.at(Real(y=4, x=4, c=3), Real(y=4, x=4, c=3)),
        inputs=("Y", "X"),
        how=PIXELS,
    ),
]
"""The architectures, in the order in which they build on each other."""
