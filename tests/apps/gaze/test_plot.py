"""Pictures and videos of an import."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, Truth
from hostile.corpus import write_video
from sightline.apps.gaze import plot_gaze
from sightline.errors import DataError
from sightline.gaze import AlignOptions, ImportFolder, Setup, import_gaze, read_fixations

SETUP = Setup(SCREEN, SCREEN_CM, DISTANCE_CM)
OPTIONS = AlignOptions(setup=SETUP)


def test_plot_of_a_video_keeps_its_sound_and_times(known: Truth, film: Path, tmp_path: Path) -> None:
    import av

    out = import_gaze([makers.plain(tmp_path, known)], film, tmp_path / "out", options=OPTIONS)
    made = plot_gaze(out)
    with av.open(str(made)) as video:
        assert [s.type for s in video.streams] == ["video", "audio"]
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(pictures) == 40
    with av.open(str(film)) as video:
        plain = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    changed = np.abs(pictures[5].astype(int) - plain[5]).sum(axis=2) > 60
    y, x = np.argwhere(changed).mean(axis=0)
    assert np.hypot(x - (500 - 240) / 22.5, y - 300 / 22.5) < 3
    longer = write_video(tmp_path / "longer.mp4", frames=50, size=(48, 64))
    with pytest.raises(DataError, match="more than the 40 frames that the recordings were imported onto"):
        plot_gaze(out, tmp_path / "b.mp4", stimulus=longer)
    with pytest.raises(DataError, match="96x54, but the recordings were imported onto 64x48"):
        plot_gaze(out, stimulus=write_video(tmp_path / "other.mp4", size=(54, 96)))
    assert not list(tmp_path.glob("*b.mp4*"))
    with pytest.raises(DataError, match="no subject Zoe; it has Anna"):
        plot_gaze(out, subjects=["Zoe"])


def test_plot_of_fixations_alone_shows_each_viewer(known: Truth, tmp_path: Path) -> None:
    from sightline.apps.gaze.plot import _points

    wide = write_video(tmp_path / "wide.mp4", frames=50, size=(1080, 1920))
    imported = ImportFolder.open(import_gaze([makers.fixation_table(tmp_path, known)], wide, tmp_path / "out"))
    at = _points(imported, imported.fixations(), "Anna", imported.stimulus().frame_times_s)
    middle = np.arange(50) / 25 + 0.02
    for onset, length, x, y in known.fixations:
        during = at[(onset <= middle) & (middle < onset + length)]
        np.testing.assert_allclose(during, np.tile((x, y), (len(during), 1)), atol=0.01)
    fixated = np.zeros(50, dtype=bool)
    for onset, length, *_ in known.fixations:
        fixated |= (onset <= middle) & (middle < onset + length)
    np.testing.assert_array_equal(np.isnan(at[:, 0]), ~fixated)


def test_plot_of_an_image(known: Truth, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (640, 480), (90, 90, 90)).save(photo)
    out = import_gaze([makers.plain(tmp_path, known)], photo, tmp_path / "out", options=OPTIONS)
    table = read_fixations(out)
    assert table["frame"].unique().to_list() == [0]
    drawn = np.asarray(Image.open(plot_gaze(out))).astype(int)
    assert drawn.shape == (480, 640, 3)
    for x, y in table.select("x_px", "y_px").iter_rows():
        assert np.abs(drawn[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4] - 90).max() > 60
    assert np.abs(drawn[470, 5] - 90).max() == 0
