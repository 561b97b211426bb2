"""Runs a target on damaged files. `python tests/fuzz/harness.py TARGET --minutes 10` looks for new crashes.

A reader may read a damaged file, or refuse it with an error of the project's own, on one line, that names the file.
Anything else is a crash: another exception, a hang, memory without end.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from types import FrameType

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz import mutate
from fuzz.target import Crash, Target, require_named
from fuzz.targets import TARGETS
from sightline.errors import SightlineError

PATIENCE_S = 60
"""Of a processor: a few kilobytes that take more are a hang. A machine that does other work too makes none."""
MEMORY_BYTES = 6 << 30


class Hang(BaseException):
    """A reader took longer than PATIENCE_S."""


def damaged(seeds: list[Path], case: int, folder: Path) -> Path:
    """A copy of one of the seeds, with one of its files damaged; the file to read."""
    rng = Random(case)
    seed = rng.choice(seeds)
    place = folder / "case"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(seed.parent, place)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    mutate.damage(rng.choice([place / seed.name, *files]) if seed.is_file() else rng.choice(files), rng)
    return place / seed.name


def attempt(target: Target, path: Path) -> str:
    """Read a file: what came of it, "read" or "refused". Crash where it is neither."""
    out = path.parent.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    _alarm(PATIENCE_S)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.read(path)
    except SightlineError as error:
        said = str(error)
        if "\n" in said.strip():
            raise Crash(f"an error of several lines: {said[:300]}") from error
        require_named(path, error)
        if out.exists():
            raise Crash(f"something half-written stays behind: {sorted(out.iterdir())[:3]}") from error
        return "refused"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of Polars is no Exception
        raise Crash(f"{type(error).__name__}: {str(error)[:300]}") from error
    finally:
        _alarm(0)
    return "read"


def _alarm(seconds: float) -> None:
    """Raise Hang after so much work; 0 takes it back. Windows has no such alarm: a hang hangs there."""
    if sys.platform != "win32":
        signal.signal(signal.SIGPROF, _hang)
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise Hang(f"longer than {PATIENCE_S} s")


def place_of(crash: BaseException) -> str:
    """Where a crash comes from: the innermost lines of ours and of all."""
    cause = crash.__cause__ or crash
    lines = traceback.extract_tb(cause.__traceback__)
    ours = [line for line in lines if "sightline" in line.filename and "fuzz" not in line.filename]
    inner = [f"{Path(line.filename).name}:{line.lineno}" for line in (*ours[-1:], *lines[-1:])]
    return f"{type(cause).__name__} at {' < '.join(dict.fromkeys(reversed(inner)))}"


def search(name: str, minutes: float, first: int, keep: Path) -> Counter[str]:
    """Try case after case; new crashes are printed and their files kept."""
    target, results, end = TARGETS[name], Counter[str](), time.process_time() + 60 * minutes
    with tempfile.TemporaryDirectory() as scratch:
        seeds = target.seeds(Path(scratch) / "seeds")
        case = first
        while time.process_time() < end:
            path = damaged(seeds, case, Path(scratch))
            try:
                results[attempt(target, path)] += 1
            except Crash as crash:
                place = place_of(crash)
                if not results[place]:
                    print(f"{name}, case {case}: {crash}\n    {place}", flush=True)
                    kept = keep / name.replace(" ", "-") / re.sub(r"\W+", "-", place)
                    shutil.copytree(path.parent, kept, dirs_exist_ok=True)
                results[place] += 1
            case += 1
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=10, help="of a processor, for each target")
    parser.add_argument("--first", type=int, default=1_000_000, help="the number of the first case")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-crashes"))
    given = parser.parse_args()
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for name in given.targets or TARGETS:
        results = search(name, given.minutes, given.first, given.keep)
        print(f"{name}: {sum(results.values())} cases, {dict(results)}", flush=True)


if __name__ == "__main__":
    main()
