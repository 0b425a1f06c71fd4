"""Whether a model comes back from its file, by its structure; what doesn't is named."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WAY_OUT = 'make it plain data, or keep the output as "pickle"'
_STATELESS = (str, bytes, int, float, complex, bool, type(None))


def prove(value: Any, read: Callable[[], Any]) -> None:
    """Compare a model with what its file gives, by types and attributes; values aren't compared.

    Args:
        value: what was written.
        read: reads it.

    Raises:
        StoreError: it can't be read, or an attribute would come back as another type.
    """
    try:
        back = read()
    except StoreError:
        raise
    except Exception as error:
        raise unkept(value, error) from error
    difference = next(_differences("", value, back, set()), None)
    if difference is not None:
        path, before, after = difference
        what = f"its attribute {clean(path.removeprefix('.'), 200)}" if path else "it"
        raise StoreError(f"{what} is {before}, and would come back as {after}; {_WAY_OUT}")


def unkept(value: Any, error: Exception) -> StoreError:
    """Return the error for a model that skops can't keep, with the attribute that is to blame."""
    path, part = _culprit("", value, set())
    reason = clean(str(error).strip().partition("\n")[0], 200) or type(error).__name__
    what = f"its attribute {clean(path.removeprefix('.'), 200)}" if path else "it"
    return StoreError(f"{what} is {_kind(part)}, which skops doesn't keep: {reason}; {_WAY_OUT}")


def _culprit(path: str, value: Any, seen: set[int]) -> tuple[str, Any]:
    """Return the innermost part that can't be written by itself, and where it is."""
    seen.add(id(value))
    for step, part in _parts(value):
        looked = isinstance(part, _STATELESS) or id(part) in seen
        if not looked and not _comes_back(part):
            return _culprit(f"{path}{step}", part, seen)
    return path, value


def _comes_back(part: Any) -> bool:
    import skops.io

    try:
        content = skops.io.dumps(part)
        skops.io.get_untrusted_types(data=content)
    except Exception:
        return False
    return True


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the attributes or items of a value, and how messages call them."""
    kind = type(value)
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    elif hasattr(value, "dtype") and hasattr(value, "shape"):
        if kind.__name__ == "ndarray" and value.dtype == object:
            yield from ((f"[{i}]", part) for i, part in enumerate(value.flat))
    elif hasattr(value, "__dict__") and not isinstance(value, type | FunctionType):
        yield from ((f".{key}", part) for key, part in vars(value).items())


def _differences(
    path: str, before: Any, after: Any, seen: set[int]
) -> Iterator[tuple[str, str, str]]:
    """Give where two values aren't of one structure: the path, and both kinds."""
    if id(before) in seen:
        return
    seen.add(id(before))
    if _kind(before) != _kind(after):
        yield path, _kind(before), _kind(after)
        return
    own, others = dict(_parts(before)), dict(_parts(after))
    ignored = {"._sklearn_version"}
    if own.keys() - ignored != others.keys() - ignored:
        missing = sorted((own.keys() ^ others.keys()) - ignored)
        yield path, f"{_kind(before)} with {', '.join(missing[:3])}", f"{_kind(after)} without"
        return
    for step, part in own.items():
        if step not in ignored:
            yield from _differences(f"{path}{step}", part, others[step], seen)


def _kind(value: Any) -> str:
    """Return a value's type; of an array, with its shape."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    name = kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"
    article = "an" if name[:1] in "aeiou" else "a"
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    extra = f" of {dtype} {shape}" if isinstance(shape, tuple) and dtype is not None else ""
    return f"{article} {name}{extra}"
