"""What the web page lets in, and what it makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hostile.corpus import number_of, write_video
from sightline.apps.web.limits import Limits
from sightline.apps.web.media import Media, plays_in_browsers, require_kind
from sightline.errors import SourceError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "frames"
    made.mkdir()
    return made


def opened(path: Path, folder: Path, limits: Limits | None = None) -> Media:
    media = Media(path, path.name, folder, limits or Limits())
    media.prepare(lambda: None, lambda: False)
    return media


def test_every_frame_of_a_video_becomes_a_picture(tmp_path: Path, folder: Path) -> None:
    media = opened(write_video(tmp_path / "clip.mp4", frames=12), folder)
    assert (media.kind, media.size, media.expected, media.ready) == ("video", (48, 64), 12, True)
    shown = [number_of(np.asarray(Image.open(media.frame(index)))) for index in (0, 5, 11, 99, -1)]
    assert shown == [0, 5, 11, 11, 0]
    assert media.times == pytest.approx([index / 25 for index in range(12)])


def test_large_frames_are_made_smaller_for_the_page(tmp_path: Path, folder: Path) -> None:
    media = opened(write_video(tmp_path / "clip.mp4", frames=2, size=(300, 1920)), folder)
    assert (media.size, media.page_size) == ((300, 1920), (150, 960))
    assert Image.open(media.frame(1)).size == (960, 150)


def test_what_browsers_play_is_played_and_the_rest_is_made_a_film_of(tmp_path: Path, folder: Path) -> None:
    mp4 = write_video(tmp_path / "clip.mp4", frames=3, sound_s=0.1)
    assert plays_in_browsers(mp4)
    assert opened(mp4, folder).film == mp4
    other = tmp_path / "other"
    other.mkdir()
    odd = write_video(tmp_path / "clip.avi", frames=3, codec="mpeg4")
    assert not plays_in_browsers(odd)
    film = opened(odd, other).film
    assert film is not None
    assert film != odd
    assert plays_in_browsers(film)


def test_a_picture_needs_no_preparation(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (40, 30), (10, 200, 30)).save(path)
    media = Media(path, "photo.png", folder, Limits())
    assert (media.kind, media.size, media.ready, media.film) == ("image", (30, 40), True, media.frame(0))


@pytest.mark.parametrize("name", ["evil.html", "page.svg", "a.mp4.exe", "playlist.m3u8", "noname"])
def test_other_kinds_of_files_are_refused_by_name(name: str) -> None:
    with pytest.raises(SourceError, match="neither a video nor a picture"):
        require_kind(name)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {}\n",
    ],
)
def test_a_playlist_in_a_videos_clothes_opens_no_other_file(tmp_path: Path, folder: Path, text: str) -> None:
    secret = write_video(tmp_path / "secret.mp4", frames=3)
    bait = tmp_path / "clip.mp4"
    bait.write_text(text.format(secret))
    with pytest.raises(SourceError, match="not a video that can be read"):
        Media(bait, "clip.mp4", folder, Limits())
    assert list(folder.iterdir()) == []


def test_a_long_video_is_refused_by_its_header_and_by_its_frames(tmp_path: Path, folder: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=40)
    with pytest.raises(SourceError, match=r"clip\.mp4: lasts 2 s; .* up to 1 s"):
        Media(clip, "clip.mp4", folder, Limits(seconds=1))
    stream = write_video(tmp_path / "clip.h264", frames=40)  # has no header that tells
    media = Media(stream, "clip.h264", folder, Limits(seconds=1))
    with pytest.raises(SourceError, match="up to 1 s"):
        media.prepare(lambda: None, lambda: False)
    assert len(media.times) <= 27


def test_a_picture_with_too_many_pixels_is_refused(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("L", (400, 300)).save(path)
    with pytest.raises(SourceError, match=r"400x300 pixels; this page takes up to 0\.1 megapixels"):
        Media(path, "photo.png", folder, Limits(megapixels=0.1))


@pytest.mark.parametrize("name", ["megabytes", "seconds", "megapixels", "minutes_kept", "workers"])
def test_limits_are_positive(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        Limits(**{name: 0})


def test_an_animated_picture_is_played_as_a_film(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "moving.webp"
    pages = [Image.new("RGB", (40, 30), (40 * page, 90, 30)) for page in range(4)]
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=40)
    media = opened(path, folder)
    assert (media.kind, len(media.times)) == ("video", 4)
    assert media.film is not None
    assert plays_in_browsers(media.film)
