"""Throughput of `sightline batch` against the number of workers, and what a broken source in ten and a kill cost.

    python benchmarks/batch.py --videos 200 --workers 1 2

The videos are made here: three seconds each, 320 x 180, of moving discs. One in ten is broken. For each number of
workers, one run over all of them; then a run whose driver is killed half-way, and the one that ends it. Speeds are
ratios to one worker, in one run of the script; absolute numbers are those of this machine under its load.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np

SIZE = (180, 320)
FPS = 25


def make(folder: Path, videos: int, frames: int) -> None:
    """Videos of a disc that moves, every tenth cut off in its header."""
    folder.mkdir()
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    for number in range(videos):
        rng = np.random.default_rng(number)
        at, step = rng.uniform((30, 30), (SIZE[0] - 30, SIZE[1] - 30)), rng.uniform(-1, 1, 2)
        ground = rng.integers(0, 90, (*SIZE, 3), np.uint8)
        path = folder / f"video{number:04d}.mp4"
        with av.open(str(path), "w") as film:
            stream: Any = film.add_stream("libx264", FPS, options={"preset": "ultrafast"})
            stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
            for index in range(frames):
                y, x = at + index * step
                image = ground.copy()
                image[np.hypot(rows - y, columns - x) < 20] = 230
                film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            film.mux(stream.encode(None))
        if number % 10 == 9:
            path.write_bytes(path.read_bytes()[:500])


def command(videos: Path, out: Path, args: argparse.Namespace, workers: int) -> list[str]:
    """The command line of a batch."""
    given = ["sightline", "batch", f"{videos}/*.mp4", "--out", str(out), "--model", args.model, "--json"]
    given += ["--workers", str(workers), "--format", args.format]
    if args.format == "folders":
        given += ["--save", args.save]
    if args.ray:
        given += ["--ray", args.ray]
    return [sys.executable, "-c", "from sightline.cli import main; main()", *given[1:]]


def batch(videos: Path, out: Path, args: argparse.Namespace, workers: int) -> dict[str, Any]:
    """The summary of a whole run, with the seconds of CPU of all its processes."""
    with tempfile.TemporaryFile("w+") as said:
        run = subprocess.Popen(
            command(videos, out, args, workers), stdout=said, stderr=subprocess.DEVNULL, start_new_session=True
        )
        used: dict[str, float] = {}
        while run.poll() is None:
            used.update(cpu_seconds(run.pid))
            time.sleep(0.5)
        said.seek(0)
        summary: dict[str, Any] = json.load(said)
    return summary | {"cpu_s": round(sum(used.values()), 1)}


def cpu_seconds(session: int) -> dict[str, float]:
    """Seconds of CPU so far of each process of a session, by its number. Ray's workers are in others."""
    used = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) == session:
            used[stat.parent.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def killed(videos: Path, out: Path, args: argparse.Namespace, workers: int) -> dict[str, int]:
    """Kill the driver once half of the sources are done, run again, and count what was lost of what was finished."""
    driver = subprocess.Popen(
        command(videos, out, args, workers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pattern = "parts/*.json" if args.format == "parquet" else "*/summary.json"
    half = int(0.45 * args.videos)
    while len(list(out.glob(pattern))) < half and driver.poll() is None:
        time.sleep(0.2)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    time.sleep(2)
    finished = {path: path.stat().st_mtime_ns for path in out.glob(pattern)}
    report = batch(videos, out, args, workers)
    same = sum(path.stat().st_mtime_ns == when for path, when in finished.items())
    return {
        "finished_before_the_kill": len(finished),
        "of_them_kept_as_they_were": same,
        "skipped_by_the_second_run": report["skipped"],
        "done_by_the_second_run": report["done"],
        "failed": report["failed"],
    }


def main() -> None:
    """Measure and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--frames", type=int, default=75)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--model", default="wcsnet")
    parser.add_argument("--save", default="masks,hotspots")
    parser.add_argument("--format", default="folders")
    parser.add_argument("--ray", default="")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    work = Path(tempfile.mkdtemp(prefix="batch-"))
    try:
        make(work / "videos", args.videos, args.frames)
        print(f"{args.videos} videos of {args.frames} frames", file=sys.stderr)
        runs: list[dict[str, Any]] = []
        for workers in args.workers:
            out = work / f"out{workers}"
            report = batch(work / "videos", out, args, workers)
            files = [file for file in out.rglob("*") if file.is_file()]
            report["bytes_per_frame"] = round(sum(file.stat().st_size for file in files) / max(1, report["frames"]))
            report["files"] = len(files)
            report["speed_to_first"] = round(report["frames_per_s"] / (runs or [report])[0]["frames_per_s"], 2)
            runs.append(report)
            print(json.dumps(report), file=sys.stderr)
        kept = killed(work / "videos", work / "killed", args, max(args.workers))
        print(json.dumps({"load": os.getloadavg(), "runs": runs, "killed": kept}, indent=2))
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
