"""Recordings and their stimulus to a folder of fixations in video time: the work of `sightline gaze import`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from sightline.errors import DataError, SightlineError, UsageError
from sightline.files import WholeFolder
from sightline.fixations import read_columns
from sightline.gaze import formats
from sightline.gaze.align import Aligned, AlignOptions, align, choose_trial
from sightline.gaze.formats import ReadOptions, published
from sightline.gaze.recording import Recording
from sightline.gaze.stimulus import Stimulus
from sightline.gaze.tables import read_fixations, read_parquet
from sightline.gaze.writer import EVENTS, EVENTS_SCHEMA, PROVENANCE, Writer, file_name
from sightline.progress import track
from sightline.untrusted import read_json

MEND = "import the recordings again"


def import_gaze(
    files: Sequence[str | Path],
    stimulus: str | Path,
    out: str | Path,
    *,
    format: str | None = None,
    trial: str | None = None,
    reading: ReadOptions | None = None,
    options: AlignOptions | None = None,
) -> Path:
    """Import recordings of one stimulus into a folder, one recording in memory at a time.

    The folder gets fixations.parquet and fixations.csv (align.TABLE_SCHEMA), samples/<subject>.parquet (time_s, x_px,
    y_px in video time and stimulus pixels), events.csv (EVENTS_SCHEMA), frames.csv (frame, time_s), the data-quality
    report (quality.json, .csv and .html) and provenance.json. It appears whole or not at all; an earlier import in it
    is replaced.

    Parameters
    ----------
    files : sequence of str or Path
        Recordings, one or more; each subject once.
    stimulus : str or Path
        The video, the folder of frames or the image that was watched.
    out : str or Path
        The folder.
    format : str, optional
        One of formats.FORMATS; recognised from each file unless given.
    trial : str, optional
        Which trial of each file; the only one, or the one of this stimulus, unless given.
    reading : ReadOptions, optional
        What the files do not say of themselves.
    options : AlignOptions, optional
        What they do not say of screen, clock and events.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    SightlineError
        If no file can be imported, because it cannot be read, contradicts the options or has no fixation on the
        stimulus, or if `out` cannot be written or holds something else. Of several files those that cannot be imported
        are left out, and `ImportFolder.failed` says why.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (64, 48)).save(folder / "photo.png")
    >>> rows = "subject,onset_ms,duration_ms,x_px,y_px\\nann,0,300,10,20\\nann,350,250,30,40\\n"
    >>> _ = (folder / "ann.csv").write_text(rows)
    >>> made = import_gaze([folder / "ann.csv"], folder / "photo.png", folder / "out")
    >>> read_fixations(made)["x_px"].to_list()
    [10.0, 30.0]
    """
    options = options or AlignOptions()
    reading = replace(reading or ReadOptions(), rate_hz=options.setup.rate_hz)
    target = Path(out)
    paths = [Path(file) for file in files]
    watched = Stimulus.open(stimulus)
    with WholeFolder(target, PROVENANCE, replaces=("maps",)).require_ours() as folder:
        writer = Writer(folder, watched)
        for aligned in _align_all(paths, watched, format, trial, reading, options, writer.failed):
            writer.add(aligned)
            del aligned  # or it would be there still while the next one is read
        writer.finish(options)
    return target


def _align_all(
    paths: Sequence[Path],
    stimulus: Stimulus,
    format: str | None,
    trial: str | None,
    reading: ReadOptions,
    options: AlignOptions,
    failed: dict[str, SightlineError],
) -> Iterator[Aligned]:
    """The recordings of each file in turn. One that cannot be imported goes into `failed`, unless all are such."""
    seen: dict[str, Path] = {}
    names = subject_names(paths)
    groups = formats.grouped(paths)
    for group in track(groups, "Importing", total=len(groups)):
        path = group[0]
        try:
            recordings = choose_trial(formats.read_group(group, format, reading), trial, stimulus)
        except UsageError:
            raise
        except SightlineError as error:
            failed[str(path)] = error
            continue
        while recordings:
            recording = named(recordings.pop(0), names[path])
            if recording.subject in seen:
                raise DataError(
                    f"{path}: subject {recording.subject!r} is already there from {seen[recording.subject]}; "
                    "import each subject once"
                )
            try:
                aligned = align(recording, stimulus, options)
                require_fixations(aligned)
            except UsageError:
                raise
            except SightlineError as error:
                failed[str(path)] = error
                continue
            seen[recording.subject] = path
            yield aligned
            del recording, aligned  # as above
    if not seen:
        raise next(iter(failed.values()))


def named(recording: Recording, name: str) -> Recording:
    """The recording with a subject: the file's own word for it, else `name`."""
    return recording if recording.subject else replace(recording, subject=name)


