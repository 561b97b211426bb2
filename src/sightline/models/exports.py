"""What of a model can be exported: networks with plain tensors in and out, in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

PICTURE = "picture"
ZEROS = "zeros"


@dataclass(frozen=True, slots=True)
class Input:
    """An input of an exported network, float32.

    Attributes
    ----------
    name
        What the file calls it.
    about
        What it holds.
    shape
        Its shape; () where `source` is an output, which has one.
    source
        Where its values come from at the first frame: "picture", RGB in [0, 1]; "zeros", nothing known; or an output
        of a network before, "encode.level3".
    """

    name: str
    about: str
    shape: tuple[int, ...] = ()
    source: str = ZEROS


@dataclass(frozen=True, slots=True)
class ExportPart:
    """A network of a model that is exported as one file.

    Attributes
    ----------
    name
        What the file is called.
    about
        What it does.
    network
        In evaluation mode; takes the inputs in their order, gives one tensor or a tuple of them.
    inputs
        In the order of the network's arguments.
    outputs
        What each output holds, by name, in the order in which the network gives them.
    any_size
        Whether height and width of pictures may be any multiples of 32, those of all its inputs the same.
    """

    name: str
    about: str
    network: nn.Module
    inputs: tuple[Input, ...]
    outputs: Mapping[str, str] = field(default_factory=dict)
    any_size: bool = False


def picture(size: tuple[int, int], name: str = "picture") -> Input:
    """The input that is a picture of a size (height, width)."""
    return Input(name, "the picture, RGB in [0, 1]", (1, 3, *size), PICTURE)
