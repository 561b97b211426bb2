"""What an import looks like: scanpaths on an image, moving gaze samples and heat on a video with its sound."""

from __future__ import annotations

import colorsys
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sightline.errors import DataError
from sightline.files import WholeFile
from sightline.fixations import density
from sightline.gaze.geometry import FloatArray
from sightline.gaze.importing import ImportFolder
from sightline.gaze.maps import Sigma, by_frame
from sightline.gaze.stimulus import Stimulus
from sightline.progress import track
from sightline.results.overlay import Overlay
from sightline.types import Frame
from sightline.video import Source, VideoWriter, open_source

CROWD = 1 / 3  # heat is at its brightest where this share of the viewers looks at one point
NEAR_S = 0.05  # a sample further from a frame's time says nothing of where the viewer looked then
_SUPERSAMPLE = 3


def plot_gaze(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    sigma: str | None = None,
    subjects: list[str] | None = None,
    stimulus: str | Path | None = None,
) -> Path:
    """Draw an import: <folder>/scanpaths.png for an image, <folder>/gaze.mp4 for a video. Returns the file's path.

    sigma: of the heat, see maps.Sigma; default one degree, or a twentieth of the height where degrees are not known.
    subjects: only these. stimulus: the file, where it was moved. Raises SightlineError.
    """
    imported = ImportFolder.open(folder)
    watched = imported.stimulus(stimulus)
    fixations = imported.fixations()
    names = fixations["subject"].unique().sort().to_list()
    unknown = [name for name in subjects or [] if name not in names]
    if unknown:
        raise DataError(f"{folder}: no subject {', '.join(unknown)}; it has {', '.join(names)}")
    chosen = subjects or names
    fixations = fixations.filter(pl.col("subject").is_in(chosen))
    colours = dict(zip(names, _palette(len(names)), strict=True))
    sigma_px = _sigma_px(imported, watched, sigma)
    target = Path(out) if out is not None else imported.path / ("scanpaths.png" if watched.is_image else "gaze.mp4")
    with open_source(watched.path) as source:
        _require_size(source, watched)
        if watched.is_image:
            picture = next(iter(source)).image
            drawn = _scanpaths(picture, fixations, sigma_px, {name: colours[name] for name in chosen})
            with WholeFile(target) as partial:
                drawn.save(partial, "PNG")
        else:
            points = {name: _points(imported, fixations, name, watched.frame_times_s) for name in chosen}
            _video(source, target, fixations, watched, sigma_px, points, colours)
    return target


def _sigma_px(imported: ImportFolder, watched: Stimulus, sigma: str | None) -> tuple[float, float]:
    if sigma is None and imported.px_per_degree is None:
        return watched.size[0] / 20, watched.size[0] / 20
    return Sigma.parse(sigma or "1deg").pixels(imported.px_per_degree)


def _require_size(source: Source, watched: Stimulus) -> None:
    if source.size != watched.size:
        (h, w), (sh, sw) = source.size, watched.size
        raise DataError(f"{source.path}: {w}x{h}, but the recordings were imported onto {sw}x{sh}; give that stimulus")


def _heat(xy: FloatArray, size: tuple[int, int], sigma_px: tuple[float, float], viewers: int) -> NDArray[np.float32]:
    """Density relative to what CROWD of the viewers at one point would make: comparable from frame to frame."""
    single = 1 / (2 * np.pi * sigma_px[0] * sigma_px[1])
    heat: NDArray[np.float32] = density(xy, size, sigma_px) / np.float32(single * max(1.0, CROWD * viewers))
    return heat.clip(0, 1)


def _video(
    source: Source,
    target: Path,
    fixations: pl.DataFrame,
    watched: Stimulus,
    sigma_px: tuple[float, float],
    points: dict[str, FloatArray],
    colours: dict[str, tuple[int, int, int]],
) -> None:
    overlay = Overlay(source.size)
    radius = max(3.0, source.size[0] / 72)
    known = by_frame(fixations, watched)
    with VideoWriter.like(target, source) as writer:
        for frame in track(source, "Drawing", len(watched.frame_times_s)):
            gaze = next(known, None)
            if gaze is None:
                raise DataError(
                    f"{source.path}: more than the {len(watched.frame_times_s)} frames that the recordings were "
                    "imported onto; give that stimulus, or import again"
                )
            heat = _heat(gaze.xy, watched.size, sigma_px, len(points))
            image = overlay.draw(Frame(frame.index, frame.time_s, frame.image, heat))
            for name, at in points.items():
                _dot(image, at[frame.index], radius, colours[name])
            writer.write(image, frame.pts)


