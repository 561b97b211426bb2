"""Tobii Pro Glasses 3, as it records: gazedata.gz, one JSON object a line, beside scenevideo.mp4.

Timestamps are seconds from the scene video's start; gaze2d is a fraction of the scene picture from its top left.
recording.g3, where it lies beside the gaze, has the calibration of the scene camera.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, read_text
from sightline.gaze.recording import Declared, Recording, clean_times, pixels
from sightline.untrusted import parse_json

NAME = "tobii-glasses3"
TITLE = "Tobii Pro Glasses 3 gazedata"
NEEDS: dict[str, str] = {}


def recognises(head: Head) -> bool:
    """Whether the first line is a gaze object."""
    return head.lines[0].lstrip().startswith("{") and '"type"' in head.lines[0] and '"gaze"' in head.lines[0]


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The one recording of the file. Raises DataError naming the line that is no gaze object."""
    times, points, lines = [], [], []
    for number, line in enumerate(read_text(head.path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = parse_json(line)
            times.append(float(entry["timestamp"]))
            x, y = entry["data"].get("gaze2d") or (np.nan, np.nan)
            points.append((float(x), float(y)))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise DataError(
                f"{head.path}, line {number}: no gaze object ({error}); the file is cut short or damaged, copy it again"
            ) from None
        lines.append(number)
    time = np.array(times)
    origin = float(time[0])
    return [
        Recording(
            path=head.path,
            format=NAME,
            subject="",
            time_s=clean_times(head.path, time - origin, np.array(lines)),
            eyes={"both": np.array(points)},
            space="scene",
            unit="norm",
            start_s=-origin,
            declared=_declared(head.path.with_name("recording.g3")),
            lines=np.array(lines),
        )
    ]


def _declared(path: Path) -> Declared:
    if not path.is_file():
        return Declared()
    try:
        camera = parse_json(path.read_text())["scenecamera"]["camera-calibration"]
        (fx, fy), (width, height) = camera["focal-length"], camera["resolution"]
        size = pixels(f"{path}: resolution", float(height), float(width))
        return Declared(focal_px=(float(fx), float(fy)), stimulus_px=size)
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: no camera calibration in it ({error!r}); copy it again, or move it away") from None
