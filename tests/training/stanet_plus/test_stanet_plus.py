"""The stages of STANet+ on miniature videos, on top of small nets of STANet: batches, and a few steps of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from hostile.corpus import write_video
from models.stanet_plus.conftest import calibrate
from sightline.errors import UsageError, WeightsError
from sightline.models import weights
from sightline.models.stanet.config import ScamConfig, STANetConfig
from sightline.models.stanet.network import ScamNets, STANet
from sightline.models.stanet_plus.labeller import PlusLabeller
from sightline.models.stanet_plus.loading import load_plus_nets
from sightline.models.stanet_plus.predictor import STANetPlusPredictor
from sightline.nn.tagger import AudioTagger
from sightline.training.recipe import SHIPPED, builder, read_recipe
from sightline.training.run import train
from sightline.training.stanet import rows
from sightline.training.stanet_plus.data import _more
from sightline.training.stanet_plus.draw import apart, companions
from sightline.training.stanet_plus.frames import Heard, plus_pseudo_fixations
from sightline.training.stanet_plus.task import node_loss

TAGS = ("bird", "dog")


class Deaf(AudioTagger):
    """Hears nothing."""

    rate, labels = 32_000, ("Dog", "Bird")

    def _batch(self, windows: np.ndarray) -> np.ndarray:
        return np.zeros((len(windows), 2), np.float32)


@pytest.fixture(autouse=True)
def tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "load_tagger", lambda source: Deaf())


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of a dog, one of a single frame of a bird."""
    root = tmp_path_factory.mktemp("tagged")
    (root / "videos").mkdir()
    write_video(root / "videos/a.mp4", frames=24, fps=20, size=(48, 64), sound_s=1)
    write_video(root / "videos/b.mp4", frames=16, fps=20, size=(48, 64))
    write_video(root / "videos/c.mp4", frames=1, fps=20, size=(48, 64))
    (root / "tags.csv").write_text("video,tag\na,dog\nb,dog\nc,bird\n")
    return root


@pytest.fixture(scope="session")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small nets of SCAM that predict a dog, in `scam`, and an STA, in `sta`."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("stanet")
    scam = ScamNets(
        ScamConfig(tags=TAGS, backbone="mobilenet-v2", width=8, coarse_size=64, fine_size=64, box_factor=0.5)
    )
    for net in (*scam.coarse.values(), *scam.fine.values()):
        net.classifier.weight.data = 0.1 * net.classifier.weight.data.abs()
        net.classifier.bias.data = torch.tensor([-3.0, 3.0])
    calibrate(scam.encoders.backbone)
    weights.save(scam, scam.config.model_dump(mode="json"), root / "scam")
    config = STANetConfig(tags=TAGS, backbone="mobilenet-v2", width=8, input_size=64, decoder_width=8)
    sta = STANet(config, scam.encoders.backbone, scam.encoders.audio)
    weights.save(sta, config.model_dump(mode="json"), root / "sta")
    return root


