"""Audio encoders: the published numbers, the published layouts, and what is refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sightline.errors import UsageError, WeightsError
from sightline.nn.audio import build_audio_encoder
from sightline.nn.audio_vggsound import NetVLAD

NAMES = ("mn04", "vggsound-resnet18")
GOLDENS = Path(__file__).resolve().parents[3] / "shared" / "goldens" / "modules"


@pytest.mark.parametrize("name", NAMES)
def test_the_map_and_the_vector_are_as_declared(name: str) -> None:
    encoder = build_audio_encoder(name, classifier=True)
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, (2, encoder.front_end.rate))
    maps, vector = encoder(torch.from_numpy(encoder.front_end(sound)))
    assert maps.shape[:2] == (2, encoder.channels)
    assert vector.shape == (2, encoder.size)
    assert encoder.classify(vector).shape == (2, encoder.classes)
    assert not encoder.training
    assert not torch.equal(vector[0], vector[1])


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name: str) -> None:
    encoder = build_audio_encoder(name, classifier=True).train()
    _, vector = encoder(torch.randn(2, 128, 100))
    encoder.classify(vector).square().sum().backward()
    assert [key for key, value in encoder.named_parameters() if value.grad is None] == []


def test_stanet_may_give_its_own_front_end_to_the_network_of_vggsound() -> None:
    encoder = build_audio_encoder("vggsound-resnet18", front_end="stanet")
    maps, _ = encoder(torch.from_numpy(encoder.front_end(np.zeros((1, 16_000)))))
    assert maps.shape == (1, 512, 3, 7)


def test_mn04_gives_the_published_numbers(shared_data: Path) -> None:
    folder = shared_data / "weights" / "mn04_as"
    check = np.load(folder / "check.npz")
    encoder = build_audio_encoder("mn04", folder, classifier=True)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 983_599
    outputs: list[torch.Tensor] = []
    for layer in encoder.get_submodule("features").children():
        layer.register_forward_hook(lambda module, given, output: outputs.append(output))
    with torch.inference_mode():
        _, vector = encoder(torch.from_numpy(check["log_mel"])[None])
        logits = encoder.classify(vector)[0].numpy()
        heard = encoder.front_end(check["waveform"])
        from_sound = encoder.classify(encoder(torch.from_numpy(heard)[None]).vector)[0].numpy()
    means = [float(output.mean()) for output in outputs[:17]]
    deviations = [float(output.std(unbiased=False)) for output in outputs[:17]]
    np.testing.assert_allclose(means, check["block_output_mean"], atol=1e-4)
    np.testing.assert_allclose(deviations, check["block_output_std"], rtol=2e-3)
    np.testing.assert_allclose(vector[0].numpy(), check["embedding"], atol=1e-4)
    np.testing.assert_allclose(logits, check["logits"], atol=1e-4)
    np.testing.assert_allclose(from_sound, check["logits"], atol=1e-3)


def test_mn04_without_its_classifier_has_the_same_features(shared_data: Path) -> None:
    folder = shared_data / "weights" / "mn04_as"
    whole, part = (build_audio_encoder("mn04", folder, classifier=given) for given in (True, False))
    mels = torch.from_numpy(np.load(folder / "check.npz")["log_mel"])[None]
    torch.testing.assert_close(whole(mels).vector, part(mels).vector)
    assert part.classes == 0
    assert len(load_file(folder / "model.safetensors")) == len(whole.state_dict()) == 312


def published(path: Path, prefix: str) -> dict[str, torch.Tensor]:
    """Random weights in the layout of the public checkpoint of VGGSound."""
    tensors = {
        f"{prefix}{name}": torch.randn_like(value) if value.is_floating_point() else value
        for name, value in build_audio_encoder("vggsound-resnet18", classifier=True).state_dict().items()
    }
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save({"epoch": 30, "model_state_dict": tensors, "optimizer": {"state": {}, "param_groups": []}}, path)
    return tensors


@pytest.mark.parametrize("name", ["vggsound_netvlad.pth.tar", "vggsound.safetensors"])
@pytest.mark.parametrize("prefix", ["audnet.", "module.audnet.", ""])
def test_the_public_checkpoint_of_vggsound_is_read(tmp_path: Path, name: str, prefix: str) -> None:
    tensors = published(tmp_path / name, prefix)
    encoder = build_audio_encoder("vggsound-resnet18", tmp_path / name, classifier=True)
    assert {prefix + key for key in encoder.state_dict()} == set(tensors)
    for key, value in encoder.state_dict().items():
        torch.testing.assert_close(value, tensors[prefix + key])


def test_the_layout_is_that_of_a_resnet18_with_netvlad() -> None:
    shapes = {
        key: tuple(value.shape) for key, value in build_audio_encoder(NAMES[1], classifier=True).state_dict().items()
    }
    assert shapes["conv1.weight"] == (64, 1, 7, 7)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer4.1.conv2.weight"] == (512, 512, 3, 3)
    assert shapes["avgpool.centroids"] == (16, 512)
    assert shapes["avgpool.conv.weight"] == (16, 512, 1, 1)
    assert shapes["fc_.weight"] == (309, 8192)


def test_netvlad_gives_the_published_numbers() -> None:
    path = GOLDENS / "stanet_NetVLAD.npz"
    if not path.is_file():
        pytest.skip("numbers of executed references (../shared/goldens/modules) are not there")
    golden = np.load(path)
    layer = NetVLAD(16, 512)
    layer.load_state_dict(
        {key.removeprefix("state_dict/"): torch.from_numpy(golden[key]) for key in golden if key.startswith("state")}
    )
    found = layer(torch.from_numpy(golden["inputs/x"])).detach().numpy()
    np.testing.assert_allclose(found, golden["outputs/vlad"], atol=1e-6)


def test_netvlad_sums_residuals_by_hand() -> None:
    layer = NetVLAD(2, 2)
    with torch.no_grad():
        layer.centroids.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        layer.conv.weight.zero_()
        layer.conv.bias.zero_()
    # Two features, (1, 0) and (0, 1), half assigned to either cluster: residuals add up to (-.5, .5) and (.5, .5).
    found = layer(torch.eye(2)[None, :, :, None] * 3)
    half = 0.5**0.5 / 2**0.5
    torch.testing.assert_close(found, torch.tensor([[-half, half, half, half]]))


class _Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("ran",)


def test_no_code_of_a_checkpoint_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model_state_dict": {"conv1.weight": _Runs()}}, tmp_path / "evil.pth.tar")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(_Runs(), protocol=2))
    for name in ("evil.pth.tar", "plain.pth"):
        with pytest.raises(WeightsError, match=r"runs no code out of weights"):
            build_audio_encoder("vggsound-resnet18", tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such weights"):
        build_audio_encoder("mn04", tmp_path / "absent.safetensors")
    save_file({"conv1.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"other.safetensors: holds another network than MobileNetAudio"):
        build_audio_encoder("mn04", tmp_path / "other.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    with pytest.raises(WeightsError, match="damaged"):
        build_audio_encoder("mn04", tmp_path / "cut.safetensors")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="no state dict"):
        build_audio_encoder("mn04", tmp_path / "list.pth")


def test_unknown_names_are_listed() -> None:
    with pytest.raises(UsageError, match="mn04, vggsound-resnet18"):
        build_audio_encoder("mn99")
    with pytest.raises(UsageError, match="stanet, vggsound, mn"):
        build_audio_encoder("mn04", front_end="mel")
