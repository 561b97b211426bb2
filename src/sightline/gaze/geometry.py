"""Where things are: the screen in pixels and centimetres, the eye before it, the stimulus on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Screen:
    """A flat screen seen straight on. width_cm, height_cm and distance_cm are None where they are not known.

    A pinhole camera of focal length f px is the same geometry with one centimetre a pixel and an eye at f
    centimetres: `Screen.of_camera`.
    """

    width_px: int
    height_px: int
    width_cm: float | None = None
    height_cm: float | None = None
    distance_cm: float | None = None

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px", "width_cm", "height_cm", "distance_cm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"screen {name} is {value}; a positive number is expected")

    @classmethod
    def of_camera(cls, width_px: int, height_px: int, focal_px: tuple[float, float]) -> Screen:
        """The picture plane of a camera without lens distortion; focal_px: (fx, fy)."""
        fx, fy = focal_px
        return cls(width_px, height_px, float(width_px), height_px * fx / fy, fx)

    @property
    def has_degrees(self) -> bool:
        """Whether pixels can be turned into degrees of visual angle."""
        return None not in (self.width_cm, self.height_cm, self.distance_cm)

    def degrees(self, xy_px: FloatArray) -> FloatArray:
        """(N, 2) screen pixels to degrees of visual angle from the screen's centre (right and down are positive).

        pymovements' pix2deg: atan(pixels from the centre / distance in pixels), axis by axis. NaN stays NaN.
        Raises UsageError where size or distance are unknown.
        """
        from pymovements.transforms.numpy import pix2deg

        width_cm, height_cm, distance_cm = self._measures()
        degrees: FloatArray = pix2deg(
            xy_px, (self.width_px, self.height_px), (width_cm, height_cm), distance_cm, "upper left"
        )
        return degrees

    def pixels(self, xy_deg: FloatArray) -> FloatArray:
        """(N, 2) degrees of visual angle to screen pixels: the inverse of `degrees`."""
        centre = (np.array([self.width_px, self.height_px]) - 1) / 2
        return np.tan(np.radians(xy_deg)) * self._distance_px() + centre

    @property
    def px_per_degree(self) -> tuple[float, float]:
        """Pixels across one degree at the screen's centre, horizontally and vertically."""
        across = self._distance_px() * np.tan(np.radians(1.0))
        return float(across[0]), float(across[1])

    def _distance_px(self) -> FloatArray:
        width_cm, height_cm, distance_cm = self._measures()
        return distance_cm * np.array([self.width_px / width_cm, self.height_px / height_cm])

    def _measures(self) -> tuple[float, float, float]:
        if self.width_cm is None or self.height_cm is None or self.distance_cm is None:
            raise UsageError(
                "degrees of visual angle need the screen's size and distance: give --screen-cm WxH and --distance-cm D"
            )
        return self.width_cm, self.height_cm, self.distance_cm


