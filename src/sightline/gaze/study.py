"""A whole experiment in one import: recordings with shuffled trials, and the folder of what was shown."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sightline._version import __version__
from sightline.errors import DataError, SightlineError, UsageError
from sightline.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES, WholeFolder
from sightline.gaze import formats, quality, quality_page
from sightline.gaze.align import AlignOptions, align
from sightline.gaze.formats import ReadOptions
from sightline.gaze.importing import named, require_fixations, subject_names
from sightline.gaze.recording import Recording
from sightline.gaze.stimulus import Stimulus, names_of, plain_name
from sightline.gaze.writer import PROVENANCE, Writer
from sightline.progress import track
from sightline.untrusted import parse_json, read_json

STUDY = "study.json"
TRIALS = "trials.csv"
STATES = ("imported", "failed", "repeated", "unknown", "missing")


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a trial.

    status: "imported"; "failed" (note says why); "repeated" (another showing to the same viewer is imported); "unknown"
    (no stimulus is called so); "missing" (the viewer has no trial of this stimulus). trial, file: as the recording has
    them. fixations, lost_share: of what was imported.
    """

    subject: str
    stimulus: str
    status: str
    trial: str = ""
    file: str = ""
    fixations: int | None = None
    lost_share: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """A folder that `import_study` made.

    Attributes
    ----------
    path : Path
        The folder.
    trials : tuple of Found
        What became of every trial, by subject and stimulus.

    Examples
    --------
    >>> study = Study(Path("study"), (Found("P1", "dog", "imported"), Found("P2", "dog", "missing")))
    >>> study.counts, study.stimuli
    ({'imported': 1, 'missing': 1}, ['dog'])
    """

    path: Path
    trials: tuple[Found, ...]

    @classmethod
    def open(cls, path: str | Path) -> Study:
        """Raises DataError if the folder is none of ours."""
        file = Path(path) / STUDY
        try:
            found = tuple(Found(**each) for each in parse_json(file.read_text(encoding="utf-8"))["trials"])
            if not all(isinstance(each.stimulus, str) and each.status in STATES for each in found):
                raise ValueError(f"a trial without the name of its stimulus, or of none of the states {STATES}")
            return cls(Path(path), found)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file}: cannot be read ({error}); import the experiment again") from None

    @property
    def counts(self) -> dict[str, int]:
        """How many trials there are in each state that occurs."""
        counts = Counter(each.status for each in self.trials)
        return {state: counts[state] for state in STATES if counts[state]}

    @property
    def stimuli(self) -> list[str]:
        """The stimuli that somebody watched: a folder each."""
        return sorted({each.stimulus for each in self.trials if each.status == "imported"})

    def quality(self) -> list[dict[str, Any]]:
        """The measures of every viewer: quality.Quality as dictionaries."""
        measures: list[dict[str, Any]] = read_json(self.path / "quality.json", "import the experiment again")
        return measures


