"""The demo clip: a sailing boat on a mountain lake, rendered from nothing but a seed."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from sightline.progress import track
from sightline.video import VideoWriter

HEIGHT, WIDTH, FPS, SECONDS = 360, 640, 25, 7
HORIZON = 168
SOUND_RATE = 48000
_PAN = 220  # pixels that the nearest layer moves by
_SUN = np.array([255, 214, 160], np.float32)

Array = NDArray[np.float32]
Point = tuple[float, float]


def render_demo(path: str | Path, seed: int = 7) -> None:
    """Write the demo clip: 640x360, 25 frames/s, 7 s, H.264 with stereo sound; the same for the same seed.

    Raises OutputError where `path` cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.m4a"
        _write_sound(sound, np.random.default_rng(seed))
        with VideoWriter(path, (HEIGHT, WIDTH), FPS, sound=sound) as writer:
            for image in track(render_frames(seed), "Rendering the demo clip", FPS * SECONDS):
                writer.write(image)


def render_frames(seed: int = 7) -> Iterator[NDArray[np.uint8]]:
    """The clip's frames, (360, 640, 3) uint8 RGB."""
    rng = np.random.default_rng(seed)
    layers = [_sky(rng), *(_mountains(rng, depth) for depth in (0.0, 0.35, 0.7)), _shore(rng)]
    boat = _boat()
    waves = rng.uniform([0.5, -1, 0], [1, 1, 2 * np.pi], (7, 3)).astype(np.float32)
    vignette = 1 - 0.32 * np.hypot(*np.ogrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j])[..., None] ** 2.4 / 2
    vignette = vignette.astype(np.float32)
    for index in range(FPS * SECONDS):
        t = index / FPS
        pan = _PAN * _ease(index / (FPS * SECONDS - 1))
        image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for layer, speed in zip(layers, (0.08, 0.2, 0.35, 0.6, 1.0), strict=True):
            whole, part = divmod(pan * speed, 1)
            left = layer[:, int(whole) : int(whole) + WIDTH]
            seen = left + np.float32(part) * (layer[:, int(whole) + 1 : int(whole) + 1 + WIDTH] - left)
            image[:HORIZON] = image[:HORIZON] * (1 - seen[..., 3:]) + seen[..., :3]
        ripple = _add_water(image, waves, t, pan)
        picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
        _add_boat(picture, boat, ripple, t)
        grain = 2.2 * rng.standard_normal((HEIGHT, WIDTH, 1), np.float32)
        yield (np.asarray(picture) * vignette + grain).clip(0, 255).astype(np.uint8)


def _ease(x: float) -> float:
    return x * x * (3 - 2 * x)


def _noise(rng: np.random.Generator, height: int, width: int, slope: float, stretch: float = 1) -> Array:
    """Random clouds in [0, 1]: noise with a spectrum of 1 / f^slope, drawn out sideways by `stretch`."""
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.rfftfreq(width) * stretch, indexing="ij")
    spectrum = np.fft.rfft2(rng.normal(size=(height, width))) / (np.hypot(fy, fx) + 2 / width) ** slope
    field = np.fft.irfft2(spectrum, (height, width))
    low, high = np.quantile(field, (0.01, 0.99))
    return ((field - low) / (high - low)).clip(0, 1).astype(np.float32)


def _layer(colour: NDArray[np.floating], alpha: Array) -> Array:
    """RGB premultiplied by alpha, and alpha, (H, W, 4)."""
    alpha = alpha.clip(0, 1)[..., None]
    return np.concatenate([colour.clip(0, 255) * alpha, alpha], axis=2, dtype=np.float32)


def _sky(rng: np.random.Generator) -> Array:
    width = WIDTH + _PAN + 1
    up = np.linspace(1, 0, HORIZON, dtype=np.float32)[:, None, None]
    colour = (1 - up) * np.array([250, 214, 178]) + up * np.array([96, 152, 206])
    clouds = np.clip(_noise(rng, HORIZON, width, 1.75, 2.5) * 1.8 - 0.7, 0, 1)[..., None] * (0.25 + 0.75 * up)
    lit = np.array([255, 248, 240]) - 26 * np.roll(clouds, 5, axis=0)
    return _layer(colour * (1 - clouds) + lit * clouds, np.ones((HORIZON, width), np.float32))


def _mountains(rng: np.random.Generator, depth: float) -> Array:
    """A range; depth 0 is far and pale, 1 near and dark."""
    width = WIDTH + _PAN + 1
    ridge = _noise(rng, 2, width, 1.4)[0]
    top = HORIZON - (30 + 85 * (1 - depth) * ridge + 26 * depth * ridge)
    y = np.arange(HORIZON, dtype=np.float32)[:, None]
    rock = _noise(rng, HORIZON, width, 1.7, 0.8)
    light = 0.88 + np.clip(9 * (np.roll(rock, 2, axis=1) - rock), -0.3, 0.25) + 0.25 * (rock - 0.5)
    colour = (1 - depth) * np.array([142, 160, 190]) + depth * np.array([58, 84, 72])
    snow = np.clip((top + 16 + 14 * rock - y) / 8, 0, 1)[..., None] * (1 - 1.6 * depth)
    colour = light[..., None] * (colour * (1 - snow.clip(0, 1)) + 238 * snow.clip(0, 1))
    haze = np.clip((y - top) / (HORIZON - top), 0, 1)[..., None] * 0.55 * (1 - depth)
    return _layer(colour * (1 - haze) + np.array([232, 208, 190]) * haze, y - top + 0.5)


