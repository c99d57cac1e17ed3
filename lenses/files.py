"""Terms and states as files: data only, whole or not at all, every bit under a checksum.

A file is a safetensors file. Its metadata hold the term as JSON and a SHA-256 over the whole file,
computed with the checksum's own digits as zeros. It is written to a temporary file beside it,
synced and renamed, so that a kill at any moment leaves the old file or the new one. Reading makes
boxes of classes that are already defined, and nothing else; nothing is imported or executed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .errors import FileError, LensError, explain
from .syntax import from_data, shorten, to_data
from .terms import Term

FORMAT = "lenses 1"
BLANK = "0" * 64
OF_TERM = "term:"
"""What the names of arrays that boxes hold start with."""


def write_file(path: Any, arrays: dict[str, Any], term: Term | None, **more: str) -> None:
    """Writes arrays (by name) and a term to a file. Raises FileError where the place cannot be written."""
    from safetensors.numpy import save

    metadata = {"format": FORMAT, "sha256": BLANK, **more}
    held: dict[str, Any] = {}
    if term is not None:
        metadata["term"] = json.dumps(to_data(term, held), separators=(",", ":"))
    arrays = arrays | {OF_TERM + name: value for name, value in held.items()}
    saved = save({k: np.asarray(v) for k, v in arrays.items()} or {"empty": np.zeros(0, np.uint8)}, metadata)
    raw = bytearray(_in_order(saved))
    at = _checksum_place(bytes(raw))
    raw[at : at + 64] = hashlib.sha256(raw).hexdigest().encode()
    write_whole(path, bytes(raw))


def write_whole(path: Any, raw: bytes) -> None:
    """Writes bytes to a file, whole or not at all."""
    target = Path(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or error
        do = "check that the folder exists and can be written"
        raise FileError(explain(f"cannot write {target}", because=reason, do=do)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_whole(path: Any) -> bytes:
    """The bytes of a file. Raises FileError where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError(explain(f"cannot read {path}", because=error.strerror or error)) from None


def read_file(path: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays and the metadata of a file that `write_file` wrote. Raises FileError for any other."""
    from safetensors import SafetensorError, deserialize

    raw = read_whole(path)
    head = _header(path, raw)
    metadata = head.get("__metadata__", {})
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise FileError(
            explain(f"{path} was not written by this library", expected=f"the format {FORMAT!r}",
                    came=metadata.get("format") if isinstance(metadata, dict) else "no metadata")
        )  # fmt: skip
    digest = str(metadata.get("sha256"))
    at = raw.find(digest.encode())
    blank = raw[:at] + BLANK.encode() + raw[at + 64 :]
    if at < 0 or len(digest) != 64 or hashlib.sha256(blank).hexdigest() != digest:
        raise FileError(
            explain(f"{path} has changed since it was written", because="its checksum does not match",
                    do="use a copy of it")
        )  # fmt: skip
    try:
        arrays = {name: _array(**entry) for name, entry in deserialize(raw)}
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise FileError(explain(f"{path} cannot be read", because=error)) from None
    arrays.pop("empty", None)
    return arrays, {str(k): str(v) for k, v in metadata.items()}


KEYS = {"key<fry>": "threefry2x32", "key<rbg>": "rbg", "key<urbg>": "unsafe_rbg"}
"""JAX's random key dtypes, as they print, and the generators that they are keys of."""

DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool",
    **{f"{u}{n}": f"{'u' if u == 'U' else ''}int{n}" for u in "IU" for n in (8, 16, 32, 64)},
}  # fmt: skip
"""What safetensors calls the dtypes; its NumPy reader does not know bfloat16."""


def _array(dtype: str, shape: list[int], data: Any) -> Any:
    return np.frombuffer(bytes(data), jnp.dtype(DTYPES[dtype])).reshape(shape)


def _header(path: Any, raw: bytes) -> dict[str, Any]:
    size = int.from_bytes(raw[:8], "little") if len(raw) >= 8 else -1
    if not 0 < size <= len(raw) - 8:
        raise FileError(explain(f"{path} is truncated, or no safetensors file", bytes=len(raw)))
    try:
        head = json.loads(raw[8 : 8 + size])
    except (ValueError, RecursionError) as error:
        raise FileError(explain(f"{path} is damaged, or no safetensors file", because=error)) from None
    if not isinstance(head, dict):
        raise FileError(explain(f"{path} is no safetensors file"))
    return head


