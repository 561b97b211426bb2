"""From packets to pictures in order: past what is broken, without combs, each with a stamp."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
from av.codec.context import Flags

from sightline.video.container import packets

_TRIES = 100  # failed reads in a row after which the rest of a file is given up
_WAITING = 8  # pictures without a stamp that are held until one with a stamp comes
_JOINT_S = Fraction(1)  # stamps that step back by more belong to another recording, joined to the one before


class EndLost(Exception):
    """The pictures that a decoder with several threads still held at the end are lost with a broken one among them."""


class Troubles:
    """What goes wrong while a video is decoded, told in notes: each kind in one, with its number and first time.

    note: takes (text, what it is about). time_base: seconds of a tick.
    """

    def __init__(self, note: Callable[[str, str], None], time_base: Fraction) -> None:
        self._note, self._time_base = note, time_base
        self._seen: dict[str, tuple[set[int | None], str]] = {}
        self._start: int | None = None
        self._last: int | None = None

    def passed(self, stamp: int | None, earliest: int | None, step: int) -> None:
        """A picture with `stamp` is decoded; the earliest packet so far had the stamp `earliest`."""
        if self._start is None and stamp is not None:
            self._start = stamp
            if earliest is not None and stamp - earliest >= step:
                late_s = float((stamp - earliest) * self._time_base)
                self._note(f"its first {late_s:.3f} s cannot be decoded; time 0 is the first frame after them", "start")
        self._last = stamp

    def lost(self, stamp: int | None) -> None:
        self._tell("lost", stamp, "cannot be decoded and left out")

    def damaged(self, stamp: int | None) -> None:
        self._tell("damaged", stamp, "shown with damaged parts")

    def broke_off(self, error: av.FFmpegError) -> None:
        self._note(f"cannot be read on{self._where(self._last)} ({error.strerror}); what comes before is done", "end")

    def _tell(self, kind: str, stamp: int | None, what: str) -> None:
        stamps, where = self._seen.setdefault(kind, (set(), self._where(self._last if stamp is None else stamp)))
        stamps.add(stamp)
        few = f"1 frame{where}" if len(stamps) == 1 else f"{len(stamps)} frames, the first{where},"
        self._note(f"{few} {what}", kind)

    def _where(self, stamp: int | None) -> str:
        if self._start is None or stamp is None:
            return " at its start"
        return f" near {float((stamp - self._start) * self._time_base):.3f} s"


def decode(
    container: av.container.InputContainer, stream: av.VideoStream, step: int, troubles: Troubles
) -> Iterator[av.VideoFrame]:
    """All pictures that can be decoded; after the first one also those with damaged parts, as the ffmpeg command does.

    step: ticks between pictures. Raises EndLost where the last ones have to be decoded again, on one thread.
    """
    has_pts = container.format.name != "avi"  # which knows no order of presentation: its pts are of the coded order
    failures = 0
    last = 0
    earliest: int | None = None
    newest: int | None = None
    while True:
        try:
            for packet in packets(container, stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    frames = []
                    if packet.size:
                        troubles.lost(packet.pts if packet.pts is not None else packet.dts)
                if has_pts and packet.pts is not None and not packet.is_discard:
                    earliest = packet.pts if earliest is None else min(earliest, packet.pts)
                    newest = packet.pts if newest is None else max(newest, packet.pts)
                failures = 0
                for frame in frames:
                    stream.codec_context.flags |= Flags.output_corrupt
                    frame.pts = frame.pts if has_pts else frame.dts
                    stamp = stamp_of(frame)
                    troubles.passed(stamp, earliest, step)
                    if frame.is_corrupt:
                        troubles.damaged(stamp)
                    last = last if stamp is None else stamp
                    yield frame
            break
        except av.FFmpegError as error:
            failures += 1
            if failures == _TRIES:
                troubles.broke_off(error)
                return
    if newest is not None and 2 * (newest - last) > step:
        if stream.codec_context.thread_type.name != "NONE":
            raise EndLost
        troubles.lost(newest)


def stamp_of(frame: av.VideoFrame) -> int | None:
    """The stamp that a picture carries, if it carries one."""
    return frame.pts if frame.pts is not None else frame.dts


def deinterlace(
    frames: Iterator[av.VideoFrame], time_base: Fraction, found: Callable[[], None]
) -> Iterator[av.VideoFrame]:
    """Interlaced pictures become whole ones, one for one, by libavfilter's bwdif; others pass. Stamps in `time_base`.

    found: is called at the first interlaced picture.
    """
    graph: av.filter.Graph | None = None
    layout: tuple[int, int, str] | None = None
    for frame in frames:
        shape = (frame.width, frame.height, frame.format.name)
        if graph is not None and shape != layout:
            yield from _filter(graph, None, time_base)
            graph = None
        if graph is None and frame.interlaced_frame:
            found()
            graph, layout = _bwdif(frame, time_base), shape
        if graph is None:
            yield frame
        else:
            yield from _filter(graph, frame, time_base)
    if graph is not None:
        yield from _filter(graph, None, time_base)


def _bwdif(frame: av.VideoFrame, time_base: Fraction) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add(
            "buffer",
            video_size=f"{frame.width}x{frame.height}",
            pix_fmt=frame.format.name,
            time_base=str(time_base),
            colorspace=str(frame.colorspace),
            range=str(frame.color_range),
        ),
        graph.add("bwdif", mode="send_frame", deint="interlaced"),
        graph.add("buffersink"),
    ).configure()
    return graph


def _filter(graph: av.filter.Graph, frame: av.VideoFrame | None, time_base: Fraction) -> Iterator[av.VideoFrame]:
    graph.push(frame)
    while True:
        try:
            whole = graph.pull()
        except (av.BlockingIOError, av.EOFError):  # it waits for the next one, or there is none
            return
        if whole.pts is not None:
            whole.pts = round(whole.pts * whole.time_base / time_base)
        yield whole


def stamped(frames: Iterator[av.VideoFrame], time_base: Fraction, step: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """(pts, picture), with rising stamps.

    Missing stamps lie evenly between the true ones around them; before the first and after the last one they are `step`
    ticks apart. Where stamps start again, as in joined recordings, they go on after the last one.
    """
    waiting: list[av.VideoFrame] = []
    last: int | None = None
    shift = 0
    for frame in frames:
        stamp = stamp_of(frame)
        waiting.append(frame)
        if stamp is None:
            if len(waiting) > _WAITING:
                last = 0 if last is None else last + step
                yield last, waiting.pop(0)
            continue
        stamp += shift
        if last is None:
            last = stamp - step * len(waiting)
        elif stamp <= last:
            follows = last + step * len(waiting)
            if last - stamp > _JOINT_S / time_base:
                shift += follows - stamp
            stamp = follows
        for number, held in enumerate(waiting, 1):
            yield last + max(number, (stamp - last) * number // len(waiting)), held
        last = max(stamp, last + len(waiting))
        waiting.clear()
    for held in waiting:
        last = 0 if last is None else last + step
        yield last, held
