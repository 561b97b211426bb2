"""The six sets of STAViS in its layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from sightline.data import family
from sightline.data.stavis import WatchedVideo
from sightline.errors import DataError

SETS = {
    "avad": "AVAD",
    "coutrot1": "Coutrot_db1",
    "coutrot2": "Coutrot_db2",
    "diem": "DIEM",
    "etmd": "ETMD_av",
    "summe": "SumMe",
}


def make(root: Path, name: str, videos: dict[str, int]) -> None:
    for video, frames in videos.items():
        folder = root / "annotations" / name / video
        for place in (folder / "maps", root / "video_frames" / name / video, root / "video_audio" / name / video):
            place.mkdir(parents=True)
        for number in range(1, frames + 1):
            marked = np.zeros((8, 12), np.uint8)
            marked[number, 2 * number] = 1
            savemat(folder / f"fixMap_{number:05d}.mat", {"eyeMap": marked})
            Image.fromarray(marked * 200).save(folder / "maps" / f"eyeMap_{number:05d}.jpg")
            Image.new("RGB", (12, 8)).save(root / "video_frames" / name / video / f"img_{number:05d}.jpg")
        (root / "video_audio" / name / video / f"{video}.wav").write_bytes(b"")


@pytest.mark.parametrize(("known", "name"), SETS.items())
def test_each_set_has_fixations_frames_sound_and_splits(tmp_path: Path, known: str, name: str) -> None:
    make(tmp_path, name, {"V1_Speech": 3, "V2 Music": 2})
    split = "test" if known == "diem" else "test_2"
    (tmp_path / "fold_lists").mkdir()
    (tmp_path / "fold_lists" / f"{name}_list_{split}_fps.txt").write_text("V2 Music 2 29.97\n")
    everything = family(known).read(tmp_path)
    assert [each.name for each in everything if isinstance(each, WatchedVideo)] == ["V1_Speech", "V2 Music"]
    (video,) = family(known).read(tmp_path, split)
    assert isinstance(video, WatchedVideo)
    assert (video.name, video.fps, video.size, len(video.frames)) == ("V2 Music", 29.97, (8, 12), 2)
    assert video.at(1).xy.tolist() == [[4.5, 2.5]]
    density = video.density(1)
    assert density is not None
    assert density.shape == (8, 12)
    assert video.stimulus == tmp_path / "video_frames" / name / "V2 Music"
    assert video.sound == tmp_path / "video_audio" / name / "V2 Music" / "V2 Music.wav"


def test_frames_and_sound_may_be_absent(tmp_path: Path) -> None:
    folder = tmp_path / "annotations" / "AVAD" / "a"
    folder.mkdir(parents=True)
    savemat(folder / "fixMap_00001.mat", {"eyeMap": np.eye(4)})
    (video,) = family("avad").read(tmp_path)
    assert isinstance(video, WatchedVideo)
    assert (video.stimulus, video.sound, video.fps, video.ships_density) == (None, None, None, False)


def test_what_is_missing_or_malformed_is_named(tmp_path: Path) -> None:
    make(tmp_path, "AVAD", {"a": 1})
    (tmp_path / "fold_lists").mkdir()
    path = tmp_path / "fold_lists" / "AVAD_list_test_1_fps.txt"
    for text, reason in (
        ("a 1 25\nb 9 25\n", r"AVAD/b: no fixMap_00001.mat"),
        ("a 1 25\na 1\n", r"line 2: 'a 1'; name, frames and frames a second"),
        ("", "no videos in it"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=reason):
            family("avad").read(tmp_path, "test_1")
    with pytest.raises(DataError, match=r"AVAD_list_train_1_fps.txt: this list of the data set is missing"):
        family("avad").read(tmp_path, "train_1")
    with pytest.raises(DataError, match=r"annotations/DIEM: no such folder"):
        family("diem").read(tmp_path)