def import_study(
    files: Sequence[str | Path],
    stimuli: str | Path,
    out: str | Path,
    *,
    format: str | None = None,
    reading: ReadOptions | None = None,
    options: AlignOptions | None = None,
) -> Study:
    """Import every trial of every recording onto the stimulus that it showed.

    A trial names its stimulus by `trial_message` of `reading` where that is given; else by the picture that it
    placed (EyeLink's !V IMGLOAD), a variable of the trial (TRIAL_VAR), or its own name (TRIALID, a media column).
    Names count with or without a folder and a suffix.

    Parameters
    ----------
    files : sequence of str or Path
        Recordings, one file or more a viewer.
    stimuli : str or Path
        The folder of images and videos, with folders in it.
    out : str or Path
        Gets a folder a stimulus, each as `import_gaze` writes it, with every viewer's trial; trials.csv, what was
        found for whom and what is missing; the quality a viewer (quality.html, .csv, .json); and study.json.
    format, reading, options
        As for `import_gaze`, for all trials.

    Returns
    -------
    Study
        What was imported. One trial or file that fails does not stop the others; its row says why.

    Raises
    ------
    SightlineError
        If nothing can be imported, two stimuli have one name, or the call is wrong. Then nothing is written.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "shown").mkdir()
    >>> Image.new("RGB", (64, 48)).save(folder / "shown" / "dog.png")
    >>> table = folder / "P1.csv"
    >>> _ = table.write_text("image,onset_ms,duration_ms,x_px,y_px\\ndog.png,0,300,20,20\\ncat.png,0,250,9,9\\n")
    >>> study = import_study([table], folder / "shown", folder / "study")
    >>> study.counts, study.stimuli
    ({'imported': 1, 'unknown': 1}, ['dog'])
    """
    options = options or AlignOptions()
    reading = replace(reading or ReadOptions(), rate_hz=options.setup.rate_hz)
    paths = [Path(file) for file in files]
    known = _Stimuli.of(Path(stimuli))
    old = [each.parent.name for each in Path(out).glob(f"*/{PROVENANCE}")]
    with WholeFolder(out, STUDY, replaces=old).require_ours() as folder:
        run = _Run(folder, known, options, by_trial=reading.trial_message is not None)
        for recording in _recordings(paths, format, reading, run.found):
            run.take(recording)
            del recording
        run.finish()
    return Study(Path(out), tuple(run.found))


class _Stimuli:
    """The stimuli of a folder by name. The same name twice is ambiguous."""

    def __init__(self, folder: Path, paths: Sequence[Path]) -> None:
        self.folder = folder
        self.by_name: dict[str, Path] = {}
        for path in paths:
            if (other := self.by_name.setdefault(plain_name(path.stem), path)) != path:
                raise DataError(f"{path}: called like {other}, so that trials cannot be told apart; rename one of them")
        self._opened: dict[Path, Stimulus] = {}

    @classmethod
    def of(cls, folder: Path) -> _Stimuli:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; give the folder of the images and videos that were shown")
        kinds = IMAGE_SUFFIXES | VIDEO_SUFFIXES
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds and path.is_file())
        if not paths:
            raise DataError(f"{folder}: no image or video in it; give the folder of what was shown")
        return cls(folder, paths)

    def shown_by(self, recording: Recording, by_trial: bool) -> Path | None:
        """The stimulus of a trial. by_trial: its name alone counts, as the user said how trials are called."""
        names = (re.sub(r"#\d+$", "", recording.trial or ""),) if by_trial else recording.called
        for name in names:
            if found := next(filter(None, map(self.by_name.get, names_of(name))), None):
                return found
        return None

    def said_by(self, recording: Recording) -> str | None:
        """The first message of a trial that has the name of a stimulus in it."""
        messages = (message.text for message in recording.messages)
        return next((text for text in messages if any(path.name in text for path in self.by_name.values())), None)

    def open(self, path: Path) -> Stimulus:
        if path not in self._opened:
            self._opened[path] = Stimulus.open(path)
        return self._opened[path]


def _recordings(
    paths: Sequence[Path], format: str | None, reading: ReadOptions, found: list[Found]
) -> Iterator[Recording]:
    """The trials of one file after the other; a file that cannot be read becomes a row."""
    names = subject_names(paths)
    groups = formats.grouped(paths)
    failed: list[SightlineError] = []
    for group in track(groups, "Importing", total=len(groups)):
        try:
            recordings = formats.read_group(group, format, reading)
        except UsageError:
            raise
        except SightlineError as error:
            failed.append(error)
            found.append(Found(names[group[0]], "", "failed", file=str(group[0]), note=str(error)))
            continue
        while recordings:
            yield named(recordings.pop(0), names[group[0]])
    if failed and len(failed) == len(groups):
        raise failed[0]


