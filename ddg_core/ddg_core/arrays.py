"""Checked, read-only arrays: after construction nobody needs to look again."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ddg_core.errors import BadInput

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def frozen_array(name: str, values: ArrayLike, *shape: int | None, finite: bool = True) -> Array:
    """Copy `values` to a read-only float64 array after checking its shape and that it is finite.

    Args:
        name: What the error calls the array, e.g. "Grasp.joints".
        values: Anything numpy can convert.
        shape: Expected length per axis; None accepts any length.
        finite: Refuse NaN and infinity.

    Returns:
        A read-only copy.

    Raises:
        BadInput: Wrong number of axes, wrong length, not numbers, or not finite.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name}: not an array of numbers ({error})") from error
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("*" if n is None else str(n) for n in shape)
        raise BadInput(f"{name}: expected shape ({wanted}), got {array.shape}")
    if finite and not np.isfinite(array).all():
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        raise BadInput(f"{name}: {bad} of {array.size} values are NaN or infinite")
    array.setflags(write=False)
    return array
