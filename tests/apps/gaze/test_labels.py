"""An import as a training set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, Truth
from sightline.apps.gaze import write_labels
from sightline.errors import OutputError, UsageError
from sightline.gaze import AlignOptions, Setup, import_gaze

SETUP = Setup(SCREEN, SCREEN_CM, DISTANCE_CM)
OPTIONS = AlignOptions(setup=SETUP)


def test_labels_are_a_training_set(known: Truth, film: Path, tmp_path: Path) -> None:
    from sightline.data.image_fixations import images
    from sightline.data.observed import read_observed

    out = import_gaze([makers.plain(tmp_path, known)], film, tmp_path / "out", options=OPTIONS)
    labels = write_labels(out, tmp_path / "set", every_s=0.4)
    # Of frames 0, 10, 20 and 30, frame 10 falls into a saccade; and the first fixation was there at the start.
    photographs = images(labels)
    assert [p.image_path.name for p in photographs] == [f"film_{k:05d}.jpg" for k in (0, 20, 30)]
    assert [len(p.fixations) for p in photographs] == [0, 1, 1]
    np.testing.assert_allclose(photographs[1].fixations, [[(1200 - 240) / 22.5, 700 / 22.5]], atol=0.01)
    assert read_observed(labels)["film_00020"].px_per_degree == pytest.approx(37.9 / 22.5, rel=0.01)
    assert len(images(write_labels(out, labels, every_s=0.8))) == 2  # again, with other frames
    with pytest.raises(UsageError, match="`every_s` 0"):
        write_labels(out, labels, every_s=0)
    with pytest.raises(OutputError, match="there is something else already"):
        write_labels(out, out)
