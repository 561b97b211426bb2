"""The protocols by name: whose rules a score follows, and what they change.

A protocol is a plain record of choices; the evaluators read the choices, never the name, so what is written here is
all that tells two protocols apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from sightline.errors import UsageError

TASKS = ("fixation", "vsod", "vos", "gaze")


@dataclass(frozen=True)
class Protocol:
    """name and source (whose evaluator it stands for), and in one sentence what is particular about it."""

    name: str
    source: str
    summary: str


@dataclass(frozen=True)
class VosProtocol(Protocol):
    """ends: frames left out at either end of a sequence. empty: the score where mask and truth are both empty.

    objects: score each object of the truth against the proposal that fits best, rather than all objects as one.
    stability: also give T.
    """

    ends: int = 0
    empty: float = 1.0
    objects: bool = False
    stability: bool = True


VOS = (
    VosProtocol(
        "exact",
        "Sightline",
        "Every frame counts; a frame in which mask and truth are both empty is not scored, but counted as unscored.",
        empty=float("nan"),
    ),
    VosProtocol(
        "davis2016",
        "davis-matlab (Perazzi et al., CVPR 2016)",
        "The first and last frame are left out; all objects are one; empty masks on empty truth score 1.",
        ends=1,
    ),
    VosProtocol(
        "davis2017-unsupervised",
        "davis2017-evaluation (Caelles et al., 2019)",
        "All frames; up to 20 proposals are assigned to the objects of the first frame for the best J&F (Hungarian); "
        "void pixels (255) do not count; means over objects rather than sequences.",
        objects=True,
        stability=False,
    ),
)

P = TypeVar("P", bound=Protocol)
Averaging = Literal["sequences", "frames", "fixations"]


def choose(protocols: tuple[P, ...], task: str, name: str) -> P:
    """The protocol of this name. Raises UsageError that lists the choices."""
    for protocol in protocols:
        if protocol.name == name:
            return protocol
    raise UsageError(f"--protocol {name}: not a protocol of {task}; choose {', '.join(p.name for p in protocols)}")
