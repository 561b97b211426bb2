"""Fuzzed results and inputs of the commands: what `predict`, `gaze import` and `reframe` left, and what is typed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.target import Crash, Target, each, text, with_all
from sightline.errors import DataError, UsageError

TYPED = (
    "--point 320,200 --not 10,10 --at 1.5",
    "--box 100,80,300,240 --at 0:01:30.5",
    '--object "point=320,200 not=10,10 at=1.5 number=2" --object "box=1,2,30,40 at=2"',
    "--head 100,80,160,150 --head 1,2,30,40",
    "--point 1,2 --point 3,4 --names a,b",
)
BOXES = {"a": {"width": 64, "height": 48, "boxes_xyxy": [[1, 2, 20, 30]], "labels": [3], "gaze_point_xy": [5, 6],
               "head_box_xyxy": [2, 2, 9, 9], "gaze_box_index": 0}}  # fmt: skip
PREDICTED = {"a": {"gaze_point_xy": [5, 6], "head_box_xyxy": [2, 2, 9, 9], "boxes_xyxy": [[1, 2, 20, 30], [3, 3, 9, 9]],
                   "labels": [3, 1], "scores": [0.9, 0.1]}}  # fmt: skip
TABLES = {
    "hotspots.csv": "frame,time_s,x_px,y_px,score,state\n0,0.0,3,4,0.9,start\n1,0.04,3,4,0.9,track\n",
    "tracks.csv": "frame,time_s,object,x_px,y_px,score,state\n0,0.0,1,3,4,0.9,start\n",
    "objects.csv": "frame,time_s,object,label,score,x1_px,y1_px,x2_px,y2_px\n0,0.0,1,Wafer,0.9,1,2,20,30\n",
    "people.csv": "frame,time_s,person,head_x1_px,head_y1_px,head_x2_px,head_y2_px,head_score,target_x_px,target_y_px,"
    "target_score,object\n0,0.0,1,2,2,9,9,0.9,5,6,0.8,1\n",
    "sound.csv": "frame,time_s,switch,switch_score,tag,tag_score\n0,0.0,1,0.9,dog,0.8\n",
    "steps.csv": "frame,time_s,step,score,x1_px,y1_px,x2_px,y2_px\n0,0.0,coarse,0.9,1,2,20,30\n",
}
CROPS = "frame,time_s,x_px,y_px,width_px,height_px\n0,0.00,1.00,2.00,20.00,30.00\n1,0.04,1.00,2.00,20.00,30.00\n"
PROVENANCE = {
    "stimulus": {"path": "film.mp4", "size": [48, 64], "end_s": 1.0, "pixel_aspect": 1.0},
    "recordings": [{"subject": "ann", "stimulus_px_per_degree": [30.0, 31.0]}],
    "failed": {},
}
TRIALS = {"trials": [{"subject": "ann", "stimulus": "dog", "status": "imported", "fixations": 3, "lost_share": 0.1}]}


def _typed(path: Path) -> None:
    """A line of options, as `predict` understands them: what is wrong is said of one of them."""
    from sightline.cli._arguments import prompt_of
    from sightline.metrics.evaluation.layout import read_selection

    line = path.read_bytes().decode("utf-8", "surrogateescape")
    try:
        words = shlex.split(line)
    except ValueError:
        return  # the shell's part
    given: dict[str, list[str]] = {}
    for name, value in zip(words[::2], words[1::2], strict=False):
        given.setdefault(name.removeprefix("--"), []).append(value)
    try:
        for value in given.get("names", ()):
            if "\x00" not in value:  # no shell can say it
                read_selection(value)
        prompt = prompt_of(
            given.get("point"),
            next(iter(given.get("box", ())), None),
            None,
            given.get("not"),
            next(iter(given.get("at", ())), None),
            given.get("object"),
            given.get("head"),
        )
        prompt.require_inside((480, 640), 100.0)
    except UsageError as error:
        if "`" not in str(error):
            raise Crash(f"an error that names no option: {error}") from error
        raise DataError(f"{path}: {error}") from error


def _predictions(path: Path) -> None:
    """Scored predictions, as `evaluate gaze` reads them: a table, or the folder of a picture."""
    from sightline.data.goo import read_scenes
    from sightline.metrics.evaluation.gaze_predictions import read_predictions

    truth = path.parent.parent / "truth"
    truth.mkdir(exist_ok=True)
    (truth / "annotations.json").write_text(json.dumps(BOXES))
    read_predictions(path if path.is_dir() else path.parent, read_scenes(truth), complete=True)


def _source_folder(folder: Path) -> Path:
    place = folder / "a"
    place.mkdir()
    for name in ("people.csv", "objects.csv"):
        (place / name).write_text(TABLES[name])
    return place


def _tables(path: Path) -> None:
    from sightline.apps.reframe.tables import read_path
    from sightline.results.outputs import OUTPUTS, Table

    if path.name == "path.csv":
        list(read_path(path))
        return
    (kind,) = [kind for kind in OUTPUTS if isinstance(kind, Table) and kind.entries[0] == path.name]
    kind.read(path)


def _masks(path: Path) -> None:
    from sightline.results.outputs import NPZ

    NPZ.read(path)


def _write_masks(folder: Path) -> Path:
    masks = np.zeros((2, 6, 8), np.uint8)
    masks[:, 2:4] = 1
    np.savez_compressed(
        folder / "masks.npz", masks=masks, frames=np.array(["0", "1"]), times_s=np.arange(2) / 25,
        sizes=np.array([[6, 8]] * 2),
    )  # fmt: skip
    return folder / "masks.npz"


def _table_of_fixations() -> Any:
    import polars as pl

    return pl.DataFrame(
        {
            "subject": ["ann"] * 4,
            "onset_s": [0.0, 0.2, 0.4, 0.6],
            "duration_s": [0.1] * 4,
            "x_px": [10.0, 20, 30, 40],
            "y_px": [5.0] * 4,
            "frame": pl.Series([0, 5, 10, 15], dtype=pl.Int32),
        }
    )


def _write_parquet(folder: Path) -> Path:
    _table_of_fixations().write_parquet(folder / "fixations.parquet")
    return folder / "fixations.parquet"


def _parquet(path: Path) -> None:
    from sightline.gaze.tables import fixations_by_frame, read_fixations

    read_fixations(path)
    fixations_by_frame(path, [k / 25 for k in range(25)], (48, 64))


def _import_folder(folder: Path) -> Path:
    """What `gaze import` leaves, without its page."""
    import polars as pl

    table, place = _table_of_fixations(), folder / "film"
    (place / "samples").mkdir(parents=True)
    table.write_parquet(place / "fixations.parquet")
    table.write_csv(place / "fixations.csv")
    (place / "provenance.json").write_text(json.dumps(PROVENANCE))
    (place / "quality.json").write_text(json.dumps([{"subject": "ann", "lost_share": 0.1}]))
    (place / "frames.csv").write_text("frame,time_s\n" + "".join(f"{k},{k / 25}\n" for k in range(25)))
    (place / "events.csv").write_text("subject,kind,onset_s,duration_s,x_px,y_px\nann,fixation,0.0,0.1,10,5\n")
    samples = pl.DataFrame({"time_s": [0.0, 0.1], "x_px": [1.0, 2.0], "y_px": [1.0, 2.0]})
    samples.write_parquet(place / "samples/ann.parquet")
    return place


def _imported(path: Path) -> None:
    from sightline.data.observed import read_observed
    from sightline.gaze.importing import ImportFolder

    def folder(part: Callable[[ImportFolder], Any]) -> Callable[[Path], Any]:
        return lambda place: part(ImportFolder.open(place))

    parts = (
        ImportFolder.fixations,
        ImportFolder.events,
        ImportFolder.stimulus,
        ImportFolder.quality,
        lambda made: made.samples("ann"),
        lambda made: (made.failed, made.px_per_degree),
    )
    with_all(path, *map(folder, parts), read_observed)


def _study(path: Path) -> None:
    from sightline.gaze.study import Study

    made = Study.open(path.parent)
    _ = made.counts, made.stimuli


def _lists(path: Path) -> None:
    from sightline.apps.batch.listing import list_items
    from sightline.errors import SourceError
    from sightline.metrics.evaluation.layout import read_selection

    if path.name == "names.txt":
        read_selection(str(path))
        return
    try:
        list_items([], [str(path)], path.parent)
    except (SourceError, UsageError) as error:  # a source that is not there is named alone
        raise DataError(f"{path}: {error}") from error


RESULTS: dict[str, Target] = {
    "typed prompts": Target(each(*(text("typed.txt", line) for line in TYPED)), _typed, 300),
    "predictions": Target(each(text("predictions.json", json.dumps(PREDICTED)), _source_folder), _predictions, 200),
    "result tables": Target(
        each(*(text(name, table) for name, table in TABLES.items()), text("path.csv", CROPS)), _tables, 200
    ),
    "masks.npz": Target(each(_write_masks), _masks, 150),
    "parquet": Target(each(_write_parquet), _parquet, 150),
    "imports": Target(each(_import_folder), _imported, 100),
    "studies": Target(each(text("study.json", json.dumps(TRIALS))), _study, 100),
    "lists": Target(
        each(text("list.txt", "# films\n/nowhere/*.mp4\n\n."), text("names.txt", "a/b/0001.jpg a/b/0001.png\nc\n")),
        _lists,
        100,
    ),
}
