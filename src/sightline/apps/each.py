"""`--each`: images that have nothing to do with one another, all in one folder of results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from sightline.apps.outcome import Outcome, failure
from sightline.apps.predict import Run, require_inside, versions
from sightline.apps.sources import Given, name_folders
from sightline.errors import SightlineError, SourceError
from sightline.results.folder import OutputFolder
from sightline.results.writer import ResultWriter
from sightline.video.frames import is_image, left_out, list_images
from sightline.video.stills import ImageFile


def run_each(run: Run, sources: Sequence[Given], out: Path) -> list[Outcome]:
    """Treat every image, given or in a given folder, as its own source: out/saliency/<stem>.png and so on.

    An image that cannot be read is a failed outcome and stops nothing; an error of writing is raised, as OutputError,
    and leaves nothing behind.
    """
    images, outcomes, notes = _collect(sources)
    if not images:
        return outcomes
    folder = OutputFolder(out)
    name = f"{len(images)} images from {images[0].resolve()} to {images[-1].resolve().name}"
    identity = run.identity(images, name)
    if folder.finished(identity, run.outputs, overwrite=run.overwrite):
        return outcomes + [Outcome(str(image), "skipped", str(out)) for image in images]
    run.begin(f"{len(images)} images", len(images))
    partial, _ = folder.begin(identity, run.kinds, versions(), anew=True)
    began = time.perf_counter()
    try:
        outcomes += _write(run, images, partial, out, notes)
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
                "notes": [note for outcome in outcomes for note in outcome.notes],
                "versions": versions(),
                "timings": {"total_s": round(seconds, 3), "frames_per_s": round(len(done) / seconds, 2)},
            }
        )
    except BaseException:
        folder.discard()
        raise
    return outcomes


def _write(run: Run, images: list[Path], partial: Path, out: Path, notes: dict[Path, str]) -> list[Outcome]:
    outcomes = []
    writer = ResultWriter(partial, None, run.kinds, out)
    try:
        for image, name in zip(images, (path.name for path in name_folders(images, out)), strict=True):
            began = time.perf_counter()
            told = (notes[image],) if image in notes else ()
            try:
                with ImageFile(image) as source:
                    prompt = run.prompt_for(image)
                    require_inside(prompt, image, source)
                    (frame,) = run.predictor.stream(source, prompt)
            except Exception as error:  # whatever it is, it concerns this image alone
                outcomes.append(failure(image, error, told))
                continue
            writer.write(frame, name)
            seconds = round(time.perf_counter() - began, 3)
            outcomes.append(Outcome(str(image), "done", str(out), 1, seconds, notes=(*told, *source.notes)))
            run.step()
            if run.stopped():
                break
        writer.close(whole=True)
    except BaseException:
        writer.abort()
        raise
    return outcomes


def _collect(sources: Sequence[Given]) -> tuple[list[Path], list[Outcome], dict[Path, str]]:
    """(all images, failures of sources that give none, what was left out of a folder by its first image)."""
    images: list[Path] = []
    failures: list[Outcome] = []
    notes: dict[Path, str] = {}
    for source in sources:
        try:
            if not isinstance(source, Path) or (source.is_file() and not is_image(source)):
                raise SourceError(f"{source}: `each` takes images and folders of images; leave it out for a video")
            if source.is_dir():
                found = list_images(source)
                if (others := left_out(source)) is not None:
                    notes[found[0]] = f"{source}: {others}"
                images += found
            else:
                images.append(source)
        except SightlineError as error:
            failures.append(failure(source, error))
    return images, failures, notes
