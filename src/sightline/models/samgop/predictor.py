"""SamGOP on videos and pictures: heads, objects, and who looks at which of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.samgop.config import SamGOPConfig
from sightline.models.samgop.detector import Seen
from sightline.models.samgop.gaze import Heads, Looks
from sightline.models.samgop.network import SamGOP
from sightline.models.samgop.postprocess import (
    find_heads,
    find_objects,
    label_map,
    object_masks,
    select,
    target_of,
    to_image,
)
from sightline.nn.boxes import to_cxcywh
from sightline.nn.engine import Engine
from sightline.types import Clip, Frame, Object, Person, Prompt, VideoFrame


class _Objects(NamedTuple):
    """The objects of a frame. boxes: (K, 4) xyxy, fractions. masks: (K, h, w) probabilities on the pixel map."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: list[str]
    masks: NDArray[np.float32]


class Details(NamedTuple):
    """How the targets of a frame's people came about, a row each, in their order.

    heat: (P, s, s), in view or not. points: (P, 2) its peaks, fractions of the picture. directions: (P, 2) unit vectors
    in the picture. inside: (P,) scores that the target is in view.
    """

    heat: NDArray[np.float32]
    points: NDArray[np.float64]
    directions: NDArray[np.float32]
    inside: NDArray[np.float32]

    @classmethod
    def of(cls, looks: Looks) -> Details:
        heat = looks.heat.cpu().numpy()
        points = np.array([target_of(one)[0] for one in heat])
        return cls(heat, points, looks.direction.cpu().numpy(), looks.inside.sigmoid().cpu().numpy())


class SamGOPPredictor(Predictor):
    """Who looks at which object, frame by frame."""

    name = "samgop"
    gives = frozenset({"masks", "objects", "people", "heatmaps"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.network = SamGOP(read_config(folder)).eval()
        weights.load_into(self.network, folder)
        self.weights_sha256 = weights.sha256(folder)
        self.network.to(device)
        self.device = device
        self._engines: dict[tuple[int, ...], Engine] = {}

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Predictor.stream`."""
        for frame in clip.frames():
            yield self._predict(frame)

    @torch.no_grad()
    def _predict(self, frame: VideoFrame) -> Frame:
        config, rules = self.network.config, self.network.config.rules
        size = (frame.image.shape[0], frame.image.shape[1])
        images = to_image(frame.image, config.input_size)
        seen = self.network.detector([level.to(self.device) for level in self._features(images)])
        found = find_heads(seen, rules)
        looks = None
        if len(found.boxes):
            heads = Heads(to_cxcywh(found.boxes), torch.zeros(len(found.boxes), dtype=torch.int64, device=self.device))
            looks = self.network.look(images.to(self.device), seen, heads)
        objects = self._objects(seen)
        mask = label_map(objects.masks, objects.boxes, size, rules.mask_level)
        people = self._people(found.boxes.cpu().numpy(), found.scores.cpu().numpy(), looks, objects, size)
        listed = tuple(
            Object(number, pixels(box, size), float(score), label)
            for number, (box, score, label) in enumerate(
                zip(objects.boxes, objects.scores, objects.labels, strict=True), start=1
            )
        )
        return Frame(
            frame.index,
            frame.time_s,
            frame.image,
            mask=mask,
            objects=listed,
            people=people,
            heatmap=heatmap_of(looks, rules.inside_score, size),
            details=None if looks is None else Details.of(looks),
        )

    def _features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The enlarged levels, by an engine for each size of the input."""
        shape = tuple(images.shape)
        if shape not in self._engines:
            self._engines[shape] = Engine(self.network.features, (images,), self.device)
        return self._engines[shape](images)

    def _objects(self, seen: Seen) -> _Objects:
        found = find_objects(seen, self.network.config.rules)
        names = self.network.config.labels
        classes = seen.objects[-1].classes[0][found.rows]
        labels = [names[int(one.argmax())] if len(names) else "" for one in classes]
        masks = object_masks(seen, found.rows)
        return _Objects(found.boxes.cpu().numpy(), found.scores.cpu().numpy(), labels, masks)

    def _people(
        self,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        looks: Looks | None,
        objects: _Objects,
        size: tuple[int, int],
    ) -> tuple[Person, ...]:
        if looks is None:
            return ()
        rules, people = self.network.config.rules, []
        heat, inside = looks.heat.cpu().numpy(), looks.inside.sigmoid().cpu().numpy()
        for number, (box, score) in enumerate(zip(boxes, scores, strict=True)):
            head = pixels(box, size)
            if inside[number] < rules.inside_score:
                people.append(Person(number + 1, head, float(score), None, 1 - float(inside[number]), None))
                continue
            (x, y), sure = target_of(heat[number])
            chosen = select(heat[number], objects.masks, objects.boxes, objects.scores, rules)
            target = (x * size[1], y * size[0])
            people.append(Person(number + 1, head, float(score), target, sure, None if chosen is None else chosen + 1))
        return tuple(people)


def read_config(folder: Path) -> SamGOPConfig:
    """The config of a weights folder. Raises WeightsError where it is not one of SamGOP's."""
    try:
        return SamGOPConfig.model_validate(weights.read_config(folder))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise WeightsError(f"{folder / 'config.json'}: {place}: {problem['msg']}") from None


def pixels(box: NDArray[np.float32], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """A box in fractions of the picture, in its pixels; size: (height, width)."""
    x1, y1, x2, y2 = (float(value) for value in box)
    return x1 * size[1], y1 * size[0], x2 * size[1], y2 * size[0]


def heatmap_of(looks: Looks | None, least: float, size: tuple[int, int]) -> NDArray[np.float32]:
    """Where the people look, the highest of their heatmaps, (H, W); of nobody, zeros. least: score of being in view."""
    if looks is None:
        return np.zeros(size, np.float32)
    heat = looks.heat * (looks.inside.sigmoid() >= least)[:, None, None]
    small = heat.amax(dim=0).cpu().numpy()
    return np.clip(cv2.resize(small, (size[1], size[0]), interpolation=cv2.INTER_LINEAR), 0, 1)
