"""A visitor's files: nobody else's, and gone after a while."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile.corpus import write_video
from sightline.apps.web.desk import Job
from sightline.apps.web.limits import Limits
from sightline.apps.web.media import Media
from sightline.apps.web.sessions import Sessions, safe
from sightline.errors import UsageError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path, clock: Clock) -> Sessions:
    return Sessions(3600, tmp_path, clock)


def test_every_visit_has_a_key_and_a_folder_of_its_own(sessions: Sessions) -> None:
    visits = [sessions.new() for _ in range(5)]
    assert len({visit.token for visit in visits}) == 5
    assert all(len(visit.token) >= 32 and visit.folder.name == visit.token for visit in visits)
    assert all(visit.folder.stat().st_mode & 0o077 == 0 for visit in visits)
    assert sessions.get(visits[2].token) is visits[2]


@pytest.mark.parametrize("token", [None, "", "..", 7, {"a": 1}, "a" * 32])
def test_another_key_opens_nothing(sessions: Sessions, token: object) -> None:
    sessions.new()
    with pytest.raises(UsageError, match="load the page again"):
        sessions.get(token)


def test_files_go_an_hour_after_the_last_use(sessions: Sessions, clock: Clock) -> None:
    kept, left = sessions.new(), sessions.new()
    for visit in (kept, left):
        (visit.place("clip.mp4") / "clip.mp4").write_bytes(b"film")
    clock.now = 3000
    sessions.get(kept.token)
    clock.now = 3700
    sessions.sweep()
    assert kept.folder.exists()
    assert not left.folder.exists()
    with pytest.raises(UsageError):
        sessions.get(left.token)


def test_a_run_that_goes_on_is_use(sessions: Sessions, clock: Clock) -> None:
    visit = sessions.new()
    visit.job = Job("clip.mp4", lambda job: None)
    clock.now = 5000
    sessions.sweep()
    visit.job.run()
    clock.now = 8500
    sessions.sweep()
    assert visit.folder.exists()
    clock.now = 8700
    sessions.sweep()
    assert not visit.folder.exists()


def test_the_end_removes_everything(sessions: Sessions, tmp_path: Path) -> None:
    sessions.new()
    sessions.close()
    assert not tmp_path.exists()


def test_messages_name_the_file_and_not_the_servers_folders(sessions: Sessions) -> None:
    visit = sessions.new()
    place = visit.place("clip.mp4") / "clip.mp4"
    assert visit.plain(f"{place}: `point` 9,9 is outside") == "clip.mp4: point 9,9 is outside"
    assert visit.token not in visit.plain(f"{place.parent}: is a folder")


@given(st.text(max_size=300))
def test_a_files_name_stays_in_its_folder(name: str) -> None:
    made = safe(name)
    assert Path(made).name == made
    assert made not in ("", ".", "..")
    assert not made.startswith((".", "-"))
    assert len(made) < 100


def test_what_a_killed_server_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, foreign = tmp_path / f"sightline-web-{gone.pid}-abc", tmp_path / "sightline-web-notes"
    other = Sessions(3600)
    for folder in (left, foreign):
        folder.mkdir()
    Sessions(3600)
    assert [left.exists(), foreign.exists(), other.root.exists()] == [False, True, True]


def test_another_file_replaces_what_was_made_of_the_one_before(sessions: Sessions) -> None:
    visit = sessions.new()
    (visit.place("old.mp4") / "old.mp4").write_bytes(b"film")
    clip = write_video(visit.place("clip.mp4") / "clip.mp4", frames=3)
    media = Media(clip, "clip.mp4", visit.place("frames"), Limits())
    old = visit.prepared = Job("old.mp4", lambda job: None)
    visit.change(media, Job("clip.mp4", lambda job: None))
    assert old.stopped()
    assert sorted(folder.name for folder in visit.folder.iterdir()) == ["2-clip.mp4", "3-frames"]
