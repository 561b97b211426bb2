"""What a visitor can do: the functions that the page calls, without the page."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline import models
from sightline._version import __version__
from sightline.apps.predict import Run, given_by
from sightline.apps.reframe.crop import Aspect
from sightline.apps.reframe.run import Reframe
from sightline.apps.web.answers import Answer, followed, packed, reframed, standing
from sightline.apps.web.desk import Busy, Desk, Job
from sightline.apps.web.guide import LAYERS, choices
from sightline.apps.web.heads import head_at, heads_of
from sightline.apps.web.limits import Limits
from sightline.apps.web.look import look
from sightline.apps.web.marks import prompt_of
from sightline.apps.web.media import Media, require_kind
from sightline.apps.web.sessions import Session, Sessions, safe
from sightline.data.synthetic import render_demo
from sightline.errors import SightlineError, UsageError
from sightline.models.base import Predictor
from sightline.results.marks import colour_of
from sightline.results.outputs import choose
from sightline.types import Prompt

MOST_ROWS = 5000
"""Rows of a table on the page; the whole one is in the download."""
MOST_OBJECTS = 6
"""That can be marked on the page."""
Ask = dict[str, Any]


class Visits:
    """All visits to one page.

    limits: of each. device: where models run. uploads: the folder that the server receives files in; nothing is taken
    from elsewhere. sessions: where the visitors' files lie.
    """

    def __init__(self, limits: Limits, device: str, uploads: Path, sessions: Sessions) -> None:
        self.limits, self._device, self._uploads = limits, device, uploads
        self.sessions = sessions
        self._desk = Desk(limits.workers, limits.waiting)
        self._preparing = Desk(2, 4 * limits.waiting + 8)
        self._models: dict[str, Predictor] = {}
        self._loading = threading.Lock()
        self._finding = threading.Lock()
        self._demo: Path | None = None

    # What the page calls: each takes what the page sends, and gives what the page shows.

    def hello(self, ask: Ask) -> Answer:
        """A new visit."""
        return {
            "token": self.sessions.new().token,
            "models": [choice.as_dict() for choice in choices()],
            "layers": LAYERS,
            "colours": ["#{:02x}{:02x}{:02x}".format(*colour_of(number)) for number in range(1, MOST_OBJECTS + 1)],
            "limits": {
                "megabytes": self.limits.megabytes,
                "seconds": self.limits.seconds,
                "minutes_kept": self.limits.minutes_kept,
            },
            "version": __version__,
        }

    def open(self, ask: Ask) -> Answer:
        """Open a file that the visitor has uploaded: `path` on the server, `name` at the visitor's."""
        session = self._session(ask)
        name = safe(str(ask.get("name", "")))
        require_kind(name)
        return self._open(session, self._received(session, ask, name), name)

    def demo(self, ask: Ask) -> Answer:
        """Open the demo clip."""
        session = self._session(ask)
        with self._loading:
            if self._demo is None:
                path = self.sessions.root / "demo.mp4"
                render_demo(path)
                self._demo = path
        path = session.place("demo.mp4") / "demo.mp4"
        shutil.copyfile(self._demo, path)
        return self._open(session, path, "demo.mp4")

    def fixations(self, ask: Ask) -> Answer:
        """Take a table of fixations on what is open, or, without a `path`, put it away."""
        session = self._session(ask)
        if not ask.get("path"):
            session.table = None
            return {"table": None}
        name = safe(str(ask.get("name", "")))
        if Path(name).suffix.lower() not in (".csv", ".tsv", ".txt", ".parquet"):
            raise UsageError(f"{name}: not a table of fixations by its name; give a csv, tsv or parquet")
        session.table = self._received(session, ask, name)
        return {"table": name}

    def look(self, ask: Ask) -> Answer:
        """One frame with layers."""
        session = self._session(ask)
        layers = {str(layer) for layer in ask.get("layers") or ()}
        return look(self._media(session), session.seen, int(ask.get("frame") or 0), layers)

    def head(self, ask: Ask) -> Answer:
        """The head that a model finds where the visitor clicked: `frame`, and x and y in pixels of the source."""
        session = self._session(ask)
        media = self._media(session)
        predictor = self._load(str(ask.get("model")))
        predictor.require("heads")
        image = media.page_image(int(ask.get("frame") or 0))
        down, across = media.size[0] / image.shape[0], media.size[1] / image.shape[1]
        try:
            point = float(ask["x"]) / across, float(ask["y"]) / down
        except (KeyError, TypeError, ValueError):
            raise UsageError("x, y: no place in the frame; click on a face") from None
        with self._finding:
            found = head_at(predictor, image, point)
        return {"box": found and [side * scale for side, scale in zip(found, (across, down) * 2, strict=True)]}

    def follow(self, ask: Ask) -> Answer:
        """Begin a run of a model on what is open."""
        session = self._session(ask)
        media = self._media(session)
        prompted = self._prompt(session, ask.get("marks") or ())
        choice = next((choice for choice in choices() if choice.name == ask.get("model")), None)
        if choice is None:
            raise UsageError(f"{ask.get('model')}: no model of this page; choose one")
        table = session.table if "fixations" in choice.takes else None
        out = session.place("results")

        def work(job: Job) -> Answer:
            job.begin(f"Loading {choice.name}", None)
            predictor = self._load(choice.name)
            prompt = prompted(job)
            predictor.require(*prompt.kinds)
            run = Run(
                predictor,
                choose(given_by(predictor, prompt), None, predictor.name),
                prompt=prompt,
                begin=lambda name, frames: job.begin("Looking", frames),
                step=job.step,
                stopped=job.stopped,
            )
            outcome = run.to_folder(media.path, out / Path(media.name).stem, table)
            return followed(session, outcome)

        return self._take(session, Job(media.name, work))

    def reframe(self, ask: Ask) -> Answer:
        """Begin to reframe what is open."""
        session = self._session(ask)
        media = self._media(session)
        prompted = self._prompt(session, ask.get("marks") or ())
        aspect, fit = Aspect.parse(str(ask.get("aspect"))), ask.get("fit")
        if fit not in ("crop", "pad", "blur"):
            raise UsageError(f"fit {fit}: crop, pad or blur is expected")
        zoom = float(ask.get("zoom") or 1)
        name = str(ask.get("model"))
        out = session.place("reframed")

        def work(job: Job) -> Answer:
            job.begin(f"Loading {name}", None)
            predictor = self._load(name)
            prompt = prompted(job)
            predictor.require(*prompt.kinds)
            phases = iter(("Looking", "Cutting"))
            reframing = Reframe(
                predictor,
                (aspect,),
                fit=fit,
                zoom=zoom,
                preview=True,
                prompt=prompt,
                begin=lambda name, frames: job.begin(next(phases, "Cutting"), frames),
                step=job.step,
                stopped=job.stopped,
            )
            outcome = reframing.to_folder(media.path, out / Path(media.name).stem)
            return reframed(session, outcome, aspect.name.replace("x", ":"))

        return self._take(session, Job(media.name, work))

    def pack(self, ask: Ask) -> Answer:
        """Begin to pack everything that was made into one file."""
        session = self._session(ask)
        media = self._media(session)
        folders = [folder for folder in (session.results, session.reframed) if folder is not None]
        if not folders:
            raise UsageError("There is nothing to download yet; start a run first")
        out = session.place("download") / f"{Path(media.name).stem}-sightline.zip"

        def work(job: Job) -> Answer:
            return packed(job, folders, out)

        return self._take(session, Job(media.name, work))

    def stop(self, ask: Ask) -> Answer:
        """Ask the visitor's run to end; what is done is kept."""
        session = self._session(ask)
        if session.job is not None:
            session.job.stop()
        return {}

    def status(self, ask: Ask) -> Answer:
        """How far the preparation of what is open and the last run are."""
        session = self._session(ask)
        before = 0 if session.job is None else self._desk.before(session.job)
        return standing(session, before)

    def table(self, ask: Ask) -> Answer:
        """A table that the last run wrote."""
        session = self._session(ask)
        name = str(ask.get("name"))
        rows = [] if session.seen is None else session.seen.tables.get(name, [])
        return {"rows": rows[:MOST_ROWS], "count": len(rows)}

    def close(self) -> None:
        """End all runs and remove all files."""
        self._desk.close()
        self._preparing.close()
        self.sessions.close()

    def _session(self, ask: Ask) -> Session:
        return self.sessions.get(ask.get("token"))

    def _media(self, session: Session) -> Media:
        if session.media is None:
            raise UsageError("Nothing is open; drop a video or picture first")
        return session.media

    def _received(self, session: Session, ask: Ask, name: str) -> Path:
        """Move an uploaded file into the visitor's folder. Raises UsageError for a path that is no upload."""
        path = Path(str(ask.get("path")))
        inside = path.resolve().is_relative_to(self._uploads.resolve())
        if not inside or path.is_symlink() or not path.is_file():
            raise UsageError("This file was not uploaded here; drop it again")
        if path.stat().st_size > self.limits.megabytes * 1e6:
            path.unlink()
            raise UsageError(f"{name}: larger than {self.limits.megabytes:g} MB, the most that this page takes")
        target = session.place(name) / name
        shutil.move(path, target)
        return target

    def _open(self, session: Session, path: Path, name: str) -> Answer:
        frames = session.place("frames")
        try:
            media = Media(path, name, frames, self.limits)
        except Exception:
            session.remove(path.parent, frames)
            raise
        prepared = Job(name, lambda job: media.prepare(job.step, job.stopped))
        try:
            self._preparing.take(prepared)
        except Busy:
            session.remove(path.parent, media.folder)
            raise
        session.change(media, prepared)
        height, width = media.size
        return {
            "name": name,
            "kind": media.kind,
            "width": width,
            "height": height,
            "fps": media.fps,
            "frames": media.expected or 1,
            "seconds": None if media.expected is None else media.expected / media.fps,
            "sound": media.has_sound,
        }

    def _take(self, session: Session, job: Job) -> Answer:
        with session.lock:
            if session.job is not None and not session.job.over:
                raise UsageError("A run goes on already; stop it first")
            self._desk.take(job)
            session.job = job
        return {}

    def _prompt(self, session: Session, marks: Any) -> Callable[[Job], Prompt]:
        """What the visitor marked, for the job that uses it; where heads are marked, once all frames are known.

        Raises UsageError where a mark is none.
        """
        if not any(isinstance(mark, dict) and mark.get("kind") == "head" for mark in marks):
            prompt = prompt_of(marks)
            return lambda job: prompt
        heads_of(marks, 1)
        media, prepared = self._media(session), session.prepared

        def later(job: Job) -> Prompt:
            while prepared is not None and not prepared.over and not job.stopped():
                time.sleep(0.05)
            return Prompt(heads=heads_of(marks, len(media.times)))

        return later

    def _load(self, name: str) -> Predictor:
        with self._loading:
            if name not in self._models:
                if name not in [choice.name for choice in choices()]:
                    raise UsageError(f"{name}: no model of this page; choose one")
                self._models[name] = models.load(name, device=self._device)
            return self._models[name]


@dataclass(frozen=True)
class Told:
    """A function of the page whose errors are answers: {"error": one line}."""

    verb: Callable[[Ask], Answer]
    visits: Visits

    def __call__(self, ask: Ask) -> Answer:
        try:
            return self.verb(ask)
        except SightlineError as error:
            return {"error": self._plain(ask, str(error))}

    def _plain(self, ask: Ask, message: str) -> str:
        try:
            return self.visits.sessions.get(ask.get("token")).plain(message)
        except UsageError:
            return message
