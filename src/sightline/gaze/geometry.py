"""Where things are: the screen in pixels and centimetres, the eye before it, the stimulus on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Screen:
    """A flat screen seen straight on.

    A pinhole camera of focal length f px is the same geometry with one centimetre a pixel and an eye at f
    centimetres: `Screen.of_camera`.

    Attributes
    ----------
    size_px : (height, width)
        In pixels.
    size_cm : (height, width) or None
        In centimetres; None where it is not known.
    distance_cm : float or None
        From the eye to the screen's middle; None where it is not known.

    Raises
    ------
    UsageError
        If a size or the distance is not positive.

    Examples
    --------
    >>> screen = Screen((1080, 1920), (29.8, 53.0), 60.0)
    >>> [round(pixels, 1) for pixels in screen.px_per_degree]
    [37.9, 38.0]
    >>> screen.degrees(np.array([[959.5, 539.5]])).tolist()
    [[0.0, 0.0]]
    """

    size_px: tuple[int, int]
    size_cm: tuple[float, float] | None = None
    distance_cm: float | None = None

    def __post_init__(self) -> None:
        for name, values in (
            ("size_px", self.size_px),
            ("size_cm", self.size_cm or ()),
            ("distance_cm", () if self.distance_cm is None else (self.distance_cm,)),
        ):
            for value in values:
                if not value > 0:
                    raise UsageError(f"screen {name} is {getattr(self, name)}; positive numbers are expected")

    @classmethod
    def of_camera(cls, size_px: tuple[int, int], focal_px: tuple[float, float]) -> Screen:
        """The picture plane of a camera without lens distortion; size_px: (height, width), focal_px: (fx, fy)."""
        (height, width), (fx, fy) = size_px, focal_px
        return cls(size_px, (height * fx / fy, float(width)), fx)

    @property
    def has_degrees(self) -> bool:
        """Whether pixels can be turned into degrees of visual angle."""
        return self.size_cm is not None and self.distance_cm is not None

    def degrees(self, xy_px: FloatArray) -> FloatArray:
        """(N, 2) screen pixels to degrees of visual angle from the screen's centre (right and down are positive).

        pymovements' pix2deg: atan(pixels from the centre / distance in pixels), axis by axis. NaN stays NaN.
        Raises UsageError where size or distance are unknown.
        """
        from pymovements.transforms.numpy import pix2deg

        size_cm, distance_cm = self._measures()
        degrees: FloatArray = pix2deg(xy_px, self.size_px[::-1], size_cm[::-1], distance_cm, "upper left")
        return degrees

    def pixels(self, xy_deg: FloatArray) -> FloatArray:
        """(N, 2) degrees of visual angle to screen pixels: the inverse of `degrees`."""
        centre = (np.array(self.size_px[::-1]) - 1) / 2
        return np.tan(np.radians(xy_deg)) * self._distance_px() + centre

    @property
    def px_per_degree(self) -> tuple[float, float]:
        """Pixels across one degree at the screen's centre, horizontally and vertically."""
        across = self._distance_px() * np.tan(np.radians(1.0))
        return float(across[0]), float(across[1])

    def _distance_px(self) -> FloatArray:
        """The eye's distance in pixels, counted across and down."""
        size_cm, distance_cm = self._measures()
        return distance_cm * np.array(self.size_px[::-1]) / size_cm[::-1]

    def _measures(self) -> tuple[tuple[float, float], float]:
        if self.size_cm is None or self.distance_cm is None:
            raise UsageError(
                "degrees of visual angle need the screen's size and distance: give `screen_cm` and `distance_cm`"
            )
        return self.size_cm, self.distance_cm


@dataclass(frozen=True, slots=True)
class Placement:
    """The rectangle that the stimulus filled on the screen.

    Attributes
    ----------
    x, y : float
        Its top-left corner in screen pixels.
    width, height : float
        Its size in screen pixels.
    stimulus_size : (height, width)
        The stimulus's own, in pixels.

    Examples
    --------
    A video of 640 x 360 on a screen of 1440 x 900 is 2.25 times as large, with 45 px of black above and below.

    >>> placed = Placement.fit((900, 1440), (360, 640))
    >>> placed.bars, placed.y
    ('letterbox', 45.0)
    >>> placed.to_stimulus(np.array([[720.0, 450.0]])).tolist()
    [[320.0, 180.0]]
    """

    x: float
    y: float
    width: float
    height: float
    stimulus_size: tuple[int, int]

    @classmethod
    def fit(cls, screen_size: tuple[int, int], stimulus_size: tuple[int, int]) -> Placement:
        """As large as the screen allows, in the middle: letterboxed or pillarboxed as the sizes demand."""
        scale = min(screen_size[0] / stimulus_size[0], screen_size[1] / stimulus_size[1])
        return cls._centred(screen_size, stimulus_size, scale)

    @classmethod
    def native(cls, screen_size: tuple[int, int], stimulus_size: tuple[int, int]) -> Placement:
        """One stimulus pixel a screen pixel, in the middle."""
        return cls._centred(screen_size, stimulus_size, 1.0)

    @classmethod
    def parse(cls, text: str, screen_size: tuple[int, int], stimulus_size: tuple[int, int]) -> Placement:
        """From "fit", "native" or "X,Y,WIDTH,HEIGHT" in screen pixels. Raises UsageError for anything else.

        Sizes are (height, width).
        """
        if text == "fit":
            return cls.fit(screen_size, stimulus_size)
        if text == "native":
            return cls.native(screen_size, stimulus_size)
        try:
            x, y, width, height = (float(part) for part in text.split(","))
        except ValueError:
            raise UsageError(f"`placement` {text!r}: fit, native or X,Y,WIDTH,HEIGHT in screen pixels") from None
        if not (np.isfinite([x, y, width, height]).all() and width > 0 and height > 0):
            raise UsageError(f"`placement` {text!r}: width and height must be positive")
        return cls(x, y, width, height, stimulus_size)

    @classmethod
    def _centred(cls, screen_size: tuple[int, int], stimulus_size: tuple[int, int], scale: float) -> Placement:
        height, width = stimulus_size[0] * scale, stimulus_size[1] * scale
        return cls((screen_size[1] - width) / 2, (screen_size[0] - height) / 2, width, height, stimulus_size)

    @property
    def scale(self) -> tuple[float, float]:
        """Stimulus pixels for each screen pixel, horizontally and vertically."""
        return self.stimulus_size[1] / self.width, self.stimulus_size[0] / self.height

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


def contradictions(said: dict[str, tuple[Any, Any]]) -> list[str]:
    """Where a file says something else than the user gave, in words; both (numbers or tuples) under one name.

    Pairs are sizes, (height, width). None on either side says nothing; lengths in cm may differ by 2 %.
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
    # People write the width of a size first.
    return "x".join(f"{v:g}" for v in value[::-1]) if len(value) == 2 else ",".join(f"{v:g}" for v in value)
