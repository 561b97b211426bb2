"""SamGOP on videos and pictures: heads, objects, and who looks at which of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.exports import ExportPart
from sightline.models.samgop.association import Association, Steady
from sightline.models.samgop.config import SamGOPConfig
from sightline.models.samgop.detector import Seen
from sightline.models.samgop.exports import samgop_parts
from sightline.models.samgop.gaze import Heads, Looks
from sightline.models.samgop.network import SamGOP
from sightline.models.samgop.postprocess import (
    find_heads,
    find_objects,
    label_map,
    looked_at,
    object_masks,
    target_of,
    to_image,
)
from sightline.models.samgop.sight import load_sight
from sightline.nn.boxes import to_cxcywh
from sightline.nn.engine import Engine
from sightline.nn.shots import ShotCuts
from sightline.prompts import Prompt
from sightline.types import Box, Clip, Frame, Object, Person, VideoFrame

Size = tuple[int, int]


class Details(NamedTuple):
    """How the targets of a frame's people came about, a row each, in their order.

    heat: (P, s, s), in view or not, of this frame alone. points: (P, 2) its peaks, fractions of the picture.
    directions: (P, 2) unit vectors in the picture. inside: (P,) scores that the target is in view.
    """

    heat: NDArray[np.float32]
    points: NDArray[np.float64]
    directions: NDArray[np.float32]
    inside: NDArray[np.float32]

    @classmethod
    def of(cls, looks: Looks, order: NDArray[np.int64]) -> Details:
        """Of what the network says of P heads, in another order."""
        heat = looks.heat.cpu().numpy()[order]
        points = np.array([target_of(one)[0] for one in heat])
        return cls(heat, points, looks.direction.cpu().numpy()[order], looks.inside.sigmoid().cpu().numpy()[order])


class _Objects(NamedTuple):
    """The objects of a frame. boxes: (K, 4) xyxy, fractions. masks: (K, h, w) probabilities on the pixel map."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: list[str]
    masks: NDArray[np.float32]


class _Memory:
    """What is kept from frame to frame."""

    def __init__(self, config: SamGOPConfig) -> None:
        self.people, self.objects = Association(config.association), Association(config.association)
        self.steady = Steady(config.association)
        self.cuts = ShotCuts(config.shots)

    def see(self, frame: VideoFrame) -> None:
        """Start anew at a cut: what was remembered of one shot says nothing of the next."""
        if self.cuts.is_cut(frame.image):
            for part in (self.people, self.objects, self.steady):
                part.forget()


