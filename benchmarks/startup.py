"""How long the program takes to answer, beside the interpreter itself in the same run.

    python benchmarks/startup.py

Best of several runs, interleaved, so that a busy machine slows all rows alike.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import sightline": ["-c", "import sightline"],
    "sightline --version": ["-m", "sightline", "--version"],
    "sightline --help": ["-m", "sightline", "--help"],
    "sightline predict --help": ["-m", "sightline", "predict", "--help"],
    "import torch, for comparison": ["-c", "import torch"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="times that each command is started")
    runs = parser.parse_args().runs
    best = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            best[name] = min(best[name], seconds(arguments))
    bare = best["python -c pass"]
    print(f"| command | ms (best of {runs}) | times `python -c pass` |\n|---|---:|---:|")
    for name, value in best.items():
        print(f"| `{name}` | {value * 1000:.0f} | {value / bare:.1f} |")


if __name__ == "__main__":
    main()
