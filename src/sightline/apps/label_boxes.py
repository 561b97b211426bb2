"""Masks for annotated boxes: the work behind `sightline label --method boxes`."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sightline._version import __version__
from sightline.apps.outcome import Outcome, failure
from sightline.apps.sources import fingerprint
from sightline.data.boxed import fault_of, read_boxed
from sightline.data.files import list_images, load_image
from sightline.data.goo_coco import HEAD
from sightline.data.object_masks import encode
from sightline.errors import DataError, OutputError, SightlineError
from sightline.files import WholeFile, output_errors
from sightline.training.labels.boxes import BoxTeacher
from sightline.untrusted import parse_json

ANNOTATIONS, SUMMARY, PARTIAL = "annotations.coco.json", "summary.json", ".masks.jsonl"
COUNTED = ("boxes", "masks", "below_confidence", "bad_boxes")


@dataclass
class BoxRun:
    """One call of `sightline label --method boxes`.

    Attributes
    ----------
    teacher
        What makes the masks.
    model
        What the user calls it.
    boxes
        The file of the annotations.
    confidence
        Masks of a lower score are left out; None is the teacher's own.
    overwrite
        Do all of it again.
    begin, step, stopped
        As of `apps.predict.Run`.
    """

    teacher: BoxTeacher
    model: str
    boxes: Path
    confidence: float | None = None
    overwrite: bool = False
    begin: Callable[[str, int | None], None] = lambda name, frames: None
    step: Callable[[], None] = lambda: None
    stopped: Callable[[], bool] = lambda: False
    _counts: Counter[str] = field(default_factory=Counter)

    def over(self, pictures: Sequence[Path], out: Path) -> list[Outcome]:
        """Write annotations.coco.json with a mask for each box, and summary.json, into the folder `out`.

        pictures: files, or folders with those that the annotations name. A picture that cannot be read stops none of
        the others. What is done stays when the run is stopped, and the next one goes on there.

        Raises DataError where the annotations cannot be read or name none of the pictures, OutputError where `out` has
        the masks of another run.
        """
        coco = read_boxed(self.boxes)
        named = {str(image["file_name"]).replace("\\", "/"): image for image in coco["images"]}
        found = dict(_places(named, pictures))
        if not found:
            first = next(iter(named), "nothing")
            raise DataError(
                f"{self.boxes}: names none of the pictures ({first}, ...); give the folder that they are in"
            )
        identity = self._identity(found)
        partial = out / PARTIAL
        done: dict[str, dict[str, Any]] = {}
        if not self.overwrite:
            earlier = [one for one in (_summary_of(out), _begun(partial)) if one is not None]
            if any(one["identity"] != identity for one in earlier):
                raise OutputError(f"{out}: has masks of other boxes or settings; give another `out`, or `overwrite`")
            if any(one["complete"] for one in earlier):
                return [Outcome(str(path), "skipped", str(out)) for path in found.values()]
            done = _done(partial)
        with output_errors(out):
            out.mkdir(parents=True, exist_ok=True)
            outcomes = self._each(coco, found, named, partial, identity, done)
            if not any(outcome.status == "stopped" for outcome in outcomes):
                self._finish(out, coco, named, found, done, identity, outcomes)
                if len(done) == len(found):  # else what failed is tried again
                    partial.unlink()
        return outcomes

    def _each(
        self,
        coco: dict[str, Any],
        found: dict[str, Path],
        named: dict[str, dict[str, Any]],
        partial: Path,
        identity: dict[str, Any],
        done: dict[str, dict[str, Any]],
    ) -> list[Outcome]:
        """Label each picture that is not in `done`, and add it there and to the file `partial`."""
        by_image: dict[Any, list[dict[str, Any]]] = {}
        for annotation in coco["annotations"]:
            by_image.setdefault(annotation["image_id"], []).append(annotation)
        heads = {one["id"] for one in coco.get("categories", ()) if str(one["name"]).lower() == HEAD.lower()}
        outcomes = []
        self.begin(f"{len(found)} pictures", len(found))
        with partial.open("w", encoding="utf-8") as log:
            for entry in (identity, *done.values()):
                log.write(json.dumps(entry) + "\n")
            for name, path in found.items():
                if name in done:
                    outcomes.append(Outcome(str(path), "skipped", str(partial.parent)))
                    self.step()
                    continue
                if self.stopped():
                    outcomes.append(Outcome(str(path), "stopped"))
                    return outcomes
                try:
                    done[name] = self._picture(path, named[name], by_image.get(named[name]["id"], []), heads)
                except SightlineError as error:
                    outcomes.append(failure(path, error))
                    continue
                log.write(json.dumps(done[name]) + "\n")
                log.flush()
                notes = tuple(f"{path}: {note}" for note in done[name]["notes"])
                outcomes.append(Outcome(str(path), "done", str(partial.parent), 1, notes=notes))
                self.step()
        return outcomes

    def _picture(
        self, path: Path, image: dict[str, Any], annotations: list[dict[str, Any]], heads: set[Any]
    ) -> dict[str, Any]:
        """The annotations of a picture with their masks, what was counted, and what was wrong."""
        pixels = load_image(path)
        size = int(image.get("height") or pixels.shape[0]), int(image.get("width") or pixels.shape[1])
        if pixels.shape[:2] != size:
            (height, width), (given_height, given_width) = pixels.shape[:2], size
            raise DataError(
                f"{path}: {width}x{height} pixels, its annotation says {given_width}x{given_height}; give boxes in "
                "pixels of the file"
            )
        counts: Counter[str] = Counter()
        notes: list[str] = []
        kept: list[dict[str, Any]] = []
        wanted: list[dict[str, Any]] = []
        for annotation in annotations:
            if fault := fault_of(annotation.get("bbox"), size):
                counts["bad_boxes"] += 1
                notes.append(f"box {annotation.get('id')}: {fault}; left out")
                continue
            kept.append({key: value for key, value in annotation.items() if key != "segmentation"})
            if annotation.get("category_id") not in heads:
                wanted.append(kept[-1])
        boxes = np.array([one["bbox"] for one in wanted], dtype=np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        masks, scores = self.teacher(pixels, boxes)
        for annotation, mask, score in zip(wanted, masks, scores, strict=True):
            sure = score >= self._threshold and mask.any()
            counts["masks" if sure else "below_confidence"] += 1
            annotation["mask_score"] = round(float(score), 4)
            if sure:
                annotation |= {"segmentation": encode(mask), "area": int(mask.sum())}
        counts["boxes"] = len(wanted)
        return {"file_name": image["file_name"], "annotations": kept, "counts": counts, "notes": notes}

    def _finish(
        self,
        out: Path,
        coco: dict[str, Any],
        named: dict[str, dict[str, Any]],
        found: dict[str, Path],
        done: dict[str, dict[str, Any]],
        identity: dict[str, Any],
        outcomes: list[Outcome],
    ) -> None:
        whole = {
            "images": [named[name] | {"file_name": _from(out, found[name])} for name in named if name in done],
            "annotations": [annotation for name in named if name in done for annotation in done[name]["annotations"]],
            "categories": coco.get("categories", []),
        }
        failed = [outcome.error for outcome in outcomes if outcome.status == "failed"]
        counts = sum((Counter(entry["counts"]) for entry in done.values()), Counter())
        summary = {
            "method": "boxes",
            "teacher": self.teacher.about,
            "identity": identity,
            "pictures": len(done),
            **{name: counts[name] for name in COUNTED},
            "pictures_not_found": [name for name in named if name not in done][: 20 if len(named) > len(done) else 0],
            "failed": failed,
            "complete": not failed,
            "notes": [f"{name}: {note}" for name, entry in done.items() for note in entry["notes"]],
            "version": __version__,
        }
        for name, content in ((ANNOTATIONS, whole), (SUMMARY, summary)):
            with WholeFile(out / name) as path:
                path.write_text(json.dumps(content, indent=None if name == ANNOTATIONS else 2), encoding="utf-8")

    @property
    def _threshold(self) -> float:
        return self.teacher.confidence if self.confidence is None else self.confidence

    def _identity(self, found: dict[str, Path]) -> dict[str, Any]:
        size, modified = fingerprint(found.values())
        return {
            "model": self.model,
            "boxes_sha256": hashlib.sha256(self.boxes.read_bytes()).hexdigest(),
            "confidence": self._threshold,
            "pictures": [str(path.resolve()) for path in found.values()],
            "pictures_bytes": size,
            "pictures_modified": modified,
        }


def _places(named: dict[str, dict[str, Any]], pictures: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """(name in the annotations, file) of every picture that is there: by its path below a folder, or its last part."""
    files = {path.name: path for path in pictures if not path.is_dir()}
    folders = [path for path in pictures if path.is_dir()]
    for folder in folders:
        files |= {path.name: path for path in list_images(folder)}
    for name in named:
        path = next((folder / name for folder in folders if (folder / name).is_file()), files.get(Path(name).name))
        if path is not None:
            yield name, path


def _from(folder: Path, picture: Path) -> str:
    """The path of a picture as it counts from a folder: the annotations find it there."""
    try:
        return os.path.relpath(picture.resolve(), folder.resolve()).replace("\\", "/")
    except ValueError:  # another drive
        return str(picture.resolve())


def _summary_of(out: Path) -> dict[str, Any] | None:
    """What an earlier run left: its identity and whether it is complete; None where there is none."""
    try:
        summary = parse_json((out / SUMMARY).read_text(encoding="utf-8"))
        complete = bool(summary["complete"]) and (out / ANNOTATIONS).is_file()
        return {"identity": summary["identity"], "complete": complete}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _begun(partial: Path) -> dict[str, Any] | None:
    """What a run that was stopped was of; None where there is none."""
    try:
        with partial.open(encoding="utf-8") as log:
            return {"identity": parse_json(log.readline()), "complete": False}
    except (OSError, ValueError):
        return None


def _done(partial: Path) -> dict[str, dict[str, Any]]:
    """The pictures that a run that was stopped has done, by name; a line that was cut short counts not."""
    found: dict[str, dict[str, Any]] = {}
    try:
        for line in partial.read_text(encoding="utf-8").splitlines()[1:]:
            entry = parse_json(line)
            found[str(entry["file_name"]).replace("\\", "/")] = entry
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return found
