"""Audio taggers: which of a user's tags is heard in a window of sound. The audio switch learns from what they say."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from sightline.errors import DataError, WeightsError
from sightline.nn.audio import build_audio_encoder
from sightline.untrusted import parse_json, parse_yaml

TagMap = Mapping[str, tuple[str, ...]]
"""By tag, in lower case, the labels of a tagger that stand for it."""

DEFAULT_TAGS = Path(__file__).parent / "audio_tags.yaml"
_BATCH = 16  # windows that go through the network at once


class AudioTagger(ABC):
    """A network that names sounds.

    Attributes
    ----------
    rate : int
        Samples a second that it takes, Hz.
    labels : tuple of str
        The sounds that it knows, by index.
    """

    rate: int
    labels: tuple[str, ...]

    def probabilities(self, windows: NDArray[np.floating]) -> NDArray[np.float32]:
        """That each sound is heard.

        Parameters
        ----------
        windows : ndarray, (N, S) float
            Mono sound at `rate`, full scale 1; windows of one length, about a second or more.

        Returns
        -------
        ndarray, (N, len(labels)) float32
            In [0, 1]; several sounds may be heard at once.
        """
        parts = [self._batch(windows[at : at + _BATCH]) for at in range(0, len(windows), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), np.float32)

    def scores(
        self, windows: NDArray[np.floating], tags: Sequence[str], known: TagMap | None = None
    ) -> NDArray[np.float32]:
        """How surely each tag is heard.

        Parameters
        ----------
        windows : ndarray, (N, S) float
            As in `probabilities`.
        tags : sequence of str
            The user's tags.
        known : mapping, optional
            From tags to labels, see `read_tags`; the default map if left out.

        Returns
        -------
        ndarray, (N, len(tags)) float32
            The highest probability among a tag's labels; 0 for a tag that has none, see `unheard`.
        """
        columns = self._columns(tags, known)
        heard = self.probabilities(windows)
        found = np.zeros((len(heard), len(tags)), np.float32)
        for tag, indices in enumerate(columns):
            if indices:
                found[:, tag] = heard[:, indices].max(axis=1)
        return found

    def unheard(self, tags: Sequence[str], known: TagMap | None = None) -> list[str]:
        """The tags that this tagger has no label for: it never hears them."""
        return [tag for tag, indices in zip(tags, self._columns(tags, known), strict=True) if not indices]

    @abstractmethod
    def _batch(self, windows: NDArray[np.floating]) -> NDArray[np.float32]: ...

    def _columns(self, tags: Sequence[str], known: TagMap | None) -> list[list[int]]:
        """The indices of each tag's labels."""
        known = _default_tags() if known is None else known
        index = {_plain(label): number for number, label in enumerate(self.labels)}
        found = []
        for tag in tags:
            labels = known.get(_plain(tag), (tag,))
            found.append([index[_plain(label)] for label in labels if _plain(label) in index])
        return found


def read_tags(path: str | Path | None = None) -> dict[str, tuple[str, ...]]:
    """Read a map from tags to the labels of a tagger.

    Parameters
    ----------
    path : str or Path, optional
        A YAML file of `tag: [label, ...]`; the map of common tags to AudioSet labels if left out.

    Returns
    -------
    dict of str to tuple of str
        Tags in lower case, `_` and `-` as blanks.

    Raises
    ------
    DataError
        The file is missing, no YAML, or of another form.

    Examples
    --------
    >>> read_tags()["dog_bark".replace("_", " ")][:2]
    ('Dog', 'Bark')
    """
    path = DEFAULT_TAGS if path is None else Path(path)
    try:
        found: Any = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; a YAML file of `tag: [label, ...]` is expected") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); YAML of `tag: [label, ...]` is expected") from None
    if not isinstance(found, dict) or not found:
        raise DataError(f"{path}: no tags in it; lines of `tag: [label, ...]` are expected")
    for tag, labels in found.items():
        if not (isinstance(labels, list) and labels and all(isinstance(label, str) for label in labels)):
            raise DataError(f"{path}: tag {tag!r}: a list of labels is expected, as in `dog: [Dog, Bark]`")
    return {_plain(str(tag)): tuple(labels) for tag, labels in found.items()}


