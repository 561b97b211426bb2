"""`--each`: images that have nothing to do with one another, all in one folder of results."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sightline.apps.outcome import Outcome, failure
from sightline.apps.predict import Run, name_folders, versions
from sightline.errors import SightlineError, SourceError
from sightline.files import IMAGE_SUFFIXES
from sightline.results.folder import OutputFolder
from sightline.results.writer import ResultWriter
from sightline.types import Prompt
from sightline.video import open_source
from sightline.video.frames import list_images


def run_each(run: Run, sources: list[Path], out: Path) -> list[Outcome]:
    """Treat every image, given or in a given folder, as its own source: out/saliency/<stem>.png and so on.

    An image that cannot be read is a failed outcome and stops nothing; an error of writing is raised, as OutputError,
    and leaves nothing behind.
    """
    images, outcomes = _collect(sources)
    if not images:
        return outcomes
    folder = OutputFolder(out)
    name = f"{len(images)} images from {images[0].resolve()} to {images[-1].resolve().name}"
    identity = run.identity(images, name)
    if folder.finished(identity, run.outputs, overwrite=run.overwrite):
        return outcomes + [Outcome(str(image), "skipped", str(out)) for image in images]
    run.begin(f"{len(images)} images", len(images))
    partial = folder.begin()
    began = time.perf_counter()
    try:
        outcomes += _write(run, images, partial, out)
        done = [outcome for outcome in outcomes if outcome.status == "done"]
        if not done:
            folder.discard()
            return outcomes
        seconds = time.perf_counter() - began
        folder.commit(
            identity
            | {
                "kind": "each",
                "frames": len(done),
                "images": [outcome.source for outcome in done],
                "outputs": run.outputs,
                "complete": len(done) == len(images),
                "versions": versions(),
                "timings": {"total_s": round(seconds, 3), "frames_per_s": round(len(done) / seconds, 2)},
            }
        )
    except BaseException:
        folder.discard()
        raise
    return outcomes


def _write(run: Run, images: list[Path], partial: Path, out: Path) -> list[Outcome]:
    outcomes = []
    writer = ResultWriter(partial, None, run.kinds, out)
    try:
        for image, name in zip(images, (path.name for path in name_folders(images, out)), strict=True):
            began = time.perf_counter()
            try:
                with open_source(image) as source:
                    (frame,) = run.predictor.stream(source, Prompt())
            except SourceError as error:
                outcomes.append(failure(image, error))
                continue
            writer.write(frame, name)
            outcomes.append(Outcome(str(image), "done", str(out), 1, round(time.perf_counter() - began, 3)))
            run.step()
            if run.stopped():
                break
        writer.close(whole=True)
    except BaseException:
        writer.abort()
        raise
    return outcomes


def _collect(sources: list[Path]) -> tuple[list[Path], list[Outcome]]:
    """(all images, failures of sources that give none)."""
    images: list[Path] = []
    failures = []
    for source in sources:
        try:
            if os.path.isdir(source):
                images += list_images(source)
            elif os.path.exists(source) and source.suffix.lower() not in IMAGE_SUFFIXES:
                raise SourceError(f"{source}: `each` takes images and folders of images; leave it out for a video")
            else:
                images.append(source)
        except SightlineError as error:
            failures.append(failure(source, error))
    return images, failures