class SamGOPPredictor(Predictor):
    """Who looks at which object, frame by frame."""

    name = "samgop"
    takes = frozenset({"heads"})
    gives = frozenset({"masks", "objects", "people", "heatmaps"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.network = weights.build(SamGOP, SamGOPConfig, folder)
        self.weights_sha256 = weights.sha256(folder)
        self.network.to(device)
        sight = load_sight(self.network.config, folder)
        self.sight = sight if sight is None else sight.to(device)
        self.device = device
        self._engines: dict[tuple[str | int, ...], Engine] = {}

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        """See `Predictor.export_parts`."""
        return samgop_parts(self.network, self.sight, size)

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Predictor.stream`. Given heads take the place of those that are found: the non-real-world setting."""
        memory = _Memory(self.network.config)
        for frame in clip.frames():
            memory.see(frame)
            given = prompt.heads_of(frame.index)
            yield self._predict(frame, given, memory)

    @torch.no_grad()
    def _predict(self, frame: VideoFrame, given: NDArray[np.float64] | None, memory: _Memory) -> Frame:
        config = self.network.config
        size = (frame.image.shape[0], frame.image.shape[1])
        images = to_image(frame.image, config.input_size)
        seen = self.network.detector([level.to(self.device) for level in self._features(images)])
        boxes, scores = self._heads(frame.image, seen, size) if given is None else self._given(given, size)
        looks = None
        if len(boxes):
            own = torch.zeros(len(boxes), dtype=torch.int64, device=self.device)
            drawn = self._saliency(images)
            looks = self.network.look(images.to(self.device), seen, Heads(to_cxcywh(boxes), own), drawn)
        objects = self._objects(seen)
        corners = [pixels(box, size) for box in objects.boxes]
        numbers = memory.objects.update(frame.time_s, np.array(corners).reshape(-1, 4))
        people: tuple[Person, ...] = ()
        heat, details = np.zeros(size, np.float32), None
        if looks is not None:
            people, heat, details = self._people(boxes, scores, looks, objects, numbers, size, frame.time_s, memory)
        rows = zip(numbers, corners, objects.scores, objects.labels, strict=True)
        return Frame(
            frame.index,
            frame.time_s,
            frame.image,
            mask=_numbered(label_map(objects.masks, objects.boxes, size, config.rules.mask_level), numbers),
            objects=tuple(
                sorted((Object(n, box, float(s), label) for n, box, s, label in rows), key=lambda o: o.number)
            ),
            people=people,
            heatmap=heat,
            details=details,
        )

    def _features(self, images: Tensor) -> list[Tensor]:
        """The enlarged levels."""
        return self._engine("features", self.network.features, images)

    def _saliency(self, images: Tensor) -> Tensor | None:
        """What draws eyes; None where the heatmaps do without."""
        return None if self.sight is None else self._engine("sight", self.sight, images)[0].to(self.device)

    def _engine(self, name: str, network: nn.Module, images: Tensor) -> list[Tensor]:
        """By an engine of its own for each size of the input."""
        key = (name, *images.shape)
        if key not in self._engines:
            self._engines[key] = Engine(network, (images,), self.device)
        return self._engines[key](images)

    def _heads(self, image: NDArray[np.uint8], seen: Seen, size: Size) -> tuple[Tensor, NDArray[np.float32]]:
        """Boxes of heads xyxy in fractions, and their scores."""
        config = self.network.config
        small = None
        if config.small_size:
            shrunk = to_image(image, config.small_size)
            small = self.network.detector([level.to(self.device) for level in self._features(shrunk)])
        found = find_heads(seen, config.rules, small, size)
        return found.boxes, found.scores.cpu().numpy()

    def _given(self, given: NDArray[np.float64], size: Size) -> tuple[Tensor, NDArray[np.float32]]:
        """The same of heads that the user gives, whose scores are 1."""
        scaled = given / np.array([size[1], size[0]] * 2)
        boxes = torch.from_numpy(scaled.clip(0, 1)).float().to(self.device)
        return boxes, np.ones(len(given), np.float32)

    def _objects(self, seen: Seen) -> _Objects:
        found = find_objects(seen, self.network.config.rules)
        names = self.network.config.labels
        classes = seen.objects[-1].classes[0][found.rows]
        least = self.network.config.rules.label_score
        best = [one.softmax(dim=0).max(dim=0) if names else None for one in classes]
        labels = [names[int(one.indices)] if one is not None and one.values >= least else "" for one in best]
        masks = object_masks(seen, found.rows)
        return _Objects(found.boxes.cpu().numpy(), found.scores.cpu().numpy(), labels, masks)

    def _people(
        self,
        boxes: Tensor,
        scores: NDArray[np.float32],
        looks: Looks,
        objects: _Objects,
        numbers: list[int],
        size: Size,
        time_s: float,
        memory: _Memory,
    ) -> tuple[tuple[Person, ...], NDArray[np.float32], Details]:
        """The people by number, the highest of the heatmaps of those whose target is in view, (H, W), and details."""
        rules = self.network.config.rules
        side = self.network.config.gaze.heat_side
        heads = [pixels(box, size) for box in boxes.cpu().numpy()]
        named = np.array(memory.people.update(time_s, np.array(heads), looks.face.cpu().numpy()))
        order = np.argsort(named)
        details = Details.of(looks, order)
        whole, people = np.zeros((side, side), np.float32), []
        for place, row in enumerate(order):
            number, inside = int(named[row]), float(details.inside[place])
            person = Person(number, heads[row], float(scores[row]), None, 1 - inside, None)
            if inside >= rules.inside_score:
                steady = memory.steady.heat(number, time_s, details.heat[place])
                whole = np.maximum(whole, steady)
                (x, y), sure = target_of(steady)
                values = looked_at(steady, objects.masks, objects.boxes, objects.scores, rules)
                speaks = {n: float(value) for n, value in zip(numbers, values, strict=True) if value > 0}
                chosen = memory.steady.object(number, speaks)
                person = Person(number, heads[row], float(scores[row]), (x * size[1], y * size[0]), sure, chosen)
            people.append(person)
        dense = cv2.resize(whole, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
        return tuple(people), np.clip(dense, 0, 1), details


def pixels(box: NDArray[np.float32], size: Size) -> Box:
    """A box in fractions of the picture, in its pixels; size: (height, width)."""
    x1, y1, x2, y2 = (float(value) for value in box)
    return x1 * size[1], y1 * size[0], x2 * size[1], y2 * size[0]


def _numbered(
    rows: NDArray[np.uint8] | NDArray[np.uint16], numbers: list[int]
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A map of rows from 1 as one of the objects' numbers."""
    table = np.array([0, *numbers])[rows]
    return table.astype(np.uint8) if max(numbers, default=0) < 256 else table.astype(np.uint16)
