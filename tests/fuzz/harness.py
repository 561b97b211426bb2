"""Runs a target on damaged files. `python tests/fuzz/harness.py TARGET --minutes 10` looks for new crashes.

Each target runs in a process of its own, which writes after every case how far it is. What ends the process itself, say
a crash of native code, is a crash of that case, and the target goes on. `--resume` goes on where a run was stopped.
Where anything crashed the command ends with 1.

A reader may read a damaged file, or refuse it with an error of the project's own, on one line, that names the file.
Anything else is a crash: another exception, a hang, memory without end.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import asdict, dataclass, field
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
DIED = "the process ended: a crash of native code, or it was killed"


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


@dataclass
class Progress:
    """How far a target is.

    Attributes
    ----------
    first, case
        The number of the first case, and of the next one.
    seconds
        Time of a processor that the cases took.
    inside
        Whether `case` has begun: of a process that is gone, it is the case that ended it.
    results
        How often each thing came of a case.
    """

    first: int
    case: int
    seconds: float = 0.0
    inside: bool = False
    results: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Progress:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        part.replace(path)

    def count(self, what: str) -> int:
        """One more of it: how many there are."""
        self.results[what] = self.results.get(what, 0) + 1
        return self.results[what]

    @property
    def crashes(self) -> int:
        """Cases that were neither read nor refused."""
        return sum(count for what, count in self.results.items() if what not in ("read", "refused"))

    def __str__(self) -> str:
        return f"{sum(self.results.values())} cases in {self.seconds:.0f} s, {self.results}"


def search(name: str, minutes: float, first: int, keep: Path, resume: bool = False) -> Progress:
    """Try case after case; new crashes are printed and their files kept."""
    target, kept = TARGETS[name], keep / slug(name)
    state = kept / "progress.json"
    kept.mkdir(parents=True, exist_ok=True)
    progress = Progress.read(state) if resume and state.is_file() else Progress(first, first)
    with tempfile.TemporaryDirectory() as scratch:
        seeds = target.seeds(Path(scratch) / "seeds")
        if progress.inside:
            _found(
                progress, f"{name}, case {progress.case}: ", DIED, damaged(seeds, progress.case, Path(scratch)), kept
            )
            progress.inside, progress.case = False, progress.case + 1
        before = progress.seconds - time.process_time()
        try:
            while progress.seconds < 60 * minutes:
                path = damaged(seeds, progress.case, Path(scratch))
                progress.inside = True
                progress.write(state)
                try:
                    progress.count(attempt(target, path))
                except Crash as crash:
                    _found(progress, f"{name}, case {progress.case}: {crash}\n    ", place_of(crash), path, kept)
                progress.inside, progress.case = False, progress.case + 1
                progress.seconds = before + time.process_time()
        finally:
            progress.inside = False
            progress.write(state)
    return progress


def _found(progress: Progress, said: str, place: str, path: Path, kept: Path) -> None:
    """Count a crash; of a new one, say it and keep its file."""
    if progress.count(place) == 1:
        print(f"{said}{place}", flush=True)
        shutil.copytree(path.parent, kept / re.sub(r"\W+", "-", place), dirs_exist_ok=True)


def slug(name: str) -> str:
    """A target's name as one word, as the command line takes it and folders have it."""
    return name.replace(" ", "-")


def run(name: str, given: argparse.Namespace) -> bool:
    """Search in processes of its own until the minutes are over. Whether all went well."""
    command = [sys.executable, __file__, slug(name), "--alone", "--keep", str(given.keep)]
    command += ["--minutes", str(given.minutes), "--first", str(given.first)]
    resume = given.resume
    while (code := subprocess.run([*command, *(["--resume"] if resume else [])]).returncode) < 0:  # a signal ended it
        resume = True
    return code == 0


def main() -> None:
    names = {slug(name): name for name in TARGETS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all without: {', '.join(names)}")
    parser.add_argument("--minutes", type=float, default=10, help="of a processor, for each target")
    parser.add_argument("--first", type=int, default=1_000_000, help="the number of the first case")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-crashes"), help="for files that crash, and progress")
    parser.add_argument("--resume", action="store_true", help="go on where a run that was stopped left each target")
    parser.add_argument("--alone", action="store_true", help="in this process; a crash of native code ends it")
    given = parser.parse_args()
    unknown = [name for name in given.targets if name not in names]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(names)}")
    if not given.alone:
        well = [run(names[name], given) for name in given.targets or names]
        sys.exit(0 if all(well) else 1)
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    crashes = 0
    for name in given.targets or names:
        progress = search(names[name], given.minutes, given.first, given.keep, given.resume)
        print(f"{names[name]}: {progress}", flush=True)
        crashes += progress.crashes
    sys.exit(1 if crashes else 0)


if __name__ == "__main__":
    main()
