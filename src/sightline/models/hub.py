"""Weights with all their parts in one folder, and to and from the Hub. Safetensors alone; nothing is unpickled."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from sightline.errors import OutputError, WeightsError, first_line
from sightline.files import WholeFolder
from sightline.models import weights

FILES = ("config.json", "model.safetensors", "README.md")


def copy_whole(folder: Path, out: Path) -> None:
    """Copy a folder of weights to `out`, its parts into folders in it, so that it needs nothing else.

    Raises
    ------
    WeightsError
        Weights are missing, or not those that a config names.
    OutputError
        `out` holds something else, or cannot be written.
    """
    with WholeFolder(out, marker="model.safetensors", replaces=FILES).require_ours() as partial:
        _copy(folder, partial)


def _copy(folder: Path, out: Path) -> None:
    config = weights.read_config(folder)
    weights.sha256(folder)  # raises where they are missing
    parts = {name: weights.Part.model_validate(said) for name, said in (config.get("parts") or {}).items()}
    for name in parts:
        inside = out / name
        inside.mkdir(parents=True)
        _copy(weights.find_part(folder, name, parts), inside)
        config["parts"][name]["weights"] = f"./{name}"
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for file in ("model.safetensors", "README.md"):
        if (folder / file).is_file():
            shutil.copyfile(folder / file, out / file)


def pull(repository: str, out: Path | None = None) -> Path:
    """Download weights from the Hub.

    Parameters
    ----------
    repository : str
        A Hub id, "user/model".
    out : Path, optional
        A folder to copy them to. Without it they stay in the Hub's cache, where `load` finds them.

    Returns
    -------
    Path
        The folder with the weights.

    Raises
    ------
    WeightsError
        There are none, or they are not Sightline's.
    """
    found = weights.from_hub(repository)
    weights.read_config(found)
    if out is None:
        return found
    copy_whole(found, out)
    return out


def push(folder: Path, repository: str, *, private: bool = False) -> str:
    """Upload a folder of weights, with its parts and cards, as one commit. A repository is made where there is none.

    Returns
    -------
    str
        The commit's address.

    Raises
    ------
    OutputError
        The Hub refuses: not logged in, no right to write there, no connection.
    """
    from huggingface_hub import HfApi

    if not weights.is_hub_id(repository):
        raise OutputError(f"{repository}: not a Hub id; user/model is expected")
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "weights"
        copy_whole(folder, whole)
        if not (whole / "README.md").is_file():
            raise WeightsError(f"{folder / 'README.md'}: missing; weights are shared with a card")
        api = HfApi()
        try:
            api.create_repo(repository, private=private, exist_ok=True)
            said = api.upload_folder(
                repo_id=repository,
                folder_path=whole,
                commit_message=f"Weights of {weights.read_config(folder).get('model')}",
                allow_patterns=list(weights.PATTERNS),
            )
        except Exception as error:  # huggingface_hub lets through what its HTTP client raises, of no common kind
            raise OutputError(
                f"{repository}: the Hub does not take it ({first_line(error)}); log in with `hf auth login`, "
                "and check the name and the connection"
            ) from error
    return str(said)
