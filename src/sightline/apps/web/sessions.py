"""The visitors' folders: one each, under a name that nobody guesses, gone some time after the last visit."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sightline.apps.web.desk import Job
from sightline.apps.web.look import Results
from sightline.apps.web.media import Media
from sightline.errors import UsageError
from sightline.files import sweep

SWEEP_S = 30.0
TOKEN_BYTES = 24
_PREFIX = "sightline-web-"
_NAMES = re.compile(r"[^\w.-]+")


class Session:
    """What one visitor has on the server.

    Attributes
    ----------
    token
        The visitor's key, and the name of the folder.
    folder
        Where all files of the visitor lie.
    media
        The video or picture that is open.
    table
        The fixations on it.
    job
        The last run.
    prepared
        The preparation of its frames.
    results, reframed
        The folders of what the last runs wrote.
    seen
        What is in `results`.
    """

    def __init__(self, token: str, folder: Path) -> None:
        self.token, self.folder = token, folder
        self.media: Media | None = None
        self.table: Path | None = None
        self.job: Job | None = None
        self.prepared: Job | None = None
        self.results: Path | None = None
        self.reframed: Path | None = None
        self.seen: Results | None = None
        self.lock = threading.RLock()
        self._number = 0

    def place(self, name: str) -> Path:
        """A new folder for files of this name; the name is made harmless."""
        self._number += 1
        folder = self.folder / f"{self._number}-{safe(name)}"
        folder.mkdir(parents=True)
        return folder

    def change(self, media: Media, prepared: Job) -> None:
        """Work on another file from now on: what was made of the one before goes."""
        with self.lock:
            for old in (self.job, self.prepared):
                if old is not None:
                    old.stop()
            self.media, self.prepared = media, prepared
            self.table = self.job = self.results = self.reframed = self.seen = None
        kept = (media.path.parent, media.folder)
        self.remove(*(entry for entry in self.folder.iterdir() if entry not in kept))

    def remove(self, *folders: Path) -> None:
        """Remove folders, whatever is in them."""
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def plain(self, message: str) -> str:
        """A message without the server's paths and without the backticks of arguments."""
        inside = re.sub(rf"{re.escape(str(self.folder))}(/[\w.-]+)*/", "", message)
        return inside.replace(str(self.folder), "").replace("`", "")

    def close(self) -> None:
        """End what runs and remove all files."""
        for job in (self.job, self.prepared):
            if job is not None:
                job.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All visitors' sessions.

    root: where their folders lie; a new temporary folder if left out. kept_s: how long a session stays after its last
    use. clock: seconds that never go back.
    """

    def __init__(self, kept_s: float, root: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.root = _own_folder() if root is None else root
        self.root.chmod(0o700)
        self._kept_s, self._clock = kept_s, clock
        self._sessions: dict[str, Session] = {}
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._sweep_on, name="sightline-web-sweep", daemon=True).start()

    def new(self) -> Session:
        """A session for a new visitor."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        folder = self.root / token
        folder.mkdir(mode=0o700)
        with self._lock:
            self._sessions[token] = Session(token, folder)
            self._used[token] = self._clock()
            return self._sessions[token]

    def get(self, token: object) -> Session:
        """The session of a token. Raises UsageError where there is none, or none any more."""
        with self._lock:
            session = self._sessions.get(token) if isinstance(token, str) else None
            if session is None:
                raise UsageError("This visit has ended and its files are gone; load the page again")
            self._used[session.token] = self._clock()
        return session

    def sweep(self) -> None:
        """Remove the sessions that nobody used for too long. A run that goes on is use."""
        now = self._clock()
        with self._lock:
            for token, session in self._sessions.items():
                if session.job is not None and not session.job.over:
                    self._used[token] = now
            old = [token for token, used in self._used.items() if now - used > self._kept_s]
            gone = [self._sessions.pop(token) for token in old]
            for token in old:
                del self._used[token]
        for session in gone:
            session.close()

    def _sweep_on(self) -> None:
        while not self._closed.wait(SWEEP_S):
            self.sweep()

    def close(self) -> None:
        """Remove everything."""
        self._closed.set()
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()
        shutil.rmtree(self.root, ignore_errors=True)


def _own_folder() -> Path:
    """A temporary folder of this process; those of servers that were killed go."""
    sweep(_PREFIX)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def safe(name: str) -> str:
    """A file's name without folders and odd characters.

    >>> safe("../../etc/pass wd.mp4")
    'pass-wd.mp4'
    >>> safe("???")
    'file'
    """
    last = re.split(r"[/\\]", name)[-1]
    stem, dot, suffix = _NAMES.sub("-", last).strip("-.").rpartition(".")
    name = (stem if dot else suffix)[:80].strip("-.") or "file"
    return f"{name}.{suffix[:10]}" if dot else name
