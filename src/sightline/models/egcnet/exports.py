"""The network of EGCNet as it is exported."""

from __future__ import annotations

from sightline.models.egcnet.network import EGCNet, Memory, Winner
from sightline.models.egcnet.predictor import _Step, input_size
from sightline.models.exports import ExportPart, Input, picture

WHAT = {
    "queries": "queries of the winners",
    "semantics": "semantics of the winners",
    "fixated": "semantics of what was fixated",
    "cells": "embeddings of the frames' cells",
    "sides": "how much a cell counts for the object and for the rest",
    "filled": "1 where a frame is remembered, 0 elsewhere",
}


def egcnet_parts(network: EGCNet, size: tuple[int, int]) -> tuple[ExportPart, ...]:
    """The whole network on one frame, for pictures of a size (height, width)."""
    height, width = input_size(*size, network.config.input_size)
    grid = (height // 8, width // 8)
    memory = network.empty_memory(1, (grid[0] // 4, grid[1] // 4))
    kept = (
        Input(f"memory_{name}", f"memory: {WHAT[name]}", tuple(value.shape))
        for name, value in zip(Memory._fields, memory, strict=True)
    )
    inputs = (
        picture((height, width)),
        Input("motion", "how surely a place moves against the background, in [0, 1]", (1, 1, *grid)),
        Input("recorded", "density of an eye tracker's fixations, summing to 1", (1, 1, *grid)),
        Input("has_recorded", "1 where there are such fixations, 0 for the network's own", (1,)),
        *kept,
    )
    outputs = {
        "winner": "logits of the object's mask",
        "recalled": "log-odds that a pixel is of the object, by what is remembered",
        "density": "where viewers look, summing to 1",
        "terms": "what decided between the queries: semantics, locality, score, total",
        "masks": "logits of every query's mask",
    } | {f"remember_{name}": f"of this frame, for the memory: {name}" for name in Winner._fields}
    return (ExportPart("egcnet", "the whole network on one frame", _Step(network).eval(), inputs, outputs),)