@dataclass(frozen=True, slots=True)
class Placement:
    """The rectangle that the stimulus filled on the screen (screen pixels), and the stimulus's own size in pixels."""

    x: float
    y: float
    width: float
    height: float
    stimulus_px: tuple[int, int]

    @classmethod
    def fit(cls, screen_px: tuple[int, int], stimulus_px: tuple[int, int]) -> Placement:
        """As large as the screen allows, in the middle: letterboxed or pillarboxed as the sizes demand."""
        scale = min(screen_px[0] / stimulus_px[0], screen_px[1] / stimulus_px[1])
        return cls._centred(screen_px, stimulus_px, scale)

    @classmethod
    def native(cls, screen_px: tuple[int, int], stimulus_px: tuple[int, int]) -> Placement:
        """One stimulus pixel a screen pixel, in the middle."""
        return cls._centred(screen_px, stimulus_px, 1.0)

    @classmethod
    def parse(cls, text: str, screen_px: tuple[int, int], stimulus_px: tuple[int, int]) -> Placement:
        """From "fit", "native" or "X,Y,WIDTH,HEIGHT" in screen pixels. Raises UsageError for anything else."""
        if text == "fit":
            return cls.fit(screen_px, stimulus_px)
        if text == "native":
            return cls.native(screen_px, stimulus_px)
        try:
            x, y, width, height = (float(part) for part in text.split(","))
        except ValueError:
            raise UsageError(f"--placement {text!r}: fit, native or X,Y,WIDTH,HEIGHT in screen pixels") from None
        if not (np.isfinite([x, y, width, height]).all() and width > 0 and height > 0):
            raise UsageError(f"--placement {text!r}: width and height must be positive")
        return cls(x, y, width, height, stimulus_px)

    @classmethod
    def _centred(cls, screen_px: tuple[int, int], stimulus_px: tuple[int, int], scale: float) -> Placement:
        width, height = stimulus_px[0] * scale, stimulus_px[1] * scale
        return cls((screen_px[0] - width) / 2, (screen_px[1] - height) / 2, width, height, stimulus_px)

    @property
    def scale(self) -> tuple[float, float]:
        """Stimulus pixels for each screen pixel, horizontally and vertically."""
        return self.stimulus_px[0] / self.width, self.stimulus_px[1] / self.height

    @property
    def bars(self) -> str:
        """How the stimulus sits on the screen, in one word."""
        if self.x < -0.5 or self.y < -0.5:
            return "cropped"
        if self.x > 0.5 and self.y > 0.5:
            return "windowed"
        return "letterbox" if self.y > 0.5 else "pillarbox" if self.x > 0.5 else "full screen"

    def to_stimulus(self, xy_screen: FloatArray) -> FloatArray:
        """(N, 2) screen pixels to stimulus pixels; points beside the stimulus fall outside of its size."""
        return (xy_screen - (self.x, self.y)) * self.scale

    def to_screen(self, xy_stimulus: FloatArray) -> FloatArray:
        """(N, 2) stimulus pixels to screen pixels: the inverse of `to_stimulus`."""
        return xy_stimulus / self.scale + (self.x, self.y)


def inside(xy: FloatArray, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of (N, 2) points lie in a picture of (width, height) pixels; NaN does not."""
    with np.errstate(invalid="ignore"):
        return (xy[:, 0] >= 0) & (xy[:, 1] >= 0) & (xy[:, 0] < size_px[0]) & (xy[:, 1] < size_px[1])


def parse_size(text: str, option: str) -> tuple[float, float]:
    """ "1440x900" or "40.8x25.5" to two positive numbers. Raises UsageError naming the option."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[xX×*,]\s*(\d+(?:\.\d+)?)\s*", text)
    if match is None or not (float(match[1]) > 0 and float(match[2]) > 0):
        raise UsageError(f"{option} {text!r}: WIDTHxHEIGHT is expected, as in 1440x900")
    return float(match[1]), float(match[2])


def contradictions(said: dict[str, tuple[Any, Any]]) -> list[str]:
    """Where a file says something else than the user gave, in words; both (numbers or tuples) under one name.

    None on either side says nothing; lengths in cm may differ by 2 %.
    """
    return [
        f"{name}: {_show(in_file)} in the file, {_show(given)} given"
        for name, (in_file, given) in said.items()
        if in_file is not None and given is not None and not _agree(name, in_file, given)
    ]


def _agree(name: str, a: Any, b: Any) -> bool:
    # Lengths are measured to a few percent; and experiments write the last pixel (1919) or the size (1920).
    in_pixels = "px" in name or "rectangle" in name
    return bool(np.allclose(a, b, rtol=0 if in_pixels else 0.02, atol=1 if in_pixels else 0))


def _show(value: Any) -> str:
    if not isinstance(value, tuple):
        return f"{value:g}"
    return ("x" if len(value) == 2 else ",").join(f"{v:g}" for v in value)