def _points(imported: ImportFolder, fixations: pl.DataFrame, subject: str, frame_times_s: FloatArray) -> FloatArray:
    """(T, 2) where a viewer looks in the middle of each frame's time on screen; NaN where that is not known.

    That is the nearest gaze sample, or the fixation that goes on where the recording has fixations alone.
    """
    middle = frame_times_s + (np.median(np.diff(frame_times_s)) / 2 if len(frame_times_s) > 1 else 0.0)
    samples = imported.samples(subject)
    if len(samples):
        return _nearest(samples["time_s"].to_numpy(), samples.select("x_px", "y_px").to_numpy(), middle)
    own = fixations.filter(pl.col("subject") == subject).sort("onset_s")
    onset, xy = own["onset_s"].to_numpy(), own.select("x_px", "y_px").to_numpy()
    latest = np.maximum(np.searchsorted(onset, middle, side="right") - 1, 0)
    going_on = (onset[latest] <= middle) & (middle < (onset + own["duration_s"].to_numpy())[latest])
    return np.where(going_on[:, None], xy[latest], np.nan)


def _nearest(time_s: FloatArray, xy: FloatArray, at_s: FloatArray) -> FloatArray:
    """The (N, 2) positions of the samples nearest in time; NaN where none is near."""
    after = np.clip(np.searchsorted(time_s, at_s), 1, max(1, len(time_s) - 1))
    after = np.minimum(after, len(time_s) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(at_s - time_s[before] < time_s[after] - at_s, before, after)
    return np.where(np.abs(time_s[nearest] - at_s)[:, None] <= NEAR_S, xy[nearest], np.nan)


def _dot(image: NDArray[np.uint8], at: FloatArray, radius: float, colour: tuple[int, int, int]) -> None:
    """A filled disc with a white rim, anti-aliased, blended into `image` in place."""
    if np.isnan(at).any():
        return
    reach = int(radius) + 2
    x, y = float(at[0]) - 0.5, float(at[1]) - 0.5
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    patch = image[top : int(y) + reach + 1, left : int(x) + reach + 1]
    if x < -reach or y < -reach or not patch.size:
        return
    rows, columns = np.ogrid[top : top + patch.shape[0], left : left + patch.shape[1]]
    distance = np.hypot(rows - y, columns - x)
    whole = np.clip(radius + 0.5 - distance, 0, 1)[..., None]
    core = np.clip(0.72 * radius + 0.5 - distance, 0, 1)[..., None]
    paint = 255 + core * (np.array(colour) - 255)
    patch[:] = np.rint(patch + 0.9 * whole * (paint - patch))


def _scanpaths(
    picture: NDArray[np.uint8],
    fixations: pl.DataFrame,
    sigma_px: tuple[float, float],
    colours: dict[str, tuple[int, int, int]],
) -> Image.Image:
    """Heat, and for each viewer a line through discs whose area is the fixation's duration, numbered for a few viewers.

    No disc is smaller than its number.
    """
    height, width = picture.shape[:2]
    heat = density(fixations.select("x_px", "y_px").to_numpy(), (height, width), sigma_px)
    heat /= max(float(heat.max()), 1e-9)
    image = Image.fromarray(Overlay((height, width)).draw(Frame(0, 0.0, picture, heat))).convert("RGBA")
    layer = Image.new("RGBA", (width * _SUPERSAMPLE, height * _SUPERSAMPLE))
    draw = ImageDraw.Draw(layer)
    unit = _SUPERSAMPLE * max(1.0, height / 480)
    numbered = len(colours) <= 3
    least = unit * (7.5 if numbered else 3)
    for name, colour in colours.items():
        path = fixations.filter(pl.col("subject") == name).sort("onset_s")
        points = (path.select("x_px", "y_px").to_numpy() * _SUPERSAMPLE).tolist()
        for a, b in pairwise(points):
            draw.line((*a, *b), fill=(*colour, 190), width=round(1.6 * unit))
        for number, ((x, y), duration) in enumerate(zip(points, path["duration_s"], strict=True), start=1):
            r = max(least, unit * 9 * np.sqrt(min(duration, 2.0) / 0.25))
            draw.ellipse((x - r, y - r, x + r, y + r), (*colour, 150), (255, 255, 255, 230), round(1.2 * unit))
            if numbered:
                draw.text((x, y), str(number), fill=(255, 255, 255, 255), anchor="mm", font_size=round(11 * unit))
    return Image.alpha_composite(image, layer.resize((width, height), Image.Resampling.BOX)).convert("RGB")


def _palette(count: int) -> list[tuple[int, int, int]]:
    """Colours as far apart as their number allows: hues all around, neighbours of them light and dark in turn."""
    hues = np.arange(count) / max(1, count)
    tones = [(hue, (0.42, 0.62)[k % 2], 0.9) for k, hue in enumerate(hues)]
    return [tuple(round(255 * c) for c in colorsys.hls_to_rgb(*tone)) for tone in tones]  # type: ignore[misc]
