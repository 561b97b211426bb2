"""Layers that two models or more share: backbones, decoder blocks, the inference engine."""