def subject_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Short names that tell files apart: what their names do not share. P01_P01_Trail002.txt, ... gives P01, ...

    Files of the same name (gaze.csv) are told apart by their folders.
    """
    stems = [path.name.split(".")[0] for path in paths]
    if len(set(stems)) < len(stems) or all(stem.lower().startswith("gaze") for stem in stems):
        stems = [path.resolve().parent.name for path in paths]
    words = [re.split(r"[_\-\s]+", stem) for stem in stems]
    short = stems
    if len(paths) > 1 and len({len(w) for w in words}) == 1:
        differing = [i for i in range(len(words[0])) if len({w[i] for w in words}) > 1]
        short = ["_".join(dict.fromkeys(w[i] for i in differing)) for w in words]
    return dict(zip(paths, short if len(set(short)) == len(paths) else stems, strict=True))


def require_fixations(aligned: Aligned) -> None:
    """Raise DataError, with what to look at, where no fixation lies on the stimulus."""
    if len(aligned.fixations):
        return
    lost = float(aligned.found.is_empty())
    valid = int((~pl.Series(aligned.screen_xy[:, 0]).is_nan()).sum())
    why = (
        f"none found by {aligned.method} in {len(aligned.time_s)} samples, {valid} of them valid"
        if lost
        else f"all {len(aligned.found)} found by {aligned.method} lie beside the stimulus or outside of its time"
    )
    raise DataError(
        f"{aligned.recording.place()}: no fixations of {aligned.recording.subject!r} on the stimulus: {why}; check the "
        "eye, the geometry and the clock with `sightline gaze inspect`"
    )


@dataclass(frozen=True, slots=True)
class ImportFolder:
    """A folder that `import_gaze` made; `ImportFolder.open` checks that it is one.

    Attributes
    ----------
    path : Path
        The folder.
    provenance : dict
        What provenance.json says: files with checksums, geometry, clock, options; every size is [height, width].

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (64, 48)).save(folder / "photo.png")
    >>> rows = "subject,onset_ms,duration_ms,x_px,y_px\\nann,0,300,10,20\\nann,350,250,30,40\\n"
    >>> _ = (folder / "ann.csv").write_text(rows)
    >>> made = ImportFolder.open(import_gaze([folder / "ann.csv"], folder / "photo.png", folder / "out"))
    >>> made.stimulus().size, len(made.fixations())
    ((48, 64), 2)
    """

    path: Path
    provenance: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> ImportFolder:
        """Raises DataError if the folder is none of ours."""
        file = Path(path) / PROVENANCE
        if not file.exists():
            published.refuse(Path(path))
            raise DataError(f"{path}: no {PROVENANCE} in it; make the folder with `sightline gaze import`")
        said = read_json(file, MEND)
        if not isinstance(said, dict) or not isinstance(said.get("stimulus"), dict):
            raise DataError(f"{file}: says nothing of a stimulus; {MEND}")
        return cls(Path(path), said)

    def fixations(self) -> pl.DataFrame:
        """The table of fixations, in align.TABLE_SCHEMA."""
        return read_fixations(self.path)

    def events(self) -> pl.DataFrame:
        """Every event in video time, not cut to the stimulus: subject, kind (fixation, saccade, blink), onset_s,
        duration_s, and of fixations x_px, y_px."""
        try:
            return pl.read_csv(self.path / EVENTS, schema_overrides=EVENTS_SCHEMA)
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise DataError(f"{self.path / EVENTS}: cannot be read ({str(error).splitlines()[0]}); {MEND}") from None

    def stimulus(self, path: str | Path | None = None) -> Stimulus:
        """The stimulus with its stored frame times; `path` if it was moved. The file itself is not opened."""
        said = self.provenance["stimulus"]
        if "size" not in said:
            raise DataError(
                f"{self.path / PROVENANCE}: written by an earlier version, without the stimulus's size as [height, "
                "width]; import the recordings again"
            )
        table = self.path / "frames.csv"
        times = read_columns(table, ("time_s",), expected="the times of the frames").numbers["time_s"]
        try:
            height, width = map(int, said["size"])
            end = float("inf") if said["end_s"] is None else float(said["end_s"])
            return Stimulus(Path(path or said["path"]), (height, width), times, end, float(said["pixel_aspect"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"{self.path / PROVENANCE}: of the stimulus: {error!r}; {MEND}") from None

    def samples(self, subject: str) -> pl.DataFrame:
        """The gaze samples of a subject: time_s, x_px, y_px (null where lost)."""
        return read_parquet(self.path / "samples" / f"{file_name(subject)}.parquet")

    @property
    def failed(self) -> dict[str, str]:
        """Files that could not be imported, and why."""
        failed = self.provenance.get("failed")
        return dict(failed) if isinstance(failed, dict) else {}

    def quality(self) -> list[dict[str, Any]]:
        """The measures of every recording: quality.Quality as dictionaries."""
        measures: list[dict[str, Any]] = read_json(self.path / "quality.json", MEND)
        return measures

    @property
    def px_per_degree(self) -> tuple[float, float] | None:
        """Stimulus pixels across a degree, over all recordings (median); None where any of them does not know."""
        try:
            each = [entry["stimulus_px_per_degree"] for entry in self.provenance["recordings"]]
            if not each or any(value is None for value in each):
                return None
            across, down = map(float, sorted(each)[len(each) // 2])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"{self.path / PROVENANCE}: of the recordings: {error!r}; {MEND}") from None
        return across, down
