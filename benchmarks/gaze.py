"""How fast recordings are imported, how much memory that takes, and how far our fixations agree with a tracker's own.

    python benchmarks/gaze.py                   # 1, 10 and 100 recordings of ten minutes at 1000 Hz: 2.6 GB of scratch
    python benchmarks/gaze.py --recordings 3    # the same of 1 and 3
    python benchmarks/gaze.py --agreement ../shared/data/eye_recordings/smi_dhf1k_002

The recordings are written by the benchmark: fixations of 250 ms with saccades between and a blink every five seconds,
as EyeLink ASC with samples alone, so that I-VT has to find the fixations. A run is one import of them all on one core,
from the files to fixations, samples, quality report and figures. Times are of the CPU, which other work on the machine
does not lengthen; the first recording's include what is imported on first use.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

if TYPE_CHECKING:
    from sightline.gaze.events import Agreement

RATE_HZ = 1000
SCREEN = (1080, 1920)  # (height, width)
THRESHOLDS = (25, 30, 35, 40, 50)
HEADER = """** CONVERTED FROM synthetic.edf using edfapi 4.2.1 Linux
** DATE: Wed Mar  8 09:25:20 2023
** TYPE: EDF_FILE BINARY EVENT SAMPLE TAGGED
** VERSION: EYELINK II 1
**

MSG\t900 DISPLAY_COORDS 0 0 1919 1079
MSG\t910 !CAL
>>>>>>> CALIBRATION (HV9,P-CR) FOR LEFT: <<<<<<<<<
MSG\t950 RECCFG CR 1000 2 1 L
MSG\t950 GAZE_COORDS 0.00 0.00 1919.00 1079.00
START\t1000 \tLEFT\tSAMPLES\tEVENTS
PRESCALER\t1
PUPIL\tAREA
SAMPLES\tGAZE\tLEFT\tRATE\t1000.00\tTRACKING\tCR\tFILTER\t2
"""


def write_recording(path: Path, seconds: int, seed: int) -> None:
    """An ASC file of `seconds` at RATE_HZ."""
    rng = np.random.default_rng(seed)
    count = seconds * RATE_HZ
    spots = rng.uniform((100, 100), (1820, 980), (count // 280 + 2, 2))
    at, phase = np.divmod(np.arange(count), 280)
    share = np.clip((phase - 250) / 30, 0, 1)[:, None]
    xy = spots[at] * (1 - share) + spots[at + 1] * share + rng.normal(0, 1.0, (count, 2))
    lost = np.arange(count) % 5000 < 150
    with path.open("w") as file:
        file.write(HEADER)
        for i, ((x, y), gone) in enumerate(zip(xy.tolist(), lost.tolist(), strict=True), start=1000):
            where = "   .\t   .\t    0.0" if gone else f"  {x:.1f}\t  {y:.1f}\t  778.0"
            file.write(f"{i}\t{where}\t    0.0\t...\n")
        file.write(f"END\t{1000 + count} \tSAMPLES\tEVENTS\tRES\t  47.75\t  45.92\n")


def speed(recordings: int, minutes: int) -> None:
    """Import 1, 10, ... recordings in one go, a new process each; print their pace and the peak memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.new("RGB", SCREEN[::-1]).save(folder / "picture.png")
        paths = [folder / f"s{k:03}.asc" for k in range(recordings)]
        for k, path in enumerate(paths):
            write_recording(path, 60 * minutes, k)
        print(f"recordings of {minutes} min at {RATE_HZ} Hz, {paths[0].stat().st_size / 1e6:.0f} MB each\n")
        print("| recordings | CPU s, median | slowest | times real time, median | slowest | peak memory (MB) |")
        print("|---:|---:|---:|---:|---:|---:|", flush=True)
        for count in sorted({1, min(10, recordings), recordings}):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                taken, peak = process.submit(measure, paths[:count], folder / "picture.png").result()
            median, slowest = float(np.median(taken)), max(taken)
            pace = f"{60 * minutes / median:.0f} | {60 * minutes / slowest:.0f}"
            print(f"| {count} | {median:.2f} | {slowest:.2f} | {pace} | {peak:.0f} |", flush=True)


def measure(paths: list[Path], picture: Path) -> tuple[list[float], float]:
    """The CPU seconds of each recording of one import, and the peak memory of this process in MB."""
    from sightline.gaze import AlignOptions, Setup, import_gaze, importing

    taken: list[float] = []

    def clocked(items: list[Path], *_: object, **__: object) -> Iterator[Path]:
        for item in items:
            start = time.process_time()
            yield item
            taken.append(time.process_time() - start)

    importing.track = clocked  # type: ignore[assignment]  # in the place of the progress bar
    import_gaze(paths, picture, picture.with_name("out"), options=AlignOptions(setup=Setup(SCREEN, (29.8, 53.0), 60.0)))
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def agreement(folder: Path) -> None:
    """Print how far I-VT agrees with the tracker's own fixations, by threshold and with each viewer left out."""
    from sightline.gaze import EventOptions, Screen, read
    from sightline.gaze import events as ev
    from sightline.gaze.recording import choose_eye

    screen = Screen((900, 1440), (25.5, 40.8), 68.0)
    found: dict[int, list[ev.Agreement]] = {threshold: [] for threshold in THRESHOLDS}
    for path in sorted(folder.glob("*.txt")):
        (recording,) = read(path)
        eye, raw = choose_eye(recording, "auto")
        xy = ev.without_blinks(recording, eye, raw)
        own = ev.tracker_fixations(recording, eye, raw)
        if own is None:
            sys.exit(f"{path}: no fixations of the tracker to agree with")
        for threshold, results in found.items():
            options = EventOptions("ivt", velocity_deg_s=threshold)
            ours = ev.detect(recording.time_s, xy, screen.degrees(xy), recording.interval_s, options)
            results.append(ev.agreement(recording.time_s, own, ours))
    print("| I-VT, deg/s | samples that agree | worst recording | kappa | fixations | tracker's | median (ms) |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for threshold, results in found.items():
        print(
            f"| {threshold} | {pooled(results):.1%} | {min(r.share for r in results):.1%} | "
            f"{np.mean([r.kappa for r in results]):.2f} | {sum(r.count for r in results)} | "
            f"{sum(r.tracker_count for r in results)} | {1000 * np.median([r.median_s for r in results]):.0f} |"
        )
    viewers = range(len(found[THRESHOLDS[0]]))
    chosen = {k: max(THRESHOLDS, key=lambda t: pooled([r for i, r in enumerate(found[t]) if i != k])) for k in viewers}
    held_out = [found[chosen[k]][k] for k in viewers]
    times = {threshold: list(chosen.values()).count(threshold) for threshold in THRESHOLDS}
    print(f"\nthreshold chosen on all viewers but one, scored on that one: {pooled(held_out):.1%} of the samples agree")
    print(f"worst recording {min(r.share for r in held_out):.1%}, kappa {np.mean([r.kappa for r in held_out]):.2f}")
    print("chosen: " + ", ".join(f"{t} deg/s {count} times" for t, count in times.items() if count))


def pooled(results: Sequence[Agreement]) -> float:
    """The share of all recordings' samples that agree."""
    return float(np.average([r.share for r in results], weights=[r.samples for r in results]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=100)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--agreement", type=Path, metavar="DIR", help="a folder of SMI recordings of a 1440x900 screen")
    args = parser.parse_args()
    if args.agreement:
        agreement(args.agreement)
    else:
        speed(args.recordings, args.minutes)


if __name__ == "__main__":
    main()
