"""One tester for every model: a class of ten lines in tests/models/test_<name>.py says which model and how it is made.

What every model has to do is here; what one model alone does stays in tests/models/<name>/.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

import sightline.nn.engine
from models.test_pinned import CASES
from sightline.apps.export.formats import FORMATS, traced
from sightline.apps.export.networks import _difference, _sample
from sightline.errors import UsageError, WeightsError
from sightline.models import REGISTRY
from sightline.models.base import Predictor
from sightline.results.outputs import OUTPUTS
from sightline.types import Clip, Frame, Prompt, VideoFrame

Size = tuple[int, int]
SIZE = (64, 96)
HAS_ONNXRUNTIME = sightline.nn.engine.has_onnxruntime()
MAPS = {"saliency": "saliency", "probability": "probability", "heatmaps": "heatmap"}
"""Kinds of outputs that are maps, and the fields of `Frame` that hold them."""


class Moving(Clip):
    """A bright square that moves over noise, with a tone; the frames that were asked for are counted."""

    def __init__(self, count: int = 5, size: Size = (48, 64), fps: float = 25.0) -> None:
        self.size, self.fps, self.count, self.asked = size, fps, count, 0

    def picture(self, index: int) -> np.ndarray:
        height, width = self.size
        image = np.random.default_rng(index).integers(0, 60, (height, width, 3), dtype=np.uint8)
        side, x = max(min(height, width) // 3, 1), (index * width) // 40
        image[height // 3 : height // 3 + side, x : x + side] = (240, 200, 60)
        return image

    def frames(self) -> Iterator[VideoFrame]:
        for index in range(self.count):
            self.asked = index + 1
            yield VideoFrame(index, index / self.fps, index, self.picture(index))

    def sound(self, start_s: float, end_s: float, rate: int) -> np.ndarray:
        times = start_s + np.arange(round((end_s - start_s) * rate)) / rate
        inside = (times >= 0) & (times < self.count / self.fps)
        return np.asarray(0.3 * np.sin(2 * np.pi * 440 * times) * inside, np.float32)


class ModelTester:
    """Tests of a model: subclass it as `TestName`.

    Attributes
    ----------
    name
        What its config calls it.
    predictor
        Its class.
    ahead
        How many frames after a result's own it may have asked for, prefetching included.
    masks_differ
        The share of a mask's pixels that the two engines may set otherwise.
    alone
        Networks that take one picture at a time, with the reason. All others are tried with two.
    """

    name: ClassVar[str]
    predictor: ClassVar[type[Predictor]]
    ahead: ClassVar[int] = 8
    masks_differ: ClassVar[float] = 0.01
    alone: ClassVar[Mapping[str, str]] = {}

    def save(self, folder: Path) -> None:
        """Write a small model with random weights of a fixed seed."""
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Written once a process."""
        place = tmp_path_factory.getbasetemp() / f"{self.name}-of-the-tester" / "weights"
        if not place.exists():
            torch.manual_seed(0)
            self.save(place)
        return place

    @pytest.fixture
    def model(self, folder: Path) -> Predictor:
        return self.made(folder)

    def made(self, folder: Path) -> Predictor:
        constructor: type = self.predictor
        made: Predictor = constructor(folder, torch.device("cpu"))
        return made

    def test_it_says_what_it_is(self, model: Predictor) -> None:
        assert model.name == self.name
        assert model.gives
        assert model.gives <= {kind.name for kind in OUTPUTS}
        assert model.takes <= set(Prompt.__dataclass_fields__) | {"point"}
        assert len(model.weights_sha256) == 64

    @pytest.mark.parametrize("size", [(48, 64), (65, 33), (7, 90), (1, 1)], ids=str)
    def test_every_size_gives_what_is_promised(self, model: Predictor, size: Size) -> None:
        clip = Moving(3, size)
        found = list(model.stream(clip, Prompt()))
        assert [(frame.index, frame.time_s) for frame in found] == [(i, i / clip.fps) for i in range(3)]
        for frame in found:
            np.testing.assert_array_equal(frame.image, clip.picture(frame.index))
            for kind, field in MAPS.items():
                check_map(getattr(frame, field), size, given=kind in model.gives)
            check_mask(frame, size, given="masks" in model.gives)
            if frame.hotspot is not None:
                assert "hotspots" in model.gives
                assert 0 <= frame.hotspot.x_px <= size[1]
                assert 0 <= frame.hotspot.y_px <= size[0]
                assert 0 <= frame.hotspot.score <= 1
            check_boxes([thing.box for thing in frame.objects], size)
            check_boxes([person.head for person in frame.people], size)
            if not model.gives & {"people", "objects"}:
                assert frame.people == ()
            assert frame.sound is None or "sound" in model.gives

    def test_a_picture_alone(self, model: Predictor) -> None:
        (frame,) = model.predict(Moving(1, (30, 50)).picture(0))
        for kind, field in MAPS.items():
            check_map(getattr(frame, field), (30, 50), given=kind in model.gives)

    def test_saved_and_loaded_elsewhere_it_is_the_same(self, folder: Path, tmp_path: Path) -> None:
        first = self.made(folder)
        copy = Path(shutil.copytree(folder.parent, tmp_path / "moved")) / folder.name
        second = self.made(copy)
        assert first.weights_sha256 == second.weights_sha256
        check_same(list(first.stream(Moving(), Prompt())), list(second.stream(Moving(), Prompt())))

    def test_damaged_weights_are_an_error_that_names_them(self, folder: Path, tmp_path: Path) -> None:
        copy = Path(shutil.copytree(folder.parent, tmp_path / "moved")) / folder.name
        damaged = copy / "model.safetensors"
        damaged.write_bytes(damaged.read_bytes()[:-20])
        with pytest.raises(WeightsError, match=r"model\.safetensors"):
            self.made(copy)

    def test_a_stream_leaves_nothing_behind(self, model: Predictor) -> None:
        """Nor does one that is given up."""
        first = list(model.stream(Moving(), Prompt()))
        given_up = model.stream(Moving(30, (40, 40)), Prompt())
        next(iter(given_up))
        if hasattr(given_up, "close"):
            given_up.close()
        check_same(first, list(model.stream(Moving(), Prompt())))

    def test_streaming_equals_the_whole(self, model: Predictor) -> None:
        """Frames that come one by one, of which nobody knows how many follow, give what all at once give."""
        clip = Moving(6)
        pictures = [clip.picture(index) for index in range(6)]
        whole = list(model.predict(np.stack(pictures)))
        check_same(whole, list(model.predict(iter(pictures))))

    def test_results_come_while_frames_come(self, model: Predictor) -> None:
        clip = Moving(self.ahead * 4 + 4)
        for frame in model.stream(clip, Prompt()):
            assert clip.asked <= frame.index + 1 + self.ahead

    def test_a_prompt_that_it_does_not_take(self, model: Predictor) -> None:
        prompts = {
            "point": (3, 3),
            "box": (1, 1, 9, 9),
            "mask": np.eye(20, dtype=bool),
            "fixations": {},
            "heads": [[1, 1, 9, 9]],
        }
        for kind in prompts.keys() - model.takes:
            with pytest.raises(UsageError, match=f"`{kind}`: {model.name} takes none"):
                model.predict(np.zeros((20, 20, 3), np.uint8), **{kind: prompts[kind]})  # type: ignore[arg-type]

    @pytest.mark.skipif(not HAS_ONNXRUNTIME, reason="onnxruntime, onnx and onnxscript are not installed")
    def test_both_engines_agree(self, folder: Path, model: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
        """The networks are exported as ONNX graphs and run by ONNX Runtime: the numbers are torch's."""
        ours = list(model.stream(Moving(3), Prompt()))
        monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: True)
        sightline.nn.engine._notes.clear()
        theirs = list(self.made(folder).stream(Moving(3), Prompt()))
        assert sightline.nn.engine.engine_notes() == []
        check_same(ours, theirs, atol=2e-3, masks_differ=self.masks_differ)

    def test_a_batch_equals_single_pictures(self, model: Predictor) -> None:
        """Each network on its own: what the model gives of two pictures at once, it gives of each."""
        parts = model.export_parts(SIZE)
        assert self.alone.keys() <= {part.name for part in parts}
        samples = [_sample(parts, seed) for seed in (1, 2)]
        for part in parts:
            if part.name in self.alone:
                continue
            first, second = (sample.inputs[part.name] for sample in samples)
            inputs = [torch.cat(pair) if pair[0].ndim else pair[0] for pair in zip(first, second, strict=True)]
            with torch.no_grad():
                both = leaves(part.network(*inputs))
            for row, sample in enumerate(samples):
                for together, alone in zip(both, sample.outputs[part.name], strict=True):
                    said = f"of {part.name}: {{}}".format
                    # An output that is a constant is not repeated.
                    mine = together if together.shape == alone.shape else together[row : row + 1]
                    torch.testing.assert_close(mine, alone, atol=1e-4, rtol=1e-3, msg=said)

    def test_exported_networks_give_the_same(self, model: Predictor, tmp_path: Path) -> None:
        """As graphs of torch.export, written and read again; ONNX is what `test_both_engines_agree` runs."""
        kind = FORMATS["torch"]
        parts = [dataclasses.replace(part, any_size=False) for part in model.export_parts(SIZE)]
        first, second = (_sample(parts, seed) for seed in (1, 2))
        assert parts
        for part in parts:
            path = tmp_path / f"{part.name}{kind.suffix}"
            kind.write(traced(part, first.inputs[part.name]), part, path)
            assert _difference(kind, path, second, part.name) <= 1e-3, part.name

    def test_shipped_weights_have_golden_outputs(self) -> None:
        """What they give is pinned in test_pinned.py."""
        if any(info.name == self.name and info.shipped for info in REGISTRY):
            assert self.name in {name for name, _ in CASES.values()}


