"""Speed and memory of `sightline predict` as a whole, beside its networks alone, in one run.

    python benchmarks/pipeline.py [VIDEO] [--model wcsnet] [--engine auto] [--frames 150] [--rounds 5] [--minutes 10]

Without VIDEO the demo clip is rendered. Rows are interleaved and the best of all rounds counts, so that a busy machine
slows all alike; CPU time, of all threads, is there for machines too busy even for that. The memory of a long video (the
clip over and over, --minutes long) is compared to that of 10 seconds, each in a process of its own; --minutes 0 leaves
that out.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import av
import numpy as np
from numpy.typing import NDArray

from sightline.nn.engine import Name, prefer
from sightline.types import Clip, Prompt, VideoFrame
from sightline.video import Source

if TYPE_CHECKING:
    from sightline.models.wcsnet.predictor import WCSNetPredictor

PRELOADED = "predictor on preloaded frames"

Speeds = dict[str, tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--model", default="wcsnet")
    parser.add_argument("--engine", choices=get_args(Name), default="auto", help="as of `predict`")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--peak-memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    prefer(options.engine)
    if options.peak_memory:
        print(peak_memory(options.model, options.video))
        return
    with tempfile.TemporaryDirectory() as folder:
        video = options.video or render(Path(folder) / "demo.mp4")
        print_speed(measure_speed(options.model, video, options.frames, options.rounds, Path(folder)))
        if options.minutes:
            compare_memory(options.model, video, 60 * options.minutes, Path(folder))


def render(path: Path) -> Path:
    from sightline.data.synthetic import render_demo

    render_demo(path)
    return path


class Preloaded(Clip):
    """Frames that are decoded already, with the sound of their source."""

    def __init__(self, source: Source, count: int) -> None:
        self.size, self.fps, self.source = source.size, source.fps, source
        self.held = list(islice(source, count))

    def frames(self) -> Iterator[VideoFrame]:
        return iter(self.held)

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        return self.source.sound(start_s, end_s, rate)


def measure_speed(model: str, video: Path, count: int, rounds: int, folder: Path) -> Speeds:
    """Seconds a frame of each row: by the clock, of CPU time."""
    from sightline import models
    from sightline.apps.predict import Run
    from sightline.models.wcsnet.predictor import WCSNetPredictor
    from sightline.results.outputs import choose
    from sightline.video import open_source

    predictor = models.load(model)

    def predict() -> None:
        run = Run(predictor, choose(predictor.gives, None, predictor.name), limit=count, overwrite=True)
        run.to_folder(video, folder / "results")

    with open_source(video) as source:
        clip = Preloaded(source, count)
        if isinstance(predictor, WCSNetPredictor):
            rows = tracking_rows(predictor, clip.held)
        else:
            rows = {PRELOADED: lambda: [None for _ in predictor.stream(clip, Prompt())]}
        return best_of({**rows, "whole pipeline": predict}, rounds, len(clip.held))


def tracking_rows(predictor: WCSNetPredictor, frames: list[VideoFrame]) -> dict[str, Callable[[], object]]:
    """What there is to measure inside of `wcsnet`."""
    from sightline.models.wcsnet.geometry import Crop

    tracker = predictor.tracker()
    tracker.start(frames[0].image)
    tracker.step(frames[1].image)
    eyes, kernels = tracker.eyes, tracker._kernels
    height, width = frames[0].image.shape[:2]
    search = Crop(width / 2, height / 2, height).take(frames[0].image, tracker.size)

    def network() -> None:
        for _ in frames:
            assert eyes.decoder is not None
            eyes.decoder(*eyes.encode(search), *kernels)

    def track() -> None:
        tracker.start(frames[0].image)
        for frame in frames[1:]:
            tracker.step(frame.image)

    return {
        "bare backbone": lambda: [eyes.encode(search) for _ in frames],
        "tracking network": network,
        "tracker on preloaded frames": track,
    }


def best_of(rows: dict[str, Callable[[], object]], rounds: int, frames: int) -> Speeds:
    """Seconds a frame of each row: by the clock, of CPU time; the best of all rounds, each for itself."""
    best = dict.fromkeys(rows, (float("inf"), float("inf")))
    for _ in range(rounds):
        for name, work in rows.items():
            began, cpu_began = time.perf_counter(), time.process_time()
            work()
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
            best[name] = min(best[name][0], seconds / frames), min(best[name][1], cpu / frames)
    return best


def print_speed(speeds: Speeds) -> None:
    print("| what | ms a frame | frames/s | CPU ms a frame |\n|---|---:|---:|---:|")
    for name, (seconds, cpu) in speeds.items():
        print(f"| {name} | {seconds * 1000:.1f} | {1 / seconds:.1f} | {cpu * 1000:.1f} |")
    rows = {name: seconds for name, (seconds, _) in speeds.items()}
    whole = rows["whole pipeline"]
    if PRELOADED in rows:
        print(f"\nthroughput, whole pipeline / {PRELOADED}: {rows[PRELOADED] / whole:.2f} (goal: at least 0.75)")
        print(f"CPU time, {PRELOADED} / whole pipeline: {speeds[PRELOADED][1] / speeds['whole pipeline'][1]:.2f}")
        return
    network, backbone = rows["tracking network"], rows["bare backbone"]
    alone = rows["tracker on preloaded frames"]
    print(f"\nthroughput, whole pipeline / tracker on preloaded frames: {alone / whole:.2f}")
    print(
        f"throughput, whole pipeline / tracking network on a ready tensor: {network / whole:.2f} (goal: at least 0.8)"
    )
    print(f"cost, tracking network / bare backbone: {network / backbone:.2f} (goal: at most 1.8)")


def compare_memory(model: str, video: Path, seconds: float, folder: Path) -> None:
    peaks = []
    for length in (10.0, seconds):
        looped = loop(video, folder / f"{length:.0f}s.mkv", length)
        command = [sys.executable, __file__, str(looped), "--model", model, "--peak-memory"]
        peaks.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    print(f"\npeak memory, {seconds:.0f} s / 10 s: {peaks[1]:.0f} MB / {peaks[0]:.0f} MB = {peaks[1] / peaks[0]:.2f}")


def loop(video: Path, path: Path, seconds: float) -> Path:
    """Copy the packets of `video` again and again until `seconds` are full."""
    with av.open(str(path), "w") as out:
        streams, start_s = {}, 0.0
        while start_s < seconds:
            with av.open(str(video)) as clip:
                end_s = 0.0
                kept = [stream for stream in clip.streams if stream.type in ("video", "audio")]
                for stream in kept:
                    if stream.index not in streams:
                        streams[stream.index] = out.add_stream_from_template(stream)
                for packet in clip.demux(kept):
                    if packet.dts is None or packet.dts < 0:
                        continue
                    end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                    shift = round(start_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)
                start_s += end_s
    return path


def peak_memory(model: str, video: Path) -> float:
    """Most memory, in MB, that this process had while it predicted `video`."""
    from sightline import models
    from sightline.apps.predict import Run
    from sightline.results.outputs import choose

    predictor = models.load(model)
    with tempfile.TemporaryDirectory() as folder:
        Run(predictor, choose(predictor.gives, None, predictor.name)).to_folder(video, Path(folder) / "results")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
