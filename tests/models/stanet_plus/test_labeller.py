"""Pseudo-fixations with context: what is looked at, what is missing, and that runs repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from models.stanet.conftest import Noise
from models.stanet_plus.conftest import small_nets
from sightline.errors import DataError, SourceError, WeightsError
from sightline.models import weights
from sightline.models.stanet.labeller import NOT_PREDICTED
from sightline.models.stanet_plus.labeller import PlusLabeller
from sightline.models.stanet_plus.nets import ScamPlusNets
from sightline.types import Clip, Frame, Prompt, VideoFrame

EIGHT = ["S+ short", "ST+ short", "S+ long", "SA+ long", "ST+ long", "S+ cross", "SA+ cross", "ST+ cross"]


@contextmanager
def opened(clip: Clip) -> Iterator[Clip]:
    yield clip


class Other(Noise):
    """Other pictures."""

    def frames(self) -> Iterator[VideoFrame]:
        for frame in super().frames():
            yield VideoFrame(frame.index, frame.time_s, frame.pts, 255 - frame.image)


class Broken(Noise):
    """Ends with an error."""

    def frames(self) -> Iterator[VideoFrame]:
        yield from super().frames()
        raise SourceError("broken.mp4: damaged")


def saved(nets: ScamPlusNets, folder: Path) -> PlusLabeller:
    weights.save(nets, nets.config.model_dump(mode="json"), folder)
    return PlusLabeller(folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def labeller(plus_nets: ScamPlusNets, tmp_path_factory: pytest.TempPathFactory) -> PlusLabeller:
    return saved(plus_nets, tmp_path_factory.mktemp("plus")).tagged(["dog"])


def maps(labeller: PlusLabeller, clip: Clip) -> list[Frame]:
    return list(labeller.stream(clip, Prompt()))


@pytest.mark.parametrize("sound", [0.1, None])
@pytest.mark.parametrize("frames", [1, 3])
def test_eleven_maps(labeller: PlusLabeller, frames: int, sound: float | None) -> None:
    clip = Noise(frames, sound=sound)
    made = labeller.beside(partial(opened, clip), {"b": partial(opened, Other(2))})
    found = maps(made, clip)
    assert [frame.index for frame in found] == list(range(frames))
    assert made.notes == ()
    for frame in found:
        assert frame.saliency is not None
        assert frame.saliency.shape == (48, 64)
        assert 0 <= frame.saliency.min() < frame.saliency.max() <= 1
        assert [step.name for step in frame.steps[10:]] == [f"fine {name}" for name in EIGHT] + ["fine SCAM+"]
        assert all(step.score and step.score > 0.5 for step in frame.steps[10:-1])


def test_without_other_videos_there_are_no_cross_terms(labeller: PlusLabeller) -> None:
    clip = Noise(2)
    made = labeller.beside(partial(opened, clip), {})
    found = maps(made, clip)
    assert [step.name for step in found[0].steps[10:]] == [f"fine {name}" for name in EIGHT[:5]] + ["fine SCAM+"]
    assert made.notes == ("no other video has the tag: no maps with cross-term context",)


def test_other_videos_change_cross_terms_alone(labeller: PlusLabeller) -> None:
    clip = Noise(2)
    one, other = (
        maps(labeller.beside(partial(opened, clip), {name: partial(opened, beside)}), clip)[0].steps
        for name, beside in (("noise", Noise(3)), ("other", Other(3)))
    )
    for a, b in zip(one[:-1], other[:-1], strict=True):
        assert np.array_equal(a.map, b.map) == ("cross" not in a.name), a.name


def test_the_first_pass_shows_what_comes_later(labeller: PlusLabeller) -> None:
    """At the first frame a stream has seen nothing else, and the frame stands beside itself."""
    clip = Noise(4)
    clip.fps = 4.0
    once = maps(labeller, clip)
    twice = maps(labeller.beside(partial(opened, clip), {}), clip)
    names = [step.name for step in once[0].steps]
    differ = {
        name
        for name, a, b in zip(names, once[0].steps, twice[0].steps, strict=True)
        if not np.array_equal(a.map, b.map)
    }
    assert differ == {"fine S+ long", "fine SA+ long", "fine ST+ long", "fine SCAM+"}


def test_the_same_again(labeller: PlusLabeller) -> None:
    clip = Noise(4)
    clip.fps = 4.0
    made = [maps(labeller.beside(partial(opened, clip), {"b": partial(opened, Other(2))}), clip) for _ in range(2)]
    for a, b in zip(*made, strict=True):
        np.testing.assert_array_equal(a.saliency, b.saliency)


def test_few_of_many_videos_are_looked_at(plus_nets: ScamPlusNets, tmp_path: Path) -> None:
    """The same ones for all clips of the tag, each in one pass."""
    passes: list[str] = []

    @contextmanager
    def counted(name: str) -> Iterator[Clip]:
        passes.append(name)
        yield Other(2)

    labeller = saved(plus_nets, tmp_path).tagged(["dog"])
    for _ in range(2):
        maps(labeller.beside(None, {f"{name}.mp4": partial(counted, name) for name in "abcdefgh"}), Noise(1))
    assert len(passes) == len(set(passes)) == plus_nets.config.context.videos


def test_a_damaged_neighbour_stops_nothing(labeller: PlusLabeller) -> None:
    def missing() -> Iterator[Clip]:
        raise SourceError("gone.mp4: no such file")

    others = {"broken": partial(opened, Broken(3)), "gone": contextmanager(missing)}
    made = labeller.beside(partial(opened, Noise(2)), others)
    assert len(maps(made, Noise(2))) == 2


def test_what_a_run_depends_on(labeller: PlusLabeller) -> None:
    clip = partial(opened, Noise(1))
    digests = {
        labeller.weights_sha256,
        labeller.beside(clip, {}).weights_sha256,
        labeller.beside(None, {}).weights_sha256,
        labeller.beside(clip, {"a": clip}).weights_sha256,
        labeller.beside(clip, {"b": clip}).weights_sha256,
    }
    assert len(digests) == 5


def test_nets_that_never_predict_the_tag(plus_nets: ScamPlusNets, tmp_path: Path) -> None:
    made = saved(plus_nets, tmp_path).tagged(["bird"])
    found = maps(made, Noise(2))
    assert [frame.saliency for frame in found] == [None, None]
    assert made.notes[0] == f"2 of 2 frames have no map: {NOT_PREDICTED}"


def test_nets_with_context_may_know_what_scam_does_not(tmp_path: Path) -> None:
    """On the crop; without a box of the coarse stage nothing is looked at."""
    nets = small_nets()
    for net in nets.scam.fine.values():
        net.classifier.bias.data = torch.tensor([-3.0, 3.0, -3.0])
    found = maps(saved(nets, tmp_path).tagged(["dog"]), Noise(2))
    assert all(frame.saliency is not None for frame in found)


def test_the_coarse_stage_covers_the_frame(tmp_path: Path) -> None:
    from models.stanet_plus.conftest import SCAM

    nets = small_nets()
    nets.config = nets.config.model_copy(update={"scam": SCAM.model_copy(update={"stage": "coarse"})})
    (frame,) = maps(saved(nets, tmp_path).tagged(["dog"]), Noise(1))
    assert [step.name for step in frame.steps][-1] == "coarse SCAM+"
    assert frame.steps[-1].box == (0, 0, 64, 48)


def test_bad_weights_and_tags(plus_nets: ScamPlusNets, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="tag 'cow': the nets know dog, bird, rain"):
        saved(plus_nets, tmp_path / "good").tagged(["cow"])
    for config, said in (({"model": "scam"}, "model: Input should be 'scam-plus'"), ({}, "tags: there are none")):
        weights.save(plus_nets, config, tmp_path / "bad")
        with pytest.raises(WeightsError, match=said):
            PlusLabeller(tmp_path / "bad", torch.device("cpu"))
