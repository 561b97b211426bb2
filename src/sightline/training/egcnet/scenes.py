"""Clips for EGCNet's training: features of its frozen part, motion and fixation densities, kept on disk scene by scene.

A scene is a video (its frames in order) or a photograph (views of it, which stand for the frames of a clip). No mask
comes in here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from sightline.data.observed import Observed, read_observed
from sightline.data.samples import FixationImage, VideoSequence
from sightline.errors import DataError
from sightline.fixations import grid_density
from sightline.models.egcnet.network import EGCNet, Encoded
from sightline.nn.engine import Engine
from sightline.nn.motion import MotionCue
from sightline.progress import track
from sightline.training.cache import Writer, cached
from sightline.training.digest import code_of, digest
from sightline.training.labels.scribbles import scribble
from sightline.video import Source, open_source

SIZE = (256, 416)
"""Input size of training, (height, width): that of wide video. Photographs are cut to its proportions."""
GRID = (SIZE[0] // 8, SIZE[1] // 8)
"""Of motion, densities and the fixation head."""
FINE = (SIZE[0] // 4, SIZE[1] // 4)
"""Of masks and the pictures that they are compared with."""
STEP = 3
"""Frames between two that are kept of a watched video."""


@dataclass(frozen=True, slots=True)
class Scene:
    """F frames after the frozen part.

    encoded: its five outputs, float16. images: (F, 3, *FINE) uint8. motion: (F, 1, *GRID) float16. density:
    (F, 1, *GRID) float16 of real fixations, summing to 1, zeros where nobody looked; None where nobody was recorded.
    windows: (F, 3), left, top and size of what a frame shows in parts of frame 0, negative size where mirrored.
    """

    name: str
    kind: str
    encoded: Encoded
    images: Tensor
    motion: Tensor
    density: Tensor | None
    windows: Tensor

    def __len__(self) -> int:
        return len(self.images)


class SceneStore:
    """Computes scenes once and keeps their features. network: the one whose frozen part sees them."""

    def __init__(self, network: EGCNet) -> None:
        config = network.config
        self._network, self._sigma = network, config.fixations.sigma
        frozen = config.backbone, network.backbone, config.sight, network.sight
        self._made_of = digest(code_of(__name__), *frozen, config.motion, self._sigma)
        self._engine: Engine | None = None

    def photographs(self, samples: Sequence[FixationImage]) -> list[Scene]:
        """A scene of three views each: the widest window that holds most fixations, its mirror image, a part of it."""
        return [
            self._kept("photo", [sample], partial(self._photograph, sample))
            for sample in track(samples, "Features of photographs")
        ]

    def sequence(self, sequence: VideoSequence, mirrored: bool = False) -> Scene:
        """A video of a data set, with its fixations where the set has some."""
        name = f"{sequence.name}{'-mirrored' if mirrored else ''}"
        recorded = any(path is not None for path in sequence.fixation_maps)

        def make() -> Scene:
            densities: list[NDArray[np.float32]] = []

            def images() -> Iterator[NDArray[np.uint8]]:
                for index in range(len(sequence)):
                    image = sequence.load(index)[0]
                    points = sequence.fixations(index)
                    places = np.empty((0, 2)) if points is None else points / image.shape[1::-1]
                    density = fixation_grid(places, self._sigma)
                    densities.append(density[:, ::-1] if mirrored else density)
                    yield image

            return self._video(name, images(), densities if recorded else None, mirrored)

        return self._kept("video", [name, sequence.frames, sequence.fixation_maps, mirrored], make)

    def watched(self, root: Path) -> list[Scene]:
        """Videos with recorded fixations, STEP frames apart: `<video>_fixations.csv` beside each, or imports."""
        read = cache(read_observed)  # it finds out the frame times of all videos, which is wanted for new ones only

        def make_list(writer: Writer) -> None:
            writer.info["videos"] = [[name, one.stimulus and str(one.stimulus)] for name, one in read(root).items()]

        videos = cached("egcnet", [self._made_of, root], make_list).info["videos"]
        return [
            self._kept(
                "watched",
                [root, name, Path(stimulus) if stimulus else None],
                partial(lambda name: self._watched(read(root)[name]), name),
            )
            for name, stimulus in videos
        ]

    def _watched(self, observed: Observed) -> Scene:
        densities = []

        def images(source: Source) -> Iterator[NDArray[np.uint8]]:
            for frame in source:
                if frame.index % STEP == 0:
                    densities.append(fixation_grid(observed.at(frame.index).xy / observed.size[::-1], self._sigma))
                yield frame.image

        if observed.stimulus is None or len(observed.frames) <= STEP:
            raise DataError(
                f"{observed.source[0]}: {observed.name} is no video with fixations; take it out of `watched`"
            )
        with open_source(observed.stimulus) as source:
            return self._video(observed.name, images(source), densities, step=STEP)

    def _kept(self, kind: str, source: Sequence[object], make: Callable[[], Scene]) -> Scene:
        """The scene that is made of a source."""

        def write(writer: Writer) -> None:
            scene = make()
            for row in range(len(scene)):
                density = {} if scene.density is None else {"density": scene.density[row]}
                levels = {name: level[row] for name, level in scene.encoded._asdict().items()}
                writer.add(
                    **levels, **density, images=scene.images[row], motion=scene.motion[row], windows=scene.windows[row]
                )
            writer.info["name"] = scene.name

        kept = cached("egcnet", [self._made_of, kind, source], write)
        fields = {name: torch.from_numpy(kept[name]) for name in ("images", "motion", "windows")}
        encoded = Encoded(*(torch.from_numpy(kept[level]) for level in Encoded._fields))
        density = torch.from_numpy(kept["density"]) if "density" in kept else None
        return Scene(kept.info["name"], kind, encoded, density=density, **fields)

    def _encode(self, images: Tensor) -> Encoded:
        self._engine = self._engine or Engine(_Encoder(self._network), (torch.zeros(1, 3, *SIZE),))
        rows = [self._engine(image[None]) for image in images]
        return Encoded(*(torch.cat(level).half() for level in zip(*rows, strict=True)))

    def _photograph(self, sample: FixationImage) -> Scene:
        picture = Image.fromarray(sample.load()[0])
        points = sample.fixations_at(picture.height, picture.width)
        # The part that is shown depends on the file's name alone, so that the kept features do.
        generator = np.random.default_rng([0, int(hashlib.sha256(sample.image_path.name.encode()).hexdigest()[:8], 16)])
        box = _widest(picture.size, points)
        size = generator.uniform(0.6, 0.9)
        left, top = generator.uniform(0, 1 - size, 2)
        views, densities = [], []
        for window in ((0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (left, top, size)):
            x, y = box[0] + window[0] * (box[2] - box[0]), box[1] + window[1] * (box[3] - box[1])
            right, bottom = x + abs(window[2]) * (box[2] - box[0]), y + abs(window[2]) * (box[3] - box[1])
            part = (x, y, min(right, picture.width), min(bottom, picture.height))
            view = np.asarray(picture.resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR, box=part))
            inside = (points - part[:2]) / (part[2] - part[0], part[3] - part[1])
            density = fixation_grid(inside, self._sigma / abs(window[2]))
            views.append(view[:, ::-1] if window[2] < 0 else view)
            densities.append(density[:, ::-1] if window[2] < 0 else density)
        return self._scene(
            sample.image_path.stem,
            "photo",
            views,
            [np.zeros(GRID, np.float32)] * 3,
            densities,
            [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (left, top, size)],
        )

    def _video(
        self,
        name: str,
        frames: Iterator[NDArray[np.uint8]],
        densities: list[NDArray[np.float32]] | None,
        mirrored: bool = False,
        step: int = 1,
    ) -> Scene:
        small, motions, cue = [], [], MotionCue(self._network.config.motion)
        for index, (image, moving) in enumerate(cue.over(track(frames, f"Features of {name}"))):
            if index % step:
                continue
            both = _shrunk(image, SIZE), _shrunk(moving.independent, GRID)
            small.append(both[0][:, ::-1] if mirrored else both[0])
            motions.append(both[1][:, ::-1] if mirrored else both[1])
        return self._scene(name, "video", small, motions, densities, [(0.0, 0.0, 1.0)] * len(small))

    def _scene(
        self,
        name: str,
        kind: str,
        views: list[NDArray[np.uint8]],
        motions: list[NDArray[np.float32]],
        densities: list[NDArray[np.float32]] | None,
        windows: list[tuple[float, float, float]],
    ) -> Scene:
        images = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float() / 255
        fine = torch.nn.functional.avg_pool2d(images, 4)
        return Scene(
            name,
            kind,
            self._encode(images),
            (fine * 255).round().byte(),
            torch.from_numpy(np.stack(motions))[:, None].half(),
            None if densities is None else torch.from_numpy(np.stack(densities))[:, None].half(),
            torch.tensor(windows),
        )


class _Encoder(nn.Module):
    def __init__(self, network: EGCNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.encode(images))


def _shrunk(
    picture: NDArray[Any], size: tuple[int, int], by: Image.Resampling = Image.Resampling.BILINEAR
) -> NDArray[Any]:
    return np.asarray(Image.fromarray(picture).resize(size[::-1], by))


def fixation_grid(points: NDArray[np.floating], sigma: float) -> NDArray[np.float32]:
    """Fixations (N, 2), x and y in [0, 1], as a density on GRID that sums to 1; zeros where there are none inside.
    sigma: blur, in parts of the longer side."""
    return grid_density(points * GRID[::-1], GRID, sigma * GRID[1])


def scribbles(sequences: Sequence[VideoSequence], seed: int) -> dict[str, Tensor]:
    """Scribbles of sequences that have some, for the others simulated from their masks, by the name of the scene:
    (F, 1, *FINE) int8, -1 where there is no stroke."""
    drawn: dict[str, Tensor] = {}
    for sequence in sequences:
        generator = np.random.default_rng(seed)
        strokes = []
        for index in range(len(sequence)):
            if sequence.scribbles:
                given = sequence.scribble(index)
                strokes.append(np.full(FINE, -1, np.int8) if given is None else _shrunk_strokes(given))
                continue
            mask = sequence.load(index)[1]
            labels = np.full(FINE, -1, np.int8)
            if mask is not None:
                small = Image.fromarray(mask).resize(FINE[::-1], Image.Resampling.NEAREST)
                labels = scribble(np.asarray(small), generator)
            strokes.append(labels)
        both = torch.from_numpy(np.stack(strokes))[:, None]
        drawn[sequence.name], drawn[f"{sequence.name}-mirrored"] = both, both.flip(-1)
    return drawn


def _shrunk_strokes(labels: NDArray[np.int8]) -> NDArray[np.int8]:
    """Strokes (H, W) on FINE: a cell that a stroke crosses has its label, the object's where both do."""
    crossed = [_shrunk((labels == side).astype(np.float32), FINE, Image.Resampling.BOX) > 0 for side in (0, 1)]
    return np.where(crossed[1], 1, np.where(crossed[0], 0, -1)).astype(np.int8)


def _widest(size: tuple[int, int], points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """The largest window of SIZE's proportions with most fixations: left, top, right, bottom in pixels."""
    width, height = size
    scale = min(width / SIZE[1], height / SIZE[0])
    w, h = min(width, SIZE[1] * scale), min(height, SIZE[0] * scale)
    best = (-1, 0.0, 0.0)
    for share in np.linspace(0, 1, 9):
        x, y = share * max(0.0, width - w), share * max(0.0, height - h)
        count = int(((points[:, 0] >= x) & (points[:, 0] < x + w) & (points[:, 1] >= y) & (points[:, 1] < y + h)).sum())
        best = max(best, (count, x, y), key=lambda entry: entry[0])
    return best[1], best[2], best[1] + w, best[2] + h
