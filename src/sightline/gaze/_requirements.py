"""Says in one line what to install where the optional packages of `sightline.gaze` are missing.

They are only looked for: importing pymovements takes seconds, and most of the work needs none of it.
"""

from __future__ import annotations

from importlib.util import find_spec

from sightline.errors import SightlineError

for _package in ("polars", "pymovements"):
    if find_spec(_package) is None:
        raise SightlineError(f"eye-tracker recordings need {_package}: pip install 'sightline[gaze]'")
