"""Scores whose protocol has a name: as torchmetrics, as functions on tensors, and of whole folders.

The classes here are torchmetrics, whose states add up over batches and processes. `sightline.metrics.functional` has
the functions they stand on, and `evaluate` scores folders of predictions, as `sightline evaluate` does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightline.metrics.evaluation import Options, Report, evaluate
    from sightline.metrics.fixation import CC, KLD, NSS, SIM, AUCBorji, AUCJudd, InformationGain, ShuffledAUC
    from sightline.metrics.functional.scanpath import MultiMatch, multimatch, scanmatch
    from sightline.metrics.gaze import AngularError, GazeAUC, GazeDistance, ObjectPrecision
    from sightline.metrics.vos import JAndF
    from sightline.metrics.vsod import MAE, EMeasure, FMeasure, SMeasure, WeightedF

__all__ = [
    "CC",
    "KLD",
    "MAE",
    "NSS",
    "SIM",
    "AUCBorji",
    "AUCJudd",
    "AngularError",
    "EMeasure",
    "FMeasure",
    "GazeAUC",
    "GazeDistance",
    "InformationGain",
    "JAndF",
    "MultiMatch",
    "ObjectPrecision",
    "Options",
    "Report",
    "SMeasure",
    "ShuffledAUC",
    "WeightedF",
    "evaluate",
    "multimatch",
    "scanmatch",
]

_MODULES = ("evaluation", "fixation", "functional.scanpath", "gaze", "vos", "vsod")


def __getattr__(name: str) -> Any:
    # torchmetrics costs a second, which those who want a function should not pay.
    if name in __all__:
        for module in _MODULES:
            found = vars(importlib.import_module(f"{__name__}.{module}")).get(name)
            if found is not None:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
