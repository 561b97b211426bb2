"""Metrics as pure functions on batches of torch tensors, a module a domain: fixation, vsod, vos, gaze."""
