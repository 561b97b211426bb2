"""The networks of a model as files for other programs: the work behind `sightline export`."""

from sightline.apps.export.networks import FORMATS, export_networks

__all__ = ["FORMATS", "export_networks"]
