"""The `sightline` command: one small file a verb; heavy imports happen inside the verbs."""

from sightline.cli.app import main

__all__ = ["main"]
