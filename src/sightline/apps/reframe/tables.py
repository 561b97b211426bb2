"""A crop path as files: a table, commands for FFmpeg, an edit decision list and JSON for editors."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from sightline.apps.reframe.plan import Fit, Planned, Segment
from sightline.data.tables import read_rows

COLUMNS = ("frame", "time_s", "x_px", "y_px", "width_px", "height_px")
PATH, COMMANDS, EDL = "path.csv", "sendcmd.txt", "path.edl"


@dataclass(frozen=True)
class Row:
    """A line of path.csv: the crop of one frame, pixels of the source."""

    frame: int
    time_s: float
    x_px: float
    y_px: float
    width_px: float
    height_px: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        return self.x_px, self.y_px, self.x_px + self.width_px, self.y_px + self.height_px


class PathWriter:
    """Writes path.csv and sendcmd.txt into a folder, stretch by stretch; `segments` are all so far."""

    def __init__(self, folder: Path) -> None:
        self.segments: list[Segment] = []
        self.frames, self.first, self.last = 0, None, None  # type: int, Row | None, Row | None
        self._table = (folder / PATH).open("w", newline="", encoding="utf-8")
        self._commands = (folder / COMMANDS).open("w", encoding="utf-8")
        self._rows = csv.writer(self._table, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def add(self, planned: Planned) -> None:
        """The next stretch of frames."""
        for interest, region in zip(planned.interests, planned.regions.tolist(), strict=True):
            row = Row(interest.index, round(interest.time_s, 6), *(round(value, 2) for value in region))
            self._rows.writerow(
                (row.frame, f"{row.time_s:.6f}", *(f"{value:.2f}" for value in (row.x_px, row.y_px)),
                 *(f"{value:.2f}" for value in (row.width_px, row.height_px)))
            )  # fmt: skip
            self._command(row)
            self.frames, self.last = self.frames + 1, row
            self.first = self.first or row
        for segment in planned.segments:
            before = self.segments[-1] if self.segments else None
            if before is not None and not planned.interests[0].cut and segment.first == planned.interests[0].index:
                self.segments[-1] = joined(before, segment)  # a window that goes on
            else:
                self.segments.append(segment)

    def _command(self, row: Row) -> None:
        """What changes at a frame. A little before its time: FFmpeg compares with rounded stamps."""
        new = [round(value) for value in (row.width_px, row.height_px, row.x_px, row.y_px)]
        old = None
        if self.last is not None:
            last = self.last
            old = [round(value) for value in (last.width_px, last.height_px, last.x_px, last.y_px)]
        changed = [f"crop {name} {value}" for i, (name, value) in enumerate(zip("whxy", new, strict=True))
                   if old is None or old[i] != value]  # fmt: skip
        if changed:
            self._commands.write(f"{max(0.0, row.time_s - 0.002):.6f} {', '.join(changed)};\n")

    def close(self) -> None:
        """Finish both files."""
        self._table.close()
        self._commands.close()


def joined(before: Segment, after: Segment) -> Segment:
    """Two windows of one segment."""
    frames = before.last - before.first + 1, after.last - after.first + 1
    lost = (before.lost * frames[0] + after.lost * frames[1]) / sum(frames)
    motion = before.motion if before.motion == after.motion else "follow"
    return Segment(before.first, after.last, motion, lost)


def read_path(path: Path) -> Iterator[Row]:
    """The rows of a path.csv. Raises DataError."""
    for row in read_rows(path, COLUMNS):
        yield Row(int(row.number("frame")), *(row.number(name) for name in COLUMNS[1:]))


def write_edl(path: Path, title: str, name: str, fps: float, segments: list[Segment]) -> None:
    """A CMX 3600 list with one event a segment; source and record run alike.

    Timecodes count frames at the nearest whole rate, without drops. name: of the source's file.
    """
    rate = max(1, round(fps))
    lines = [f"TITLE: {title}", "FCM: NON-DROP FRAME", ""]
    for number, segment in enumerate(segments, start=1):
        begin, end = timecode(segment.first, rate), timecode(segment.last + 1, rate)
        lines += [
            f"{number:03d}  AX       V     C        {begin} {end} {begin} {end}",
            f"* FROM CLIP NAME: {name}",
            f"* CROP: {segment.motion}",
            "",
        ]
    path.write_text("\n".join(lines), encoding="utf-8")


def timecode(frame: int, rate: int) -> str:
    """Of a frame at a whole rate.

    >>> timecode(3661 * 25 + 7, 25)
    '01:01:01:07'
    """
    seconds, left = divmod(frame, rate)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{left:02d}"


def ffmpeg_command(source: str, canvas: tuple[int, int], first: Row, fit: Fit, sar: Fraction) -> str:
    """The command that makes the film with FFmpeg (from 5.1 on), run beside sendcmd.txt. canvas: (height, width).

    Every frame keeps its time: by itself FFmpeg repeats frames where a video's rate varies.
    """
    width, height = canvas[1], canvas[0]
    places = [f"{round(value)}" for value in (first.width_px, first.height_px, first.x_px, first.y_px)]
    scale = f"scale={width}:{height}"
    if fit != "crop":
        scale += f":force_original_aspect_ratio=decrease:eval=frame,pad={width}:{height}:-1:-1:eval=frame"
    chain = f"sendcmd=f={COMMANDS},crop={':'.join(places)}:exact=1,{scale},setsar={sar.numerator}/{sar.denominator}"
    return f"ffmpeg -i {shlex.quote(source)} -vf {shlex.quote(chain)} -fps_mode passthrough -c:a copy reframed.mp4"


def told(segments: list[Segment]) -> list[dict[str, Any]]:
    """Segments for JSON."""
    return [asdict(segment) | {"lost": round(segment.lost, 4)} for segment in segments]
