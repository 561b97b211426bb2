"""An import of gaze for other programs: BIDS, MNE and pymovements; the work of `sightline gaze export`."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sightline._version import __version__
from sightline.errors import DataError, UsageError
from sightline.files import WholeFolder, short_name
from sightline.gaze.geometry import FloatArray, Placement
from sightline.gaze.importing import ImportFolder
from sightline.gaze.study import STUDY, Study
from sightline.gaze.writer import file_name

BIDS_VERSION = "1.10.0"
ABOUT = "export.json"
_RECORDED = {"left": "left", "right": "right"}


@dataclass(frozen=True, slots=True)
class Viewed:
    """One viewer on one stimulus. said: their entry in provenance.json. events: as events.csv has them."""

    folder: ImportFolder
    said: dict[str, Any]
    events: pl.DataFrame

    @property
    def subject(self) -> str:
        return str(self.said["subject"])

    @property
    def stimulus(self) -> str:
        return Path(self.folder.provenance["stimulus"]["path"]).stem

    @property
    def interval_s(self) -> float:
        """Between samples; 0 where there are only events."""
        return 1 / self.said["rate_hz"] if self.said["rate_hz"] else 0.0

    def on_screen(self, xy: FloatArray) -> FloatArray:
        """(N, 2) pixels of the stimulus as pixels of the screen."""
        place = self.said["placement"]
        height, width = place["stimulus_size"]
        placed = Placement(place["x"], place["y"], place["width"], place["height"], (height, width))
        return placed.to_screen(xy)


def write_export(source: str | Path, out: str | Path, to: str) -> Path:
    """Write an import for another program.

    Times are seconds (pymovements: milliseconds) from the stimulus's first frame. Positions are pixels of the screen.

    Parameters
    ----------
    source : str or Path
        A folder that `import_gaze` or `import_study` made.
    out : str or Path
        Where to write; an earlier export there is replaced.
    to : str
        "bids": eye tracking as in BEP020, a task a stimulus: sub-*/beh/*_physio.tsv.gz with the gaze samples,
        *_physioevents.tsv.gz with the events, and their sidecars. "mne": <subject>_<stimulus>-annot.txt for
        `mne.read_annotations`: fixation, saccade, BAD_blink. "pymovements": <subject>_<stimulus>_events.csv, columns
        of `pymovements.Events`, whose offset is the time of an event's last sample, where our events end an
        interval later.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    UsageError
        For another word in `to`.
    DataError
        If the source is no import, or its recordings lack what the format needs.
    """
    if to not in _WRITERS:
        raise UsageError(f"`to` {to!r}: choose one of {', '.join(_WRITERS)}")
    marker = "dataset_description.json" if to == "bids" else ABOUT
    target = Path(out)
    with WholeFolder(target, marker, replaces=_ours(target)).require_ours() as folder:
        viewed = list(_viewed(Path(source)))
        _WRITERS[to](folder, viewed)
        if to != "bids":
            said = {"sightline": __version__, "source": str(Path(source).resolve()), "format": to}
            (folder / ABOUT).write_text(json.dumps(said, indent=2) + "\n")
    return target


def _ours(target: Path) -> list[str]:
    """What an earlier export left."""
    patterns = ("sub-*", "*-annot.txt", "*_events.csv", "participants.tsv", "README")
    return [found.name for pattern in patterns for found in target.glob(pattern)]


def _viewed(source: Path) -> Iterator[Viewed]:
    folders = [source]
    if (source / STUDY).is_file():
        folders = [source / name for name in Study.open(source).stimuli]
    for path in folders:
        folder = ImportFolder.open(path)
        events = folder.events()
        for said in folder.provenance["recordings"]:
            yield Viewed(folder, said, events.filter(pl.col("subject") == said["subject"]))


def _bids(folder: Path, viewed: Sequence[Viewed]) -> None:
    said = {
        "Name": "Gaze on " + ", ".join(dict.fromkeys(one.stimulus for one in viewed)),
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "Sightline", "Version": __version__}],
    }
    _json(folder / "dataset_description.json", said)
    labels = {one.subject: _label(one.subject.removeprefix("sub-")) for one in viewed}
    if len(set(labels.values())) < len(labels):
        raise DataError(f"the subjects {', '.join(labels)} have no labels of their own in BIDS; rename them")
    lines = ["participant_id\tname", *(f"sub-{label}\t{name}" for name, label in labels.items())]
    (folder / "participants.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for one in viewed:
        _bids_one(folder / f"sub-{labels[one.subject]}" / "beh", labels[one.subject], one)


def _bids_one(folder: Path, label: str, one: Viewed) -> None:
    if not one.interval_s:
        raise DataError(
            f"{one.folder.path}: {one.subject} has events alone, and BIDS wants gaze samples; export `to` mne or "
            "pymovements"
        )
    folder.mkdir(parents=True, exist_ok=True)
    name = f"sub-{label}_task-{_label(one.stimulus)}"
    samples = one.folder.samples(one.subject)
    xy = one.on_screen(samples.select("x_px", "y_px").to_numpy())
    time = samples["time_s"].to_numpy()
    rows = pl.DataFrame({"timestamp": time, "x": xy[:, 0], "y": xy[:, 1]}).with_columns(pl.col("x", "y").fill_nan(None))
    _table(folder / f"{name}_recording-eye1_physio.tsv.gz", rows)
    clock = {"LongName": "Time from the stimulus's first frame", "Units": "s"}
    _json(
        folder / f"{name}_recording-eye1_physio.json",
        {
            "Columns": ["timestamp", "x_coordinate", "y_coordinate"],
            "PhysioType": "eyetrack",
            "RecordedEye": _RECORDED.get(one.said["eye"], "cyclopean"),
            "SampleCoordinateSystem": "gaze-on-screen",
            "SamplingFrequency": one.said["rate_hz"],
            "StartTime": float(time[0]) if len(time) else 0.0,
            "timestamp": clock,
            **{f"{axis}_coordinate": {"LongName": f"Gaze position ({axis})", "Units": "pixel"} for axis in ("x", "y")},
        },
    )
    events = one.events.sort("onset_s").select(
        "onset_s",
        "duration_s",
        "kind",
        (pl.col("kind") == "blink").cast(pl.Int8).alias("blink"),
        pl.lit(None, dtype=pl.String).alias("message"),
    )
    _table(folder / f"{name}_recording-eye1_physioevents.tsv.gz", events)
    _json(
        folder / f"{name}_recording-eye1_physioevents.json",
        {
            "Columns": ["onset", "duration", "trial_type", "blink", "message"],
            "onset": clock,
            "duration": {"Units": "s"},
            "trial_type": {"Levels": {kind: kind for kind in ("fixation", "saccade", "blink")}},
        },
    )
    stimulus = one.folder.provenance["stimulus"]
    end = "n/a" if stimulus["end_s"] is None else f"{stimulus['end_s']:.6f}"
    shown = f"onset\tduration\ttrial_type\tstim_file\n0\t{end}\tstimulus\t{Path(stimulus['path']).name}\n"
    (folder / f"{name}_events.tsv").write_text(shown, encoding="utf-8")
    _json(folder / f"{name}_events.json", {"StimulusPresentation": _presentation(one.said["screen"])})


def _presentation(screen: dict[str, Any]) -> dict[str, Any]:
    height, width = screen["size_px"]
    said: dict[str, Any] = {"ScreenOrigin": ["top", "left"], "ScreenResolution": [width, height]}
    if screen["size_cm"]:
        said["ScreenSize"] = [screen["size_cm"][1] / 100, screen["size_cm"][0] / 100]
    if screen["distance_cm"]:
        said["ScreenDistance"] = screen["distance_cm"] / 100
    return said


def _mne(folder: Path, viewed: Sequence[Viewed]) -> None:
    for one in viewed:
        lines = ["# MNE-Annotations", "# onset, duration, description"]
        for onset, duration, kind in one.events.sort("onset_s").select("onset_s", "duration_s", "kind").iter_rows():
            lines.append(f"{onset:.6f},{duration:.6f},{'BAD_blink' if kind == 'blink' else kind}")
        _named(folder, one, "-annot.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _pymovements(folder: Path, viewed: Sequence[Viewed]) -> None:
    for one in viewed:
        events = one.events.sort("onset_s")
        at = one.on_screen(events.select("x_px", "y_px").cast(pl.Float64).fill_null(float("nan")).to_numpy())
        onset = 1000 * events["onset_s"].to_numpy()
        offset = np.maximum(onset, onset + 1000 * (events["duration_s"].to_numpy() - one.interval_s))
        table = pl.DataFrame(
            {
                "name": events["kind"],
                "onset": onset,
                "offset": offset,
                "duration": offset - onset,
                "location_x": at[:, 0],
                "location_y": at[:, 1],
            }
        ).with_columns(pl.col("location_x", "location_y").fill_nan(None))
        table.write_csv(_named(folder, one, "_events.csv"), float_precision=3)


def _named(folder: Path, one: Viewed, ending: str) -> Path:
    return folder / f"{file_name(f'{one.subject}_{one.stimulus}')}{ending}"


def _label(name: str) -> str:
    """A label of BIDS: letters and digits alone, and so short that a file's name takes two of them."""
    return short_name(re.sub(r"[^A-Za-z0-9]+", "", name) or "x", name, longest=80, joint="")


def _table(path: Path, rows: pl.DataFrame) -> None:
    """Without a header, n/a where there is no value."""
    text = io.BytesIO()
    rows.write_csv(text, separator="\t", include_header=False, null_value="n/a", float_precision=6)
    path.write_bytes(gzip.compress(text.getvalue(), mtime=0))


def _json(path: Path, said: dict[str, Any]) -> None:
    path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


_WRITERS: dict[str, Callable[[Path, Sequence[Viewed]], None]] = {
    "bids": _bids,
    "mne": _mne,
    "pymovements": _pymovements,
}
