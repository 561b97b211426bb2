"""Everything that may be given as a source."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from hostile.corpus import number_of, picture, write_frames, write_video
from sightline.errors import SourceError
from sightline.video import VideoWriter, open_source
from sightline.video.opening import expand_sources, stem_of


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a web server of this machine shows `tmp_path`."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_with_its_sound(tmp_path: Path, address: str) -> None:
    write_video(tmp_path / "clip.mp4", frames=5, sound_s=0.2)
    with open_source(f"{address}/clip.mp4?key=1") as source:
        assert (source.name, source.stem, source.path) == (f"{address}/clip.mp4?key=1", "clip", None)
        assert source.has_audio
        assert not source.once
        with VideoWriter.like(tmp_path / "out.mp4", source) as writer:
            for frame in source:
                writer.write(frame.image, frame.pts)
        assert len(list(source)) == 5
    assert open_source(tmp_path / "out.mp4").has_audio


def test_an_address_that_has_nothing(address: str) -> None:
    with pytest.raises(SourceError, match=rf"{address}/none.mp4: cannot be opened \(.*404.*\); check the address"):
        open_source(f"{address}/none.mp4")


def test_a_pipe_is_read_once_and_without_sound(tmp_path: Path) -> None:
    data = write_video(tmp_path / "clip.mkv", frames=5, sound_s=0.2).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    feeder = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
    feeder.start()
    with open_source(tmp_path / "pipe") as source:
        assert source.once
        assert not source.has_audio
        assert "its sound is left out" in source.notes[0]
        assert [number_of(frame.image) for frame in source] == list(range(5))
        with pytest.raises(SourceError, match="pipe: can be read only once; give a file"):
            list(source)
    feeder.join()


def test_standard_input(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mkv", frames=5)
    before = os.dup(0)
    with (tmp_path / "clip.mkv").open("rb") as file:
        os.dup2(file.fileno(), 0)
        try:
            with open_source("-") as source:
                assert (source.name, source.stem) == ("-", "stdin")
                assert len(list(source)) == 5
        finally:
            os.dup2(before, 0)
            os.close(before)


class FakeCapture:
    """Three pictures of a camera, blue-green-red as OpenCV gives them."""

    def __init__(self, number: int) -> None:
        self.left = 4 if number == 0 else 0

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (True, picture(self.left)[..., ::-1]) if self.left >= 0 else (False, None)

    def get(self, _: int) -> float:
        return 30.0

    def release(self) -> None:
        pass


def test_a_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv2.VideoCapture", FakeCapture)
    with open_source("camera:0") as source:
        assert (source.name, source.stem, source.size, source.fps) == ("camera:0", "camera-0", (48, 64), 30)
        assert source.once
        frames = list(source)
    assert [number_of(frame.image) for frame in frames] == [2, 1, 0]
    assert frames[0].image[0, 0].tolist() == [200, 30, 30]
    assert frames[0].time_s == 0
    assert all(np.diff([frame.time_s for frame in frames]) > 0)
    assert [source.pts_of(frame.time_s) for frame in frames] == [frame.pts for frame in frames]
    with pytest.raises(SourceError, match="camera:1: no such camera"):
        open_source("camera:1")


def test_patterns_and_folders_of_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("clips/b.mp4", "clips/a.MOV", "clips/notes.txt", "odd[1].mp4", "frames/0.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    given = ["clips", "clips/*.mp4", "frames", "odd[1].mp4", "-", "http://host/x*.mp4", "camera:0", "absent.mp4"]
    assert expand_sources(given) == [
        *(Path("clips/a.MOV"), Path("clips/b.mp4"), Path("clips/b.mp4"), Path("frames"), Path("odd[1].mp4")),
        *("-", "http://host/x*.mp4", "camera:0", Path("absent.mp4")),
    ]
    assert expand_sources(["clips/*.avi", "absent.mp4"]) == [Path("clips/*.avi"), Path("absent.mp4")]
    with pytest.raises(SourceError, match=r"clips/\*.avi: nothing fits this pattern"):
        open_source("clips/*.avi")


def test_a_folder_with_frames_is_one_source(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "run")
    (folder / "clip.mp4").touch()
    assert expand_sources([folder]) == [folder]


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("a/clip.one.mp4", "clip.one"),
        ("-", "stdin"),
        ("camera:2", "camera-2"),
        ("https://host/films/clip.mp4?token=a/b", "clip"),
        ("rtsp://host:554/live one", "live-one"),
        ("rtsp://host:554/", "host"),
    ],
)
def test_stems(source: str, stem: str) -> None:
    assert stem_of(source) == stem
