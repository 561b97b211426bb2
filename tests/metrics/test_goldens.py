"""Every number of the executed reference evaluators, where the folder of them is there.

The inputs and the numbers are data; `check.py` beside them calls the public functions and the command.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GOLDENS = Path(__file__).resolve().parents[3] / "shared" / "goldens"
PROTOCOLS = ("mit_fixation", "dhf1k", "stavis", "davsod", "sod", "davis2016", "davis2017", "goo_gaze", "pysaliency")


@pytest.mark.data
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_number_of_the_reference_is_reproduced(protocol: str) -> None:
    if not (GOLDENS / f"{protocol}.npz").is_file():
        pytest.skip(f"no {protocol}.npz in ../shared/goldens")
    if protocol == "goo_gaze":
        pytest.importorskip("pycocotools")
    command = [sys.executable, str(GOLDENS / "check.py"), str(GOLDENS), protocol, "--cases"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ}, check=False)
    counts = re.search(rf"^{protocol}\s+(\d+) of\s+(\d+) reproduced", done.stdout, re.MULTILINE)
    assert counts is not None, done.stderr[-2000:]
    assert counts[1] == counts[2], done.stdout[-4000:]
    assert int(counts[2]) > 40
