"""What models say of their networks: they run in that order, and give what they are said to give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from models import small
from sightline.apps.export import export_networks
from sightline.apps.export.networks import _sample
from sightline.models import list_models
from sightline.models.base import Predictor
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.egcnet.exports import egcnet_parts
from sightline.models.egcnet.network import EGCNet
from sightline.models.exports import ExportPart
from sightline.models.samgop.config import GazeConfig, SamGOPConfig
from sightline.models.samgop.exports import samgop_parts
from sightline.models.samgop.network import SamGOP
from sightline.models.samgop.sight import Sight
from sightline.models.stanet.config import STANetConfig
from sightline.models.stanet.exports import stanet_parts
from sightline.models.stanet.network import STANet
from sightline.models.stanet_plus.config import STANetPlusConfig
from sightline.models.stanet_plus.exports import stanet_plus_parts
from sightline.models.stanet_plus.network import STANetPlus
from sightline.models.wcsnet.exports import egnet_parts, wcsnet_parts
from sightline.types import Clip, Frame, Prompt

SIZE = (90, 160)
MEMORY = {"frames": 3, "interval": 1, "key_channels": 8, "pooling": 1}


def stanet() -> STANet:
    return STANet(STANetConfig(tags=("dog", "bird"), width=8, decoder_width=8, input_size=64)).eval()


def parts(name: str) -> Sequence[ExportPart]:
    if name == "egnet":
        return egnet_parts(small.egnet(), SIZE)
    if name.startswith("wcsnet"):
        memory = {"memory": MEMORY} if name.endswith("memory") else {}
        return wcsnet_parts(small.wcsnet(**memory), small.gaze2mask(), small.egnet())
    if name == "egcnet":
        return egcnet_parts(EGCNet(EGCNetConfig(input_size=64)).eval(), SIZE)
    if name == "samgop":
        config = SamGOPConfig(
            labels=("cup", "book"), input_size=64, small_size=32, gaze=GazeConfig(crop_side=32, keys=6)
        )
        return samgop_parts(SamGOP(config, small.backbone(), small.backbone()).eval(), Sight(small.egnet()), SIZE)
    if name == "stanet":
        return stanet_parts(stanet(), SIZE)
    return stanet_plus_parts(STANetPlus(STANetPlusConfig(width=8)).eval(), stanet(), SIZE)


@pytest.mark.parametrize("name", ["egnet", "wcsnet", "wcsnet-memory", "egcnet", "samgop", "stanet", "stanet-plus"])
def test_the_networks_run_one_after_the_other(name: str) -> None:
    said = parts(name)
    sample = _sample(said, seed=0)
    for part in said:
        outputs = sample.outputs[part.name]
        assert len(outputs) == len(part.outputs)  # each has a name
        assert all(value.dtype == torch.float32 and value.isfinite().all() for value in outputs)


class _Given(Predictor):
    name, weights_sha256, gives = "wcsnet", "0" * 64, frozenset()

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        yield from ()

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        return tuple(part for part in parts("wcsnet") if part.name in {"gaze2mask", "egnet"})


def test_gaze2mask_takes_pictures_of_any_size_in_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    model = _Given()
    said = model.export_parts(SIZE)
    model.export_parts = lambda size: said  # type: ignore[method-assign]  # the same weights each time
    (part,) = export_networks(model, ["onnx"], tmp_path / "out", parts=["gaze2mask"])["parts"]
    assert part["parity"]["onnx"] <= 1e-3, part["not_in"]
    import onnxruntime

    picture, saliency = torch.rand(1, 3, 96, 160), torch.rand(1, 1, 96, 160)
    session = onnxruntime.InferenceSession(tmp_path / "out/gaze2mask.onnx")
    (got,) = session.run(None, {"picture": picture.numpy(), "saliency": saliency.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(got, said[1].network(picture, saliency).numpy(), atol=1e-3)


def test_egcnet_is_the_same_in_openvino(tmp_path: Path) -> None:
    """The bias of its attention is of one rank all along, else OpenVINO's compiler refuses it."""
    pytest.importorskip("openvino")
    torch.manual_seed(0)
    model = _Given()
    said = tuple(parts("egcnet"))
    model.export_parts = lambda size: said  # type: ignore[method-assign]  # the same weights each time
    (part,) = export_networks(model, ["openvino"], tmp_path / "out")["parts"]
    assert part["parity"].get("openvino", 1.0) <= 1e-3, part["not_in"]


def test_every_listed_model_has_networks() -> None:
    for info in list_models():
        assert info.load_class().export_parts is not Predictor.export_parts, info.name


def test_pooling_to_a_symbolic_size_is_adaptive_pooling() -> None:
    from sightline.nn.blocks import _cell_means

    maps = torch.rand(1, 2, 13, 9)
    said = torch.nn.functional.adaptive_avg_pool2d(maps, (5, 4))
    got = _cell_means(13, 5, maps) @ maps @ _cell_means(9, 4, maps).T
    np.testing.assert_allclose(got.numpy(), said.numpy(), atol=1e-6)
