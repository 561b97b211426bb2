"""What every metric asks of its inputs, checked once and in one place."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

from sightline.errors import UsageError

Result = TypeVar("Result")

EPS = 2.0**-52
"""MATLAB's eps, the constant of the reference evaluators."""


def maps(values: Tensor, name: str) -> Tensor:
    """`values` (..., H, W) as float64 (float32 where the device has no float64).

    Raises UsageError if there are fewer than two axes, no pixels, or NaN or infinite values, naming the first such map.
    """
    _check_shape(values, name)
    # The sum of the extremes is finite only if every value is, and costs a tenth of looking at each.
    if values.is_floating_point() and not math.isfinite(sum(x.item() / 2 for x in values.aminmax())):
        finite = torch.isfinite(values).flatten(-2).all(-1)
        if not bool(finite.all()):
            index = tuple(int(i) for i in (~finite).nonzero()[0])
            where = f"`{name}`{list(index)}" if index else f"`{name}`"
            raise UsageError(f"{where}: the map holds NaN or infinite values; finite numbers are expected")
    return values.to(torch.float32 if values.device.type == "mps" else torch.float64)


def masks(values: Tensor, name: str) -> Tensor:
    """`values` (..., H, W) as a boolean tensor. Raises UsageError for grey values, which need a threshold first."""
    _check_shape(values, name)
    if values.dtype == torch.bool:
        return values
    binary = values != 0
    if not bool((values == binary.to(values.dtype)).all()):
        raise UsageError(
            f"`{name}`: a mask of False and True (or 0 and 1) is expected; compare it with a threshold first"
        )
    return binary


def counted(values: Tensor, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels of (..., H, W) that are not 0: frame and pixel (N,), numbered row by row, and their numbers, float64.

    Raises UsageError unless every value is a count (a whole number, not negative): a density is none.
    """
    _check_shape(values, name)
    flat = values.reshape(-1, values.shape[-2:].numel())
    frame, pixel = flat.nonzero(as_tuple=True)
    numbers = flat[frame, pixel].to(torch.float32 if values.device.type == "mps" else torch.float64)
    if bool(((numbers < 0) | (numbers != numbers.round()) | numbers.isinf()).any()):
        raise UsageError(
            f"`{name}`: counts of fixations (0, 1, 2, ...) are expected, this holds other numbers; "
            "a density belongs to CC, SIM and KLD"
        )
    return frame, pixel, numbers


def same_size(first: Tensor, second: Tensor, names: tuple[str, str]) -> None:
    """Raise UsageError unless both tensors have the same shape."""
    if first.shape != second.shape:
        raise UsageError(
            f"`{names[0]}` is {list(first.shape)} and `{names[1]}` is {list(second.shape)}; the same shape is expected"
        )


def by_frame(score: Callable[..., Result], *batches: Any) -> list[Result]:
    """`score` of each frame of batches of one length, on as many threads as torch has.

    A frame at a time stays in the processor's cache, where a whole batch would not.
    """
    if len(batches[0]) == 1:
        return [score(*(batch[0] for batch in batches))]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return list(threads.map(score, *batches))


def _check_shape(values: Tensor, name: str) -> None:
    if not isinstance(values, Tensor):
        raise UsageError(f"`{name}` is a {type(values).__name__}; a tensor is expected, as torch.from_numpy gives")
    if values.ndim < 2 or values.numel() == 0:
        raise UsageError(
            f"`{name}`: a tensor (..., H, W) with at least one pixel is expected, got {list(values.shape)}"
        )
