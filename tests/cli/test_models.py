from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sightline.models
from sightline.cli.app import app
from sightline.models import ModelInfo


def listed() -> list[dict[str, object]]:
    result = CliRunner().invoke(app, ["models", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def two_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of two networks: one with a card, one whose card says nothing to machines."""
    cards = {
        "a": "---\nlicense: apache-2.0\ndatasets:\n- MIT1003\n- BSDS500\n---\n# A\n",
        "b": "# B\n---\nno head\n---\n",
    }
    for name, card in cards.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(card)
        (tmp_path / name / "model.safetensors").write_bytes(bytes(1_500_000))
    (tmp_path / "a/config.json").write_text(
        json.dumps({"model": "a", "parts": {"second": {"weights": "b", "sha256": ""}}})
    )
    info = ModelInfo("a", "sightline.models.egcnet.predictor:EGCNetPredictor", "[nobody], 2020")
    monkeypatch.setattr(sightline.models.weights, "SHIPPED", tmp_path)
    monkeypatch.setattr(sightline.models, "REGISTRY", (info,))
    return tmp_path


@pytest.mark.usefixtures("two_networks")
def test_weights_and_terms_are_gathered_from_all_networks() -> None:
    (row,) = listed()
    assert row == {
        "name": "a",
        "use": "",
        "gives": ["saliency", "probability", "masks", "hotspots"],
        "takes": ["fixations"],
        "paper": "[nobody], 2020",
        "shipped": True,
        "size_mb": 3.0,
        "trained_on": ["BSDS500", "MIT1003"],
        "licence": ["apache-2.0"],
    }


def test_a_model_without_one_of_its_weights_is_not_shipped(two_networks: Path) -> None:
    (two_networks / "b/model.safetensors").unlink()
    (row,) = listed()
    assert not row["shipped"]
    assert "not shipped" in CliRunner().invoke(app, ["models"]).stdout


@pytest.mark.usefixtures("two_networks")
def test_the_table_shows_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    shown = CliRunner().invoke(app, ["models"]).stdout
    for part in ("saliency", "fixations", "3.0 MB", "BSDS500, MIT1003", "apache-2.0", "[nobody], 2020"):
        assert part in shown


def test_the_real_list_is_what_load_knows() -> None:
    assert [row["name"] for row in listed()] == [model.name for model in sightline.models.list_models()]
