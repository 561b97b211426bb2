"""The maps of imports and of published sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, Truth, truth
from sightline.apps.gaze import write_maps
from sightline.errors import DataError, OutputError, UsageError
from sightline.gaze import AlignOptions, Setup, import_gaze, read_fixations

SETUP = Setup(SCREEN, SCREEN_CM, DISTANCE_CM)
OPTIONS = AlignOptions(setup=SETUP)


def test_maps_of_a_video(known: Truth, film: Path, tmp_path: Path) -> None:
    paths = []
    for name, seed in (("Anna", 0), ("Ben", 1), ("Cleo", 2)):
        (tmp_path / name).mkdir()
        path = makers.plain(tmp_path / name, truth(seed=seed))
        path.write_text(path.read_text().replace("Anna", name))
        paths.append(path)
    out = import_gaze(paths, film, tmp_path / "out", options=OPTIONS)
    maps = write_maps(out)
    assert len(list((maps / "pooled/saliency").iterdir())) == 40
    table = read_fixations(out)
    saliency = np.asarray(Image.open(maps / "pooled/saliency/00005.png"))
    assert (saliency.dtype, saliency.shape, saliency.max()) == (np.uint16, (48, 64), 65535)
    y, x = np.unravel_index(saliency.argmax(), saliency.shape)
    assert (x, y) == (int(table["x_px"][0]), int(table["y_px"][0]))
    fixated = np.asarray(Image.open(maps / "pooled/fixations/00005.png"))
    assert sorted(np.unique(fixated)) == [0, 255]
    assert 1 <= (fixated > 0).sum() <= 3
    write_maps(out, by="subject", sigma="2px")
    write_maps(out, by="leave-one-out", sigma="2px")
    assert {p.name for p in maps.iterdir()} == {
        "pooled", "Anna", "Ben", "Cleo", "without-Anna", "without-Ben", "without-Cleo"
    }  # fmt: skip
    assert json.loads((maps / "Anna/maps.json").read_text())["sigma_px"] == [[2, 2]]


def test_maps_need_degrees_or_pixels(known: Truth, film: Path, tmp_path: Path) -> None:
    out = import_gaze(
        [makers.plain(tmp_path, known)], film, tmp_path / "out", options=AlignOptions(setup=Setup(SCREEN))
    )
    with pytest.raises(UsageError, match="`sigma` 1deg needs the screen's size and distance"):
        write_maps(out)
    with pytest.raises(UsageError, match="`by` 'median'"):
        write_maps(out, by="median")
    assert (write_maps(out, sigma="3px") / "pooled/saliency/00000.png").is_file()
    with pytest.raises(DataError, match=r"no provenance.json in it; make the folder with `sightline gaze import`"):
        write_maps(tmp_path)


def test_maps_of_a_published_set(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "images.csv").write_text("image,original_width_px,original_height_px\na.jpg,40,30\nb.jpg,20,10\n")
    rows = "a.jpg,1,2,3.5,4.5\na.jpg,2,2,20,4\nb.jpg,2,2,5,5\n"
    (root / "fixations.csv").write_text("image,subject,order,x_px,y_px\n" + rows)
    with pytest.raises(DataError, match="give `out` for the maps of a published set"):
        write_maps(root)
    with pytest.raises(UsageError, match="`sigma` 1deg needs"):
        write_maps(root, tmp_path / "maps")
    assert not (tmp_path / "maps").exists()
    out = write_maps(root, tmp_path / "maps", sigma="2px", by="leave-one-out")
    assert sorted(path.relative_to(out).as_posix() for path in out.glob("*/*/fixations/*")) == [
        "without-1/a/fixations/00000.png",
        "without-2/a/fixations/00000.png",
        "without-2/b/fixations/00000.png",
    ]
    marked = np.asarray(Image.open(out / "without-1/a/fixations/00000.png"))
    assert np.argwhere(marked).tolist() == [[4, 20]]
    saliency = np.asarray(Image.open(out / "without-2/a/saliency/00000.png"))
    assert np.unravel_index(saliency.argmax(), saliency.shape) == (4, 3)
    (tmp_path / "maps/pooled").mkdir()
    (tmp_path / "maps/pooled/thesis.tex").write_text("x")
    with pytest.raises(OutputError, match="there is something else already"):
        write_maps(root, tmp_path / "maps", sigma="2px")
    assert not list(out.glob(".*"))