class _Run:
    """An import while it goes on: the writers of the stimuli, and what became of the trials."""

    def __init__(self, folder: Path, stimuli: _Stimuli, options: AlignOptions, *, by_trial: bool) -> None:
        self.folder, self.stimuli, self.options, self.by_trial = folder, stimuli, options, by_trial
        self.found: list[Found] = []
        self._writers: dict[Path, Writer] = {}
        self._measures: dict[str, list[tuple[str, quality.Quality]]] = {}
        self._errors: list[SightlineError] = []

    def take(self, recording: Recording) -> None:
        """Import a trial, or say why not."""
        row = Found(recording.subject, "", "unknown", recording.trial or "", str(recording.path))
        path = self.stimuli.shown_by(recording, self.by_trial)
        if path is None:
            names = ", ".join(filter(None, [recording.trial, *recording.stimuli[:4]])) or "nothing"
            note = f"the trial is called {names}; no stimulus is"
            if not self.by_trial and (said := self.stimuli.said_by(recording)):
                note += f" (its message {said!r} does: `trial_message`)"
            self.found.append(replace(row, note=note))
            return
        row = replace(row, stimulus=path.stem)
        if any(name == path.stem for name, _ in self._measures.get(recording.subject, ())):
            self.found.append(replace(row, status="repeated", note="an earlier showing is imported"))
            return
        try:
            aligned = align(recording, self.stimuli.open(path), self.options)
            require_fixations(aligned)
            if path not in self._writers:
                self._writers[path] = Writer(self.folder / path.stem, self.stimuli.open(path), every_figure=False)
            measured = self._writers[path].add(aligned)
        except UsageError:
            raise
        except SightlineError as error:
            self._errors.append(error)
            self.found.append(replace(row, status="failed", note=str(error)))
            return
        self._measures.setdefault(recording.subject, []).append((path.stem, measured))
        self.found.append(
            replace(row, status="imported", fixations=measured.fixations_on_stimulus, lost_share=measured.lost_share)
        )

    def finish(self) -> None:
        """Write each stimulus's folder, the table of trials, and the quality a viewer."""
        if not self._writers:
            if self._errors:
                raise self._errors[0]
            names = ", ".join(dict.fromkeys(each.trial for each in self.found))[:200]
            raise DataError(
                f"{self.stimuli.folder}: no trial is called like a stimulus in it (trials: {names}); name them with "
                "`trial_message`, a regular expression whose group is the stimulus's name"
            )
        for writer in self._writers.values():
            writer.finish(self.options)
        viewers = dict.fromkeys(each.subject for each in self.found)
        seen = {(each.subject, each.stimulus) for each in self.found}
        watched = sorted(path.stem for path in self._writers)
        self.found += [Found(v, s, "missing") for v in viewers for s in watched if (v, s) not in seen]
        self.found.sort(key=lambda each: (each.subject, each.stimulus, each.trial))
        self._write_trials()
        measures = [quality.of_viewer(viewer, trials) for viewer, trials in sorted(self._measures.items())]
        quality.write_tables(self.folder, measures)
        counts = Counter(each.status for each in self.found)
        quality_page.write_page(
            self.folder / "quality.html",
            "Quality a viewer",
            measures,
            [""] * len(measures),
            links=[(name, f"{name}/quality.html") for name in watched],
            about=", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) + f": see {TRIALS}.",
        )
        said = {
            "sightline": __version__,
            "stimuli": str(self.stimuli.folder.resolve()),
            "options": asdict(self.options),
            "trials": [asdict(each) for each in self.found],
        }
        (self.folder / STUDY).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")

    def _write_trials(self) -> None:
        with (self.folder / TRIALS).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(Found.__dataclass_fields__), lineterminator="\n")
            writer.writeheader()
            for each in self.found:
                row = asdict(each)
                row["lost_share"] = "" if each.lost_share is None else f"{each.lost_share:.4f}"
                writer.writerow(row)
