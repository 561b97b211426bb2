"""What runs came to, and how far they are, as the page is told."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sightline.apps.outcome import Outcome
from sightline.apps.web.desk import Job
from sightline.apps.web.guide import LAYERS, TABLES
from sightline.apps.web.look import Results
from sightline.apps.web.sessions import Session
from sightline.errors import UsageError

Answer = dict[str, Any]


def standing(session: Session, before: int) -> Answer:
    """How far the preparation of what is open and the last run are. before: jobs that come first."""
    answer: Answer = {}
    media, prepared, job = session.media, session.prepared, session.job
    if media is not None and prepared is not None:
        prepared.asked()
        answer["media"] = {
            "frames": len(media.times),
            "expected": max(media.expected or 0, len(media.times)),
            "ready": media.ready,
            "film": None if media.film is None else str(media.film),
            "error": None if prepared.told() is None else session.plain(str(prepared.told())),
        }
    if job is not None:
        job.asked()
        told = job.told()
        answer["job"] = {
            "state": job.state,
            "phase": job.phase,
            "done": job.done,
            "total": job.total,
            "left_s": job.left_s(),
            "before": before,
            "error": None if told is None else session.plain(told),
            "result": job.result,
        }
    return answer


def followed(session: Session, outcome: Outcome) -> Answer:
    """What a run came to."""
    folder = _folder_of(outcome)
    seen = Results(folder)
    with session.lock:
        old, session.results, session.seen = session.results, folder, seen
    _forget(old)
    film = next(folder / name for name in ("overlay.mp4", "overlay.png") if (folder / name).exists())
    return {
        "kind": "follow",
        "film": str(film),
        "layers": [layer for layer in LAYERS if layer in seen.layers],
        "off": ["sound", *(["objects"] if seen.tables.get("people") else [])],
        "tables": [name for name in TABLES if seen.tables.get(name)],
        "frames": outcome.frames,
        "seconds": outcome.seconds,
        "notes": [session.plain(note) for note in outcome.notes],
        "error": None if outcome.error is None else session.plain(outcome.error),
    }


def reframed(session: Session, outcome: Outcome, aspect: str) -> Answer:
    """What a reframing came to."""
    folder = _folder_of(outcome)
    with session.lock:
        old, session.reframed = session.reframed, folder
    _forget(old)
    film, preview = (
        next((str(file) for file in sorted(folder.glob(f"{name}.*"))), None) for name in ("reframed", "preview")
    )
    return {
        "kind": "reframe",
        "aspect": aspect,
        "film": film,
        "preview": preview,
        "frames": outcome.frames,
        "seconds": outcome.seconds,
        "notes": [session.plain(note) for note in outcome.notes],
        "error": None if outcome.error is None else session.plain(outcome.error),
    }


def packed(job: Job, folders: Sequence[Path], out: Path) -> Answer:
    """Everything in folders of results as one file."""
    files = [(folder, file) for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    job.begin("Packing", len(files))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for folder, file in files:
            if job.stopped():
                break
            archive.write(file, file.relative_to(folder.parent.parent).as_posix().partition("-")[2])
            job.step()
    return {"kind": "pack", "file": str(out), "name": out.name, "bytes": out.stat().st_size}


def _folder_of(outcome: Outcome) -> Path:
    if outcome.output is None:
        raise UsageError("Stopped before the first frame was done")
    return Path(outcome.output)


def _forget(folder: Path | None) -> None:
    """Remove the results of an earlier run, with the folder made for them."""
    if folder is not None:
        shutil.rmtree(folder.parent, ignore_errors=True)