def check_map(values: np.ndarray | None, size: Size, *, given: bool) -> None:
    if not given:
        assert values is None
        return
    assert values is not None
    assert values.shape == size
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1 + 1e-6


def check_mask(frame: Frame, size: Size, *, given: bool) -> None:
    if not given:
        assert frame.mask is None
        return
    assert frame.mask is not None
    assert frame.mask.shape == size
    assert frame.mask.dtype in (np.uint8, np.uint16)
    known = {thing.number for thing in frame.objects} | {track.number for track in frame.tracks} or {1}
    assert set(np.unique(frame.mask)) <= {0, *known}


def check_boxes(boxes: Sequence[tuple[float, ...]], size: Size) -> None:
    for x1, y1, x2, y2 in boxes:
        assert 0 <= x1 <= x2 <= size[1]
        assert 0 <= y1 <= y2 <= size[0]


def check_same(first: list[Frame], second: list[Frame], atol: float = 1e-5, masks_differ: float = 0.0) -> None:
    assert [frame.index for frame in first] == [frame.index for frame in second]
    for ours, theirs in zip(first, second, strict=True):
        for field in MAPS.values():
            a, b = getattr(ours, field), getattr(theirs, field)
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, atol=atol, err_msg=f"{field} of frame {ours.index}")
        assert (ours.mask is None) == (theirs.mask is None)
        if ours.mask is not None:
            assert (ours.mask != theirs.mask).mean() <= masks_differ
        assert len(ours.objects) == len(theirs.objects)
        assert len(ours.people) == len(theirs.people)
        assert ours.state == theirs.state
        for field in ("hotspot", "sound"):
            a, b = getattr(ours, field), getattr(theirs, field)
            assert (a is None) == (b is None)
            if a is not None:
                near(dataclasses.astuple(a), dataclasses.astuple(b), 1e-4 + 100 * atol)


def near(first: tuple[object, ...], second: tuple[object, ...], atol: float) -> None:
    for ours, theirs in zip(first, second, strict=True):
        if isinstance(ours, str):
            assert ours == theirs
        else:
            assert ours == pytest.approx(theirs, abs=atol)


def leaves(output: object) -> list[Tensor]:
    """The tensors of a network's output, in order."""
    if isinstance(output, Tensor):
        return [output]
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        output = [getattr(output, field.name) for field in dataclasses.fields(output)]
    if isinstance(output, dict):
        output = list(output.values())
    return [leaf for value in output for leaf in leaves(value)] if isinstance(output, list | tuple) else []
