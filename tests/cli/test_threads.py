"""Who waits how: set before torch is loaded, and only where nobody has set it."""

from __future__ import annotations

import os

import pytest

from sightline.cli import main


@pytest.mark.parametrize("given", [None, "active"])
@pytest.mark.parametrize("verb", [["predict", "gone.mp4"], ["label", "gone.mp4", "--gaze", "gone.csv"]])
def test_threads_beside_a_pipeline_wait_passively(
    verb: list[str], given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    if given is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    else:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    with pytest.raises(SystemExit):
        main([*verb, "--out", "nowhere"])
    assert os.environ["OMP_WAIT_POLICY"] == (given or "passive")