def _in_order(raw: bytes) -> bytes:
    """The file with the entries of its header sorted, so that one state gives one file, byte for byte."""
    size = int.from_bytes(raw[:8], "little")
    head = json.dumps(json.loads(raw[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + raw[8 + size :]


def _checksum_place(raw: bytes) -> int:
    mark = f'"sha256":"{BLANK}"'.encode()
    at = raw.find(mark)
    if at < 0:
        raise FileError(
            explain("the header of the file is not as expected", do="report it with the version of safetensors")
        )
    return at + len(b'"sha256":"')


# -- terms -----------------------------------------------------------------------------------


def save_term(term: Term, path: Any) -> None:
    """Writes a term to a file, as data. Raises LensError for a lifted function without a name, else FileError."""
    write_file(path, {}, term)


def load_term(path: Any) -> Term:
    """The term that `save_term` (or a learner's `save`) wrote; raises FileError for a damaged or foreign file."""
    return _term(path, *read_file(path))


def _term(path: Any, arrays: dict[str, Any], metadata: dict[str, str]) -> Term:
    """The term of a file; its arrays are taken out of those of the file."""
    if "term" not in metadata:
        raise FileError(explain(f"{path} holds no term"))
    try:
        held = {name.removeprefix(OF_TERM): arrays.pop(name) for name in [*arrays] if name.startswith(OF_TERM)}
        return from_data(json.loads(metadata["term"]), held)
    except (LensError, ValueError, RecursionError) as error:
        raise FileError(f"{path}: {error}") from None


# -- states ----------------------------------------------------------------------------------


def _flat(tree: Any) -> dict[str, Any]:
    """The arrays of a tree by path; random keys as their data, under a name that says which kind they are."""
    out: dict[str, Any] = {}
    for path, value in jax.tree_util.tree_flatten_with_path(tree)[0]:
        name = "/".join(str(getattr(k, "key", getattr(k, "name", getattr(k, "idx", k)))) for k in path)
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            out[f"{name}/{value.dtype}"] = value  # e.g. key/key<fry>
        else:
            out[name] = value
    return out


def save_arrays(path: Any, tree: Any, term: Term) -> None:
    """Writes a tree of arrays and the term it belongs to."""
    arrays = {}
    for name, value in _flat(tree).items():
        arrays[name] = jax.random.key_data(value) if name.endswith(">") else value
    write_file(path, arrays, term)


def _kind(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"


def load_arrays(path: Any, term: Term, like: Any) -> Any:
    """The tree that `save_arrays` wrote; raises FileError unless it is of this very term and of the shape of `like`."""
    arrays, metadata = read_file(path)
    saved = _term(path, arrays, metadata)
    if saved != term:
        raise FileError(
            explain(f"{path} holds the state of another model", expected=shorten(term), came=shorten(saved),
                    do="load it with a learner of that model: lenses.load_term(path) gives the term")
        )  # fmt: skip
    expected = _flat(like)
    for name in arrays.keys() - expected.keys():
        raise FileError(
            explain(f"{path} does not fit this learner", array=name, expected="nothing of that name",
                    came=_kind(arrays[name]), do="use the optimiser that it was saved with")
        )  # fmt: skip
    values = []
    for name, leaf in expected.items():
        came = arrays.get(name)
        key = name.endswith(">")
        sizes = None if came is None else tuple(came.shape[:-1] if key else came.shape)
        if came is None or sizes != leaf.shape or (not key and came.dtype != leaf.dtype):
            raise FileError(
                explain(f"{path} does not fit this learner", array=name, expected=f"{leaf.dtype}{list(leaf.shape)}",
                        came="nothing" if came is None else _kind(came),
                        do="use the optimiser that it was saved with")
            )  # fmt: skip
        impl = KEYS.get(name.rpartition("/")[2])
        values.append(jax.random.wrap_key_data(jnp.asarray(came), impl=impl) if key else jnp.asarray(came))
    return jax.tree.unflatten(jax.tree.structure(like), values)
