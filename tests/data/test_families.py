"""The table of data sets: every line reads what its own samples are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data import FAMILIES, family
from sightline.data.samples import VideoSequence
from sightline.errors import DataError, SightlineError, UsageError


def test_names_are_unique_and_sorted() -> None:
    assert [*FAMILIES] == sorted(known.name for known in FAMILIES.values())
    assert all(known.has and known.layout and known.title for known in FAMILIES.values())


def test_the_documentation_has_every_line() -> None:
    page = (Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
    for known in FAMILIES.values():
        cells = (f"`{known.name}`", known.title, ", ".join(known.has), f"`{known.sample.__name__}`")
        assert f"| {' | '.join(cells)} | {', '.join(known.splits)} | `{known.layout}` |" in page, known.name


@pytest.mark.parametrize("name", [*FAMILIES])
def test_an_empty_folder_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    with pytest.raises(SightlineError, match=str(tmp_path)):
        FAMILIES[name].read(tmp_path)


def test_a_split_reaches_the_reader_or_is_refused(tmp_path: Path) -> None:
    for split, folder in (("TR", "DUTS-TR"), ("TE", "DUTS-TE"), (None, "DUTS-TR")):
        with pytest.raises(DataError, match=f"{folder}-Image: no such folder"):
            family("duts").read(tmp_path, split)
    for name, known in (("duts", "TR, TE"), ("vos", "none: leave `split` out")):
        with pytest.raises(UsageError, match=f"{name} has no split 'elsewhere'; known splits: {known}"):
            family(name).read(tmp_path, "elsewhere")


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown data set 'imagenet'; one of avad, ave, bsds500"):
        family("imagenet")


def test_samples_are_what_the_table_says(tmp_path: Path) -> None:
    for place in ("Imgs", "ground-truth"):
        (tmp_path / "bear" / place).mkdir(parents=True)
        Image.fromarray(np.full((8, 12, 3), 200, np.uint8)).save(tmp_path / "bear" / place / "0.png")
    for name in ("vos", "visal", "fbms", "segtrackv2"):
        (sequence,) = family(name).read(tmp_path)
        assert family(name).sample is VideoSequence
        assert isinstance(sequence, VideoSequence)
        assert sequence.name == "bear"
