"""Recordings as pymovements' objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, truth
from sightline.errors import UsageError
from sightline.gaze import Screen, Setup, read, to_pymovements


@pytest.mark.parametrize("maker", ["smi", "tobii", "gazepoint"])
def test_samples_events_and_screen(maker: str, tmp_path: Path) -> None:
    known = truth()
    (recording,) = read(makers.MAKERS[maker](tmp_path, known))
    gaze = to_pymovements(recording, Setup(SCREEN, SCREEN_CM, DISTANCE_CM))
    np.testing.assert_allclose(gaze.samples["time"], 1000 * known.time_s, atol=0.11)
    first = np.array([np.nan if x is None else x for x in gaze.samples["pixel"].list.get(0)])
    np.testing.assert_allclose(first, known.xy[:, 0], atol=0.02)
    assert gaze.events.fixations.height == 4 * len(recording.eyes)
    np.testing.assert_allclose(
        gaze.events.fixations["duration"], 396 - 1000 * makers.gazepoint_step(maker, known), atol=0.2
    )
    gaze.pix2deg()
    ours = Screen(SCREEN, SCREEN_CM, DISTANCE_CM).degrees(known.xy[:5])
    np.testing.assert_allclose(gaze.samples["position"].list.get(0)[:5], ours[:, 0], atol=1e-3)


def test_gaze_on_no_screen_is_refused(tmp_path: Path) -> None:
    (recording,) = read(makers.pupil_core(tmp_path, truth()))
    with pytest.raises(UsageError, match="the positions are no screen's"):
        to_pymovements(recording)
    (recording,) = read(makers.gazepoint(tmp_path, truth()))
    with pytest.raises(UsageError, match="does not say how large the screen is"):
        to_pymovements(recording)
