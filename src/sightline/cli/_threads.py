"""How the threads of a network share the cores with those that decode, draw and encode."""

from __future__ import annotations

import os


def wait_passively() -> None:
    """Let torch's threads give up their core while they wait. To be called before torch is loaded.

    They spin otherwise, which suits training, and takes the cores from a pipeline's other threads.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