@pytest.fixture
def settings(films: Path, nets: Path, tmp_path: Path) -> Callable[..., Path]:
    """A recipe of the two stages."""

    def write(**changes: Any) -> Path:
        values = {
            "videos": [{"videos": str(films / "videos"), "tags": str(films / "tags.csv")}],
            "every_s": 0.3,
            "switch": {"tagger": "unused"},
            "batch_size": 3,
            "optimisation": {"steps": 2, "learning_rate": 0.001, "warmup_steps": 1},
            "stages": {
                "scam-plus": {"train": "scam-plus", "scam": str(nets / "scam")},
                "stanet-plus": {"train": "stanet-plus", "scam_plus": "$OUT/scam-plus", "sta": str(nets / "sta")},
            },
            **changes,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


def stage(path: Path, name: str, *overrides: str) -> Any:
    recipe = read_recipe(path, overrides).stages[name]
    return builder(recipe)(recipe)


def test_both_stages(settings: Callable[..., Path], films: Path, nets: Path, tmp_path: Path) -> None:
    out = train(read_recipe(settings()), tmp_path / "out")
    made = load_plus_nets(out / "scam-plus")
    before = rows.ScamNets(made.config.scam)
    weights.load_into(before, nets / "scam")
    torch.testing.assert_close(made.scam.state_dict(), before.state_dict(), atol=0, rtol=0)
    labeller = PlusLabeller(out / "scam-plus", torch.device("cpu")).tagged(["dog"])
    assert labeller.plus.config.scam.tags == TAGS

    model = STANetPlusPredictor(out, torch.device("cpu"))
    assert model.plus.config.width == 8
    assert model.plus.config.parts["sta"].sha256 == weights.sha256(nets / "sta")
    for video, frames in (("a", 24), ("c", 1)):
        found = list(model.predict(films / f"videos/{video}.mp4"))
        assert len(found) == frames
        assert all(frame.saliency is not None and frame.saliency.shape == (48, 64) for frame in found)


def test_batches_of_the_nets_with_context(settings: Callable[..., Path]) -> None:
    task, data = stage(settings(), "scam-plus")
    frames = data.frames
    assert [len(one) for one in frames.examined] == [4, 3, 1]
    batch = next(iter(frames))
    for term in (batch.short, batch.long, batch.cross):
        assert term.shape == (4, 3, 3, 8, 4, 4)
        torch.testing.assert_close(term[:, :, 0], batch.short[:, :, 0])
    for sample in range(3):
        alone = torch.equal(batch.cross[:, sample, 1], batch.cross[:, sample, 0])
        assert alone == (batch.tags[sample, 0] == 1), "the bird's is the only video of its tag"
    again = [b for _, b in zip(range(3), frames, strict=False)]
    frames.start = 2
    torch.testing.assert_close(next(iter(frames)), again[2])
    task.log = lambda *_, **__: None  # type: ignore[assignment]
    task.training_step(batch, 0).backward()
    moved = {name.split(".")[0] for name, p in task.network.named_parameters() if p.grad is not None}
    assert moved == {"plus"}
    idle = [n for n, p in task.network.plus.named_parameters() if p.grad is None]
    assert idle == []


def test_pseudo_fixations_repeat_and_cover_the_frame(settings: Callable[..., Path]) -> None:
    task, data = stage(settings(), "scam-plus")
    task.network.eval()
    made = [plus_pseudo_fixations(task.network, data.frames.examined) for _ in range(2)]
    for one, other in zip(*made, strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)
    a, _, c = made[0]
    assert a.shape == (4, 64, 64)
    assert a.amax(dim=(1, 2)).min() > 0.8
    assert c.abs().max() == 0, "nothing is taken for a bird"


def test_no_net_predicts_anything(settings: Callable[..., Path], films: Path) -> None:
    (films / "birds.csv").write_text("video,tag\na,bird\nb,bird\nc,bird\n")
    path = settings(videos=[{"videos": str(films / "videos"), "tags": str(films / "birds.csv")}])
    recipe = read_recipe(path).stages["scam-plus"]
    task, _ = builder(recipe)(recipe)
    task.network.eval()
    folder = path.parent / "plus"
    weights.save(task.network, task.network.config.model_dump(mode="json"), folder)
    with pytest.raises(Exception, match="no frame has pseudo-fixations"):
        stage(path, "stanet-plus", "stages.scam-plus=null", f"stages.stanet-plus.scam_plus={folder}")


def test_batches_of_sta_with_context(
    settings: Callable[..., Path], nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, _ = stage(settings(), "scam-plus")
    weights.save(task.network, task.network.config.model_dump(mode="json"), tmp_path / "plus")
    overrides = ("stages.scam-plus=null", f"stages.stanet-plus.scam_plus={tmp_path / 'plus'}")
    task, data = stage(settings(), "stanet-plus", *overrides)
    heard = data.frames.heard
    assert [len(one) for one in heard] == [4, 3, 1]
    batch = next(iter(data.frames))
    for nodes in batch:
        assert nodes.fused.shape == nodes.spatial.shape == (3, 3, 8, 4, 4)
        assert nodes.places.shape == (3, 3, len(TAGS), 4, 4)
        assert nodes.base.shape == nodes.pseudo.shape == (3, 3, 8, 8)
        assert nodes.more.shape == (3, 3, len(TAGS))
        every = torch.cat([one.logits for one in heard]).float()
        either = torch.cat([every, every.flip(-1)])
        assert (either - nodes.base[0, 0]).abs().amax(dim=(1, 2)).min() == 0, "what is added to: STA's logits"
    fused, spatial = batch.short.fused, batch.short.spatial
    assert task.network.short(fused, spatial).abs().max() == 0, "training begins at STA"

    _, data = stage(settings(), "stanet-plus", *overrides, "stages.stanet-plus.network.readout=map")
    assert not data.frames.residual
    assert next(iter(data.frames)).short.base.abs().max() == 0, "nothing is heard"


def test_what_frames_recall() -> None:
    """Four frames, of which the first barks: the next one's neighbours have heard it, the last two's distant ones."""
    none = torch.zeros(4, 0)
    heard = torch.tensor([[0.9, 0.1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    one = Heard(None, none, none, none, none, none, heard, none)  # type: ignore[arg-type]  # the clip is not looked at
    near = _more(one, partial(companions, number=2))
    torch.testing.assert_close(near, torch.tensor([[0.0, 0.0], [0.45, 0.05], [0.0, 0.0], [0.0, 0.0]]))
    far = _more(one, apart)
    torch.testing.assert_close(far, torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.9, 0.1], [0.45, 0.05]]))


def test_equation_20_by_hand() -> None:
    """Two nodes, one without pseudo-fixations: cross-entropy ln 2 and divergence ln 2 of the other, twice over."""
    logits = torch.zeros(1, 2, 1, 1, 2)
    pseudo = torch.tensor([[[[1.0, 0.0]], [[0.0, 0.0]]]])
    none = torch.zeros(1, 2, 1, 2)
    assert float(node_loss(logits, none, pseudo, 0.0)) == pytest.approx(2 * np.log(2))
    assert float(node_loss(logits, none, pseudo, 1.0)) == pytest.approx(4 * np.log(2))
    right = torch.tensor([[[[100.0, -100.0]], [[0.0, 0.0]]]])
    assert float(node_loss(logits, right, pseudo, 1.0)) == pytest.approx(0, abs=1e-6), "what sound adds counts"


def test_a_part_that_has_changed(settings: Callable[..., Path], nets: Path, tmp_path: Path) -> None:
    task, _ = stage(settings(), "scam-plus")
    weights.save(task.network, task.network.config.model_dump(mode="json"), tmp_path / "plus")
    task, _ = stage(
        settings(), "stanet-plus", "stages.scam-plus=null", f"stages.stanet-plus.scam_plus={tmp_path / 'plus'}"
    )
    config = task.network.config.model_dump(mode="json")
    config["parts"]["sta"]["sha256"] = "0" * 64
    weights.save(task.network, config, tmp_path / "model")
    with pytest.raises(WeightsError, match="not the weights that"):
        STANetPlusPredictor(tmp_path / "model", torch.device("cpu"))


LINES = re.findall(r"^#.*$", (SHIPPED / "stanet-plus.yaml").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "overrides",
    [
        *(f"stages.fine.network.maps=[{name}]" for name in ("S", "SA", "ST")),
        "stages.fine.network.stage=coarse",
        "stages.fine.network.fusion=average",
        "stages.fine.network.audio_switch=false",
        *(
            f"stages.scam-plus.network.maps=[{name}]"
            for name in ("S refined", "S+ short", "ST+ short", "S+ long", "SA+ long", "ST+ long")
        ),
        *(f"stages.scam-plus.network.maps=[{name}]" for name in ("S+ cross", "SA+ cross", "ST+ cross")),
        "stages.scam-plus.network.maps=[S+ short,ST+ short,S+ long,SA+ long,ST+ long,S+ cross,SA+ cross,ST+ cross]",
        "stages.scam-plus.network.graph.refine=false",
        "stages.scam-plus.network.fusion=average",
        "stages.scam-plus.network.graph.form=code",
        *(
            f"stages.{s}.network.audio_fusion={kind}"
            for s in ("coarse", "fine")
            for kind in ("deconvolution", "addition", "multiplication", "concatenation", "bilinear")
        ),
        *(f"stages.stanet-plus.network.graph.{name}" for name in ("refine_threshold=0.9", "refine_rate=0.4")),
        *(f"stages.stanet-plus.network.graph.rounds={m}" for m in (2, 3, 4, 5)),
        *(f"stages.{s}.network.graph.nodes={n}" for s in ("scam-plus", "stanet-plus") for n in (1, 2, 3, 4)),
        *(f"stages.stanet-plus.network.output={name}" for name in ("sta", "short", "long", "product", "sum", "max")),
    ],
)
def test_rows_of_the_papers_tables_are_lines_of_the_recipe(overrides: str) -> None:
    name, _, value = overrides.partition("=")
    _, stage_name, *fields = name.split(".")
    found: Any = read_recipe("stanet-plus", [overrides], Path("/data")).stages[stage_name]
    for field in fields:
        found = getattr(found, field)
    wanted = yaml.safe_load(value)
    assert (list(found) if isinstance(wanted, list) else found) == wanted


def test_the_recipe_names_all_25_lines() -> None:
    said = "\n".join(LINES)
    assert {int(number) for number in re.findall(r"(?<![\d.])(\d{1,2}):(?= )", said)} >= set(range(1, 26))


def test_values_that_make_no_sense(settings: Callable[..., Path]) -> None:
    for override, said in (
        ("stages.scam-plus.network.maps=[S+ never]", "maps"),
        ("stages.scam-plus.network.graph.nodes=0", "nodes"),
        ("stages.stanet-plus.network.graph.refine_rate=1.5", "refine_rate"),
        ("stages.stanet-plus.network.output=mean", "output"),
    ):
        with pytest.raises(UsageError, match=said):
            read_recipe(settings(), [override])