def _shore(rng: np.random.Generator) -> Array:
    """A dark line of trees along the far bank."""
    width = WIDTH + _PAN + 1
    crowns = _noise(rng, 2, width, 0.7)[0] * 9 + 9 * _noise(rng, 2, width, 1.5)[1]
    y = np.arange(HORIZON, dtype=np.float32)[:, None]
    leaves = _noise(rng, HORIZON, width, 0.6)[..., None]
    colour = (0.45 + 0.9 * leaves) * np.array([44, 66, 44])
    return _layer(colour, y - (HORIZON - 4 - crowns))


def _add_water(image: Array, waves: Array, t: float, pan: float) -> Array:
    """Fill `image` below the horizon with its rippled mirror image; returns the ripples, (rows, W), about -1..1."""
    rows = np.arange(HORIZON, HEIGHT, dtype=np.float32)
    nearness = ((rows - HORIZON + 2) / (HEIGHT - HORIZON))[:, None]
    x = (np.arange(WIDTH, dtype=np.float32) - WIDTH / 2 + pan)[None] / nearness / 60
    z = 14 / nearness
    ripple = np.zeros((len(rows), WIDTH), np.float32)
    for number, (a, b, phase) in enumerate(waves):
        ripple += np.sin((number + 1.5) * (0.55 * b * x + a * z) + phase + (2 + number) * t) / (number + 2.2)
    amount = ripple * nearness
    source_y = (HORIZON - 2 - 0.8 * (rows[:, None] - HORIZON) + 14 * amount).clip(0, HORIZON - 1).astype(int)
    source_x = (np.arange(WIDTH) + 9 * amount).clip(0, WIDTH - 1).astype(int)
    mirror = image[source_y, source_x]
    deep = np.array([24, 70, 92], np.float32)
    share = (0.30 + 0.32 * nearness + 0.16 * ripple).clip(0, 0.85)[..., None]
    glint = np.clip(ripple - 0.72, 0, 1)[..., None] * 1.3 * np.exp(-(((np.arange(WIDTH) - 500) / 190) ** 2))[:, None]
    image[HORIZON:] = mirror * (1 - share) + deep * share + _SUN * glint
    return ripple


def _curve(a: Point, b: Point, c: Point) -> list[Point]:
    """A quadratic Bezier curve from a to c."""
    return [
        ((1 - s) ** 2 * a[0] + 2 * s * (1 - s) * b[0] + s * s * c[0],
         (1 - s) ** 2 * a[1] + 2 * s * (1 - s) * b[1] + s * s * c[1])
        for s in np.linspace(0, 1, 24)
    ]  # fmt: skip


def _boat() -> Image.Image:
    """The boat with its sailor, (320, 280) RGBA; its waterline is the lower border."""
    size = (560, 640)
    boat = Image.new("RGBA", size)

    def shape(outline: list[Point], dark: tuple[int, int, int], light: tuple[int, int, int], angle: float) -> None:
        """A polygon whose colour runs from `dark` to `light` along `angle`."""
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        x0, y0, x1, y1 = mask.getbbox() or (0, 0, 1, 1)
        y, x = np.mgrid[: size[1], : size[0]]
        along = (x - x0) / (x1 - x0) * math.cos(angle) + (y - y0) / (y1 - y0) * math.sin(angle)
        along = ((along - along[y0:y1, x0:x1].min()) / np.ptp(along[y0:y1, x0:x1])).clip(0, 1)[..., None]
        colour = np.array(dark) * (1 - along) + np.array(light) * along
        boat.paste(Image.fromarray(colour.astype(np.uint8)), (0, 0), mask.filter(ImageFilter.GaussianBlur(0.8)))

    mast = 262.0
    main = [(mast + 8, 20.0), *_curve((mast + 8, 20), (470, 250), (486, 520)), (mast + 8, 532.0)]
    jib = [
        (mast - 10, 60.0),
        *_curve((mast - 10, 60), (150, 330), (46, 552)),
        *_curve((46, 552), (150, 560), (230, 528)),
    ]
    shape(main, (196, 190, 186), (255, 252, 244), 0.4)
    for part in (0.3, 0.52, 0.74):  # seams of the sail
        y = 20 + part * 512
        ImageDraw.Draw(boat).line([(mast + 10, y + 6), (mast + 6 + 214 * part**0.75, y)], (170, 164, 160, 150), 2)
    shape(jib, (168, 36, 20), (250, 104, 44), -0.6)
    draw = ImageDraw.Draw(boat)
    draw.line([(mast, 8), (mast, 590)], (92, 66, 48, 255), 8)
    draw.line([(mast, 536), (492, 526)], (92, 66, 48, 255), 7)
    shape([(418, 602), *_curve((414, 600), (408, 536), (440, 532)), *_curve((440, 532), (474, 540), (470, 604))],
          (176, 126, 10), (250, 204, 50), 0.2)  # fmt: skip
    shape(_curve((424, 540), (400, 572), (360, 574)) + _curve((362, 586), (410, 590), (440, 560)),
          (186, 134, 12), (240, 190, 40), 0.2)  # fmt: skip
    draw.ellipse([424, 492, 460, 536], (224, 172, 138, 255))
    draw.chord([421, 488, 463, 530], 180, 360, (40, 52, 92, 255))
    deck = _curve((20, 572), (280, 612), (540, 584))
    shape([*deck, *_curve((520, 640), (300, 650), (110, 640)), *_curve((110, 640), (50, 616), (20, 572))],
          (70, 16, 24), (206, 44, 48), -0.9)  # fmt: skip
    draw.line(_curve((20, 572), (280, 612), (540, 584)), (246, 236, 220, 255), 7)
    return boat.transpose(Image.Transpose.FLIP_LEFT_RIGHT).reduce(2)


