"""Gaze2Mask-Net and WCS-Net: views of targets and their masks."""
