"""From a recording's own coordinates to the stimulus and to degrees, with every contradiction refused."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.errors import DataError, UsageError
from sightline.fixations import inside
from sightline.gaze.geometry import FloatArray, Placement, Screen, contradictions
from sightline.gaze.recording import Recording, Shown
from sightline.gaze.stimulus import Stimulus

WRONG_SCREEN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Setup:
    """What the user knows of the set-up; None where the file is asked, or nothing is known.

    Attributes
    ----------
    screen_px : (height, width) or None
        Of the screen, in pixels.
    screen_cm : (height, width) or None
        Of the screen, in centimetres.
    distance_cm : float or None
        From the eye to the screen.
    placement : str or None
        Where the stimulus was: "fit", "native" or "X,Y,WIDTH,HEIGHT" in screen pixels; see Placement.parse.
    rate_hz : float or None
        Samples a second, of files without times.
    focal_px : float or None
        The focal length of a scene camera, in pixels of its video.

    Raises
    ------
    UsageError
        If a distance, rate or focal length is not positive.

    Examples
    --------
    >>> Setup(screen_px=(1080, 1920), screen_cm=(29.8, 53.0), distance_cm=60.0).placement is None
    True
    """

    screen_px: tuple[int, int] | None = None
    screen_cm: tuple[float, float] | None = None
    distance_cm: float | None = None
    placement: str | None = None
    rate_hz: float | None = None
    focal_px: float | None = None

    def __post_init__(self) -> None:
        for option, value in (
            ("distance_cm", self.distance_cm),
            ("rate_hz", self.rate_hz),
            ("focal_px", self.focal_px),
        ):
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"`{option}` {value:g}: a positive number is expected")


@dataclass(frozen=True, slots=True)
class Viewing:
    """The screen (or the scene camera's picture plane) and the stimulus on it.

    on_display: of a recording in "display" space, that its positions are the screen's. notes: what was assumed.
    """

    screen: Screen
    placement: Placement
    on_display: bool = False
    notes: tuple[str, ...] = ()

    def screen_xy(self, recording: Recording, xy: FloatArray) -> FloatArray:
        """(N, 2) points in the recording's own space and unit to screen pixels."""
        if recording.space == "screen" or self.on_display:
            return xy * self.screen.size_px[::-1] if recording.unit == "norm" else xy
        size = np.array(self.placement.stimulus_size[::-1], dtype=np.float64)
        if recording.unit == "norm":
            return self.placement.to_screen(xy * size)
        shown = recording.declared.stimulus_px or self.placement.stimulus_size
        return self.placement.to_screen(xy * (size / shown[::-1]))

    def degrees(self, screen_xy: FloatArray) -> FloatArray | None:
        """(N, 2) screen pixels to degrees; None where the screen's size or distance are unknown."""
        return self.screen.degrees(screen_xy) if self.screen.has_degrees else None

    @property
    def stimulus_px_per_degree(self) -> tuple[float, float] | None:
        """Stimulus pixels across one degree at the centre, horizontally and vertically; None where unknown."""
        if not self.screen.has_degrees:
            return None
        (across, down), (sx, sy) = self.screen.px_per_degree, self.placement.scale
        return across * sx, down * sy


def resolve(recording: Recording, stimulus: Stimulus, given: Setup) -> Viewing:
    """Put together what the file and the user say of the geometry.

    Raises DataError listing every contradiction between them, UsageError where the screen's pixels are unknown.
    """
    conflicts = _conflicts(recording, stimulus, given)
    if conflicts:
        raise DataError(
            f"{recording.path} contradicts what was given: {'; '.join(conflicts)}; correct or drop those options"
        )
    said = recording.declared
    if recording.space == "scene":
        height, width = stimulus.size
        focal = _focal_px(recording, stimulus) or (given.focal_px and (given.focal_px, given.focal_px))
        screen = Screen.of_camera(stimulus.size, focal) if focal else Screen(stimulus.size)
        return Viewing(screen, Placement(0, 0, width, height, stimulus.size))
    screen_px = given.screen_px or said.screen_px
    if screen_px is None:
        if recording.space == "screen":
            raise UsageError(f"{recording.path}: the file does not say how large the screen is; give `screen_px`")
        screen_px = stimulus.shown_size
    screen = Screen(screen_px, given.screen_cm or said.screen_cm, given.distance_cm or said.distance_cm)
    display, notes = recording.space == "display", []
    on_display = display and (given.screen_px or said.screen_px) is not None
    if display and not on_display and recording.unit == "px":
        notes.append("positions are taken as pixels of the stimulus (or give `screen_px`)")
    rect = said.stimulus_rect
    if recording.shown and rect is None:
        shown = _shown(recording, stimulus)
        if shown is None:
            names = ", ".join(each.name for each in recording.shown)
            notes.append(f"the file says that {names} was shown, not {stimulus.path.name}")
        else:
            rect = _rect_of(shown, screen_px, stimulus)
    if given.placement is None and rect is not None:
        return Viewing(screen, Placement(*rect, stimulus.size), on_display, tuple(notes))
    return Viewing(screen, _place(given.placement or "fit", screen_px, stimulus), on_display, tuple(notes))


def _shown(recording: Recording, stimulus: Stimulus) -> Shown | None:
    """What the file says of the stimulus's place: of the picture called like it, last shown, else of the only one."""
    named = [shown for shown in recording.shown if stimulus.is_called(shown.name)]
    if named:
        return named[-1]
    return recording.shown[0] if len(recording.shown) == 1 else None


def _rect_of(shown: Shown, screen_px: tuple[int, int], stimulus: Stimulus) -> tuple[float, float, float, float]:
    """x, y, width and height in screen pixels."""
    height, width = shown.size or stimulus.shown_size
    if shown.how == "fill":
        return 0.0, 0.0, float(screen_px[1]), float(screen_px[0])
    if shown.how == "frame":
        # A player scales a video without saying so; where its corner is that of the fitted one, it did.
        fit = Placement.fit(screen_px, stimulus.shown_size)
        if shown.at is not None and np.allclose(shown.at, (fit.x, fit.y), atol=1):
            return fit.x, fit.y, fit.width, fit.height
    if shown.how == "center":
        x, y = shown.at or (screen_px[1] / 2, screen_px[0] / 2)
        return x - width / 2, y - height / 2, float(width), float(height)
    return *(shown.at or (0.0, 0.0)), float(width), float(height)


def _conflicts(recording: Recording, stimulus: Stimulus, given: Setup) -> list[str]:
    """Every contradiction between the file and what the user gave, in words."""
    said = recording.declared
    rate = 1 / recording.interval_s if len(recording.time_s) else said.rate_hz
    conflicts = []
    if said.stimulus_px is not None:
        # The stimulus may be a smaller copy of what was recorded, but not of another shape.
        (h, w), (sh, sw) = said.stimulus_px, stimulus.size
        if abs(w / h - sw / sh) > 0.02 * (sw / sh):
            conflicts.append(f"stimulus in px: {w}x{h} in the file, {sw}x{sh} in {stimulus.path.name}")
    if recording.space == "scene":
        options = {
            "`screen_px`": given.screen_px,
            "`screen_cm`": given.screen_cm,
            "`distance_cm`": given.distance_cm,
            "`placement`": given.placement,
        }
        useless = [option for option, value in options.items() if value is not None]
        if useless:
            conflicts.append(f"its positions are the scene camera's, not a screen's, but {', '.join(useless)} given")
        focal = _focal_px(recording, stimulus)
        return conflicts + contradictions(
            {
                "focal length in px": (focal and focal[0], given.focal_px),
                "rate in Hz": (rate, given.rate_hz),
            }
        )
    if given.focal_px is not None:
        conflicts.append("its positions are a screen's, not a scene camera's, but `focal_px` given")
    rect, screen_px, said_rect = None, given.screen_px or said.screen_px, said.stimulus_rect
    if screen_px is not None and said_rect is None and (shown := _shown(recording, stimulus)):
        said_rect = _rect_of(shown, screen_px, stimulus)
    if given.placement is not None and screen_px is not None:
        placed = Placement.parse(given.placement, screen_px, stimulus.shown_size)
        rect = (placed.x, placed.y, placed.width, placed.height)
    return conflicts + contradictions(
        {
            "screen in px": (said.screen_px, given.screen_px),
            "screen in cm": (said.screen_cm, given.screen_cm),
            "distance in cm": (said.distance_cm, given.distance_cm),
            "stimulus rectangle": (said_rect, rect),
            "rate in Hz": (rate, given.rate_hz),
        }
    )


def _focal_px(recording: Recording, stimulus: Stimulus) -> tuple[float, float] | None:
    """The scene camera's focal length by the file, in pixels of the video that was given; None where it is unknown."""
    said = recording.declared
    if said.focal_px is None:
        return None
    scale = stimulus.size[1] / (said.stimulus_px or stimulus.size)[1]
    return said.focal_px[0] * scale, said.focal_px[1] * scale


def _place(how: str, screen_px: tuple[int, int], stimulus: Stimulus) -> Placement:
    """Placement by the size as shown; its scale then leads to the pixels as stored."""
    shown = Placement.parse(how, screen_px, stimulus.shown_size)
    return Placement(shown.x, shown.y, shown.width, shown.height, stimulus.size)


def refuse_wrong_screen(recording: Recording, screen: Screen, screen_xy: FloatArray) -> None:
    """Raise DataError if most valid samples lie beside the screen: then it is another screen."""
    valid = screen_xy[~np.isnan(screen_xy).any(axis=1)]
    height, width = screen.size_px
    if not len(valid) or recording.space == "scene" or recording.mapped:
        return
    outside = 1 - inside(valid, screen.size_px).mean()
    if outside > WRONG_SCREEN_SHARE:
        (x0, y0), (x1, y1) = np.percentile(valid, [5, 95], axis=0)
        first = int((~inside(np.nan_to_num(screen_xy), screen.size_px)).argmax())
        raise DataError(
            f"{recording.place(first)}: {outside:.0%} of the valid samples lie beside the {width}x{height} screen, "
            f"this one the first (most in x {x0:.0f} to {x1:.0f}, y {y0:.0f} to {y1:.0f}); check "
            "`screen_px` and `format`"
        )