def _add_boat(picture: Image.Image, boat: Image.Image, ripple: Array, t: float) -> None:
    """Paste the boat, rocking, its mirror image and its wake."""
    height = 168 + 26 * _ease(t / SECONDS)
    size = (round(height * boat.width / boat.height), round(height))
    roll = 2.2 * math.sin(1.9 * t) + 1.1 * math.sin(3.1 * t + 1)
    x = 96 + 300 * _ease(t / SECONDS) + 3 * math.sin(1.3 * t)
    waterline = 262 + 10 * t / SECONDS + 1.6 * math.sin(2.3 * t)
    pivot = (boat.width / 2, boat.height)
    tilted = boat.rotate(roll, Image.Resampling.BICUBIC, center=pivot).resize(size, Image.Resampling.LANCZOS)

    rows = np.arange(size[1])
    below = np.asarray(tilted)[::-1].copy()
    depth = round(waterline) - HORIZON
    sway = ripple[np.minimum(rows + depth, len(ripple) - 1), round(x) + size[0] // 2] * (2 + 9 * rows / size[1])
    below = below[rows[:, None], (np.arange(size[0]) + sway[:, None]).clip(0, size[0] - 1).astype(int)]
    below[..., :3] = below[..., :3] * 0.55 + np.array([10, 38, 50])
    below[..., 3] = below[..., 3] * (0.5 - 0.42 * rows / size[1])[:, None]
    mirror = Image.fromarray(below)
    picture.paste(mirror, (round(x), round(waterline)), mirror)

    wake = Image.new("L", picture.size)
    draw = ImageDraw.Draw(wake)
    for spread, strength in ((1.0, 70), (0.5, 110)):
        draw.polygon(
            [(x + 0.93 * size[0], waterline), (x - 190, waterline + 26 * spread), (x - 190, waterline - 5)],
            fill=strength,
        )
    foam = np.zeros((HEIGHT, WIDTH), np.float32)
    foam[HORIZON:] = (0.5 + ripple).clip(0, 1)
    wake = Image.fromarray((np.asarray(wake.filter(ImageFilter.GaussianBlur(3))) * foam).astype(np.uint8))
    picture.paste((238, 244, 246), (0, 0), wake)
    picture.paste(tilted, (round(x), round(waterline) - size[1] + 3), tilted)


def _write_sound(path: Path, rng: np.random.Generator) -> None:
    """Waves that come and go, and two cries of a gull from the left and the right, as AAC."""
    n = SOUND_RATE * SECONDS
    t = np.arange(n) / SOUND_RATE
    spectrum = np.fft.rfft(rng.normal(size=(2, n))) / (np.fft.rfftfreq(n, 1 / SOUND_RATE) + 90) ** 0.9
    waves = np.fft.irfft(spectrum, n)
    waves *= 0.09 / waves.std() * (0.55 + 0.45 * np.sin(2 * np.pi * (0.31 * t + np.array([[0], [0.12]]))))
    for start, left in ((1.6, 0.8), (4.3, 0.3)):
        for number in range(3):
            s = t - start - 0.27 * number
            cry = np.where((s > 0) & (s < 0.2), np.sin(np.pi * s / 0.2) ** 2, 0)
            cry *= np.sin(2 * np.pi * (1500 * s - 1800 * s**2)) + 0.4 * np.sin(4 * np.pi * (1500 * s - 1800 * s**2))
            waves += 0.07 * cry * np.array([[left], [1 - left]])
    fade = np.minimum(1, np.minimum(t, SECONDS - t) / 0.4)
    samples = (waves * fade).clip(-1, 1).astype(np.float32)
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        for start in range(0, n, 1024):
            frame = av.AudioFrame.from_ndarray(samples[:, start : start + 1024], format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