@cache
def _default_tags() -> TagMap:
    return read_tags()


def load_tagger(source: str | Path, device: torch.device | str = "cpu") -> AudioTagger:
    """Load an audio tagger.

    Parameters
    ----------
    source : str or Path
        A folder: of `mn04_as` (model.safetensors, labels.csv), or of transformers' Audio Spectrogram Transformer
        (config.json, preprocessor_config.json, model.safetensors). Or a Hub id of the latter, such as
        "MIT/ast-finetuned-audioset-10-10-0.4593".
    device : torch.device or str
        Where it runs.

    Raises
    ------
    WeightsError
        There is no tagger, or it cannot be read.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return MobileNetTagger(folder, device) if (folder / "labels.csv").is_file() else AstTagger(folder, device)
    if isinstance(source, str) and source.count("/") == 1 and all(source.split("/")) and not source.startswith("."):
        return AstTagger(source, device)
    raise WeightsError(
        f"{source}: no such folder; give one with model.safetensors and labels.csv, or an AST's Hub id (user/model)"
    )


class MobileNetTagger(AudioTagger):
    """mn04_as: 527 AudioSet labels, 1 M parameters."""

    def __init__(self, folder: Path, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = build_audio_encoder("mn04", folder, classifier=True).to(self.device)
        self.rate = self.network.front_end.rate
        self.labels = _labels(folder / "labels.csv", self.network.classes)

    def _batch(self, windows: NDArray[np.floating]) -> NDArray[np.float32]:
        with torch.inference_mode():
            mels = torch.from_numpy(self.network.front_end(windows)).to(self.device)
            return self.network.classify(self.network(mels).vector).sigmoid().cpu().numpy()


class AstTagger(AudioTagger):
    """An Audio Spectrogram Transformer (Gong et al., Interspeech 2021), with the labels of its config."""

    def __init__(self, source: str | Path, device: torch.device | str = "cpu") -> None:
        from transformers import ASTFeatureExtractor, ASTForAudioClassification

        self.device = torch.device(device)
        try:
            _require_ast(source)
            self.front_end = ASTFeatureExtractor.from_pretrained(str(source))
            network, report = ASTForAudioClassification.from_pretrained(str(source), output_loading_info=True)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = next(iter(str(error).splitlines()), "no reason given")
            raise WeightsError(
                f"{source}: cannot be loaded as an audio tagger ({reason}); give the folder of mn04_as or of an AST, "
                "or the Hub id of an AST and a connection"
            ) from None
        if report["missing_keys"]:
            raise WeightsError(f"{source}: {min(report['missing_keys'])} is missing; download the weights again")
        self.network = network.eval().to(self.device)
        self.rate = int(self.front_end.sampling_rate)
        names = self.network.config.id2label
        self.labels = tuple(str(names[number]) for number in range(len(names)))

    def _batch(self, windows: NDArray[np.floating]) -> NDArray[np.float32]:
        inputs = self.front_end(
            [np.asarray(window, np.float32) for window in windows], sampling_rate=self.rate, return_tensors="pt"
        )
        with torch.inference_mode():
            logits: torch.Tensor = self.network(inputs["input_values"].to(self.device)).logits
            return logits.sigmoid().cpu().numpy()


def _require_ast(source: str | Path) -> None:
    """Raise ValueError where a folder says that it holds another kind of model, which transformers would fill up."""
    path = Path(source) / "config.json"
    if Path(source).is_dir():
        kind = parse_json(path.read_text(encoding="utf-8")).get("model_type")
        if kind != "audio-spectrogram-transformer":
            raise ValueError(f"a model of type {kind!r}, where an audio-spectrogram-transformer is expected")


def _labels(path: Path, count: int) -> tuple[str, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = {int(row["index"]): row["display_name"] for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: cannot be read ({error!r}); columns index and display_name are expected") from None
    if sorted(found) != list(range(count)):
        raise WeightsError(f"{path}: {len(found)} labels; one for each of {count} classes is expected, from 0")
    return tuple(found[number] for number in range(count))


def _plain(name: str) -> str:
    """A tag or label as it is compared: lower case, blanks for underscores and hyphens."""
    return " ".join(name.replace("_", " ").replace("-", " ").lower().split())
