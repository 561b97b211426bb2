"""Recordings by class: reading, cutting, and when they are heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sightline.data.sounds import LEVEL, fill, heard, load_sound, sound_classes, sound_of, write_wav
from sightline.errors import DataError

RATE = 8000


def bursts(path: Path, spans: list[tuple[float, float]], seconds: float = 3.0, level: float = 0.4) -> np.ndarray:
    """A tone in spans of seconds, silence elsewhere."""
    times = np.arange(round(seconds * RATE)) / RATE
    on = np.any([(times >= a) & (times < b) for a, b in spans], axis=0) if spans else np.zeros(len(times), bool)
    samples = (level * np.sin(2 * np.pi * 440 * times) * on).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, samples, RATE)
    return samples


def test_a_sound_comes_without_its_silent_ends_and_at_one_level(tmp_path: Path) -> None:
    bursts(tmp_path / "a.wav", [(0.5, 1.0), (1.5, 2.0)], level=0.02)
    found = load_sound(tmp_path / "a.wav", RATE)
    assert len(found) / RATE == pytest.approx(1.5, abs=0.11)
    assert np.sqrt(np.mean(found[: RATE // 3] ** 2)) == pytest.approx(LEVEL, rel=0.1)
    assert np.abs(found).max() <= 0.9


def test_a_short_click_is_not_made_to_overflow(tmp_path: Path) -> None:
    samples = np.zeros(RATE, np.float32)
    samples[4000] = 0.5
    write_wav(tmp_path / "click.wav", samples, RATE)
    assert np.abs(load_sound(tmp_path / "click.wav", RATE)).max() == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("content", [b"", b"no sound at all"])
def test_a_file_without_sound_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(DataError, match=r"bad.wav: no sound in it .*breaks off"):
        load_sound(tmp_path / "bad.wav", RATE)


def test_silence_is_no_sound(tmp_path: Path) -> None:
    bursts(tmp_path / "quiet.wav", [])
    with pytest.raises(DataError, match=r"quiet.wav: no sound in it; take it out"):
        load_sound(tmp_path / "quiet.wav", RATE)


def test_a_sound_is_repeated_from_anywhere() -> None:
    sound = np.arange(5, dtype=np.float32)
    found = fill(sound, 12, np.random.default_rng(0))
    assert len(found) == 12
    np.testing.assert_array_equal(np.diff(found) % 5, 1)
    starts = {float(fill(sound, 1, np.random.default_rng(seed))[0]) for seed in range(40)}
    assert starts == {0, 1, 2, 3, 4}


def test_a_frame_has_sound_within_half_a_second(tmp_path: Path) -> None:
    samples = bursts(tmp_path / "a.wav", [(1.0, 1.2)])
    times = np.array([0.0, 0.45, 0.6, 1.1, 1.6, 1.75, 2.9])
    assert heard(samples, RATE, times).tolist() == [False, False, True, True, True, False, False]
    assert not heard(np.zeros(RATE, np.float32), RATE, times).any()


def test_folders_are_classes_and_a_pattern_holds_files_out(tmp_path: Path) -> None:
    for name in ("dog_bark/1-a.wav", "dog_bark/4-b.wav", "rain/4-c.wav"):
        bursts(tmp_path / name, [(0, 1)])
    (tmp_path / "dog_bark" / "notes.txt").write_text("")
    assert {key: [path.name for path in files] for key, files in sound_classes(tmp_path).items()} == {
        "dog_bark": ["1-a.wav", "4-b.wav"],
        "rain": ["4-c.wav"],
    }
    assert list(sound_classes(tmp_path, "*/[123]-*")) == ["dog_bark"]
    for root, match in ((tmp_path, "*/9-*"), (tmp_path / "absent", "*")):
        with pytest.raises(DataError, match="no sounds"):
            sound_classes(root, match)


def test_a_pair_goes_before_a_name() -> None:
    classes = ["dog", "dog_bark", "helicopter"]
    assert sound_of("dog", classes) == "dog"
    assert sound_of("dog", classes, {"dog": "dog_bark"}) == "dog_bark"
    assert sound_of("aeroplane", classes) == "helicopter"
    assert sound_of("bird", classes) is None
