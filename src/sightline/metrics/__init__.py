"""Metrics whose protocol has a name.

`functional` holds them as functions on batches of tensors; `fixation`, `vsod`, `vos` and `gaze` as torchmetrics;
`evaluation.evaluate` scores folders, as `sightline evaluate` does.
"""
