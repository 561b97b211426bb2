"""Log-spectrograms against SciPy, against numbers of executed references, and at the edges of what they take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from sightline.errors import UsageError
from sightline.video.spectrogram import FRONT_ENDS

GOLDENS = Path(__file__).resolve().parents[3] / "shared" / "goldens" / "modules"


def chirp(rate: int, seconds: float, seed: int = 0) -> np.ndarray:
    times = np.arange(round(rate * seconds)) / rate
    noise = 0.05 * np.random.default_rng(seed).standard_normal(len(times))
    return 0.4 * np.sin(2 * np.pi * (200 + 1500 * times) * times) + noise + 0.1


@pytest.mark.parametrize(("name", "overlap", "seconds"), [("stanet", 80, 1.0), ("vggsound", 353, 10.0)])
def test_power_densities_are_those_of_scipy(name: str, overlap: int, seconds: float) -> None:
    front_end = FRONT_ENDS[name]
    samples = chirp(front_end.rate, seconds)
    _, _, power = signal.spectrogram(samples, front_end.rate, nperseg=front_end.segment, noverlap=overlap)
    logs = np.log(power + 1e-7)
    expected = (logs - logs.mean()) / (logs.std() + 1e-9)
    found = front_end(samples)
    assert found.shape == expected.shape == front_end.size(len(samples))
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_mel_front_end_is_scipys_transform_in_kaldis_bands() -> None:
    front_end = FRONT_ENDS["mn"]
    samples = chirp(32_000, 1.5)
    loud = signal.lfilter([1, -0.97], [1], samples)[1:]
    window = np.pad(signal.get_window("hann", 800, fftbins=False), 112)
    padded = np.pad(loud, 512, mode="reflect")
    _, _, spectra = signal.stft(
        padded, window=window, nperseg=1024, noverlap=1024 - 320, boundary=None, padded=False, detrend=False
    )
    power = np.abs(spectra * window.sum()) ** 2
    mels = 1127 * np.log(1 + np.arange(513) * 31.25 / 700)
    edges = np.linspace(0, 1127 * np.log(1 + 15_000 / 700), 130)
    bands = np.stack([np.interp(mels, edges[i : i + 3], [0, 1, 0], left=0, right=0) for i in range(128)])
    bands[:, 512] = 0
    logs = (np.log(bands @ power + 1e-5) + 4.5) / 5
    found = front_end(samples)
    assert found.shape == front_end.size(len(samples)) == (128, 150)
    np.testing.assert_allclose(found, logs, atol=1e-5)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_tone_is_loudest_in_its_own_band(name: str) -> None:
    front_end = FRONT_ENDS[name]
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(front_end.rate) / front_end.rate)
    loudest = int(front_end(tone).mean(axis=1).argmax())
    if front_end.mels:
        spacing = 1127 * np.log(1 + 15_000 / 700) / 129
        hertz = 700 * (np.exp((loudest + 1) * spacing / 1127) - 1)
    else:
        hertz = loudest * front_end.rate / front_end.fft
    assert hertz == pytest.approx(1000, abs=60)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_several_clips_at_once_are_each_alone(name: str) -> None:
    front_end = FRONT_ENDS[name]
    clips = np.stack([chirp(front_end.rate, 1.0, seed) * (1 + seed) / 4 for seed in range(3)])
    together = front_end(clips)
    np.testing.assert_allclose(together, np.stack([front_end(clip) for clip in clips]), atol=1e-6)


@pytest.mark.parametrize("name", ["stanet", "vggsound"])
def test_silence_is_zero_and_other_clips_have_mean_0_and_deviation_1(name: str) -> None:
    front_end = FRONT_ENDS[name]
    assert np.abs(front_end(np.zeros(front_end.rate))).max() < 1e-3
    found = front_end(chirp(front_end.rate, 1.0))
    assert found.mean() == pytest.approx(0, abs=1e-5)
    assert found.std() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_what_exceeds_full_scale_is_clipped(name: str) -> None:
    loud = 3 * chirp(FRONT_ENDS[name].rate, 1.0)
    np.testing.assert_array_equal(FRONT_ENDS[name](loud), FRONT_ENDS[name](loud.clip(-1, 1)))


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_what_cannot_be_transformed_is_said(name: str) -> None:
    front_end = FRONT_ENDS[name]
    with pytest.raises(UsageError, match=r"needs at least \d+; fill up"):
        front_end(np.zeros(100))
    with pytest.raises(UsageError, match="finite"):
        front_end(np.full(front_end.rate, np.nan))


def test_the_released_code_of_stanet_gives_the_same() -> None:
    path = GOLDENS / "stanet_audio_stft.npz"
    if not path.is_file():
        pytest.skip("numbers of executed references (../shared/goldens/modules) are not there")
    golden = np.load(path)
    seconds = golden["inputs/wav"].reshape(3, 16_000)
    np.testing.assert_allclose(FRONT_ENDS["stanet"](seconds), golden["outputs/spec"], atol=1e-5)


def test_the_front_end_of_mn04_is_the_one_it_learned_from(shared_data: Path) -> None:
    check = np.load(shared_data / "weights" / "mn04_as" / "check.npz")
    np.testing.assert_allclose(FRONT_ENDS["mn"](check["waveform"]), check["log_mel"], atol=1e-3)
