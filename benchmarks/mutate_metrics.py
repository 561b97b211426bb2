"""Do the tests of the metrics notice a wrong number? Each mutation changes one rule; a test must fail for it.

    python benchmarks/mutate_metrics.py [--only TEXT] [--goldens]

Runs the tests of tests/metrics on a copy of the sources, one mutation at a time, and prints which are alive. Exit 1 if
any is. By default without the numbers of executed references, which a clean clone does not have; `--goldens` adds them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
METRICS = Path("sightline/metrics")


@dataclass(frozen=True)
class Mutation:
    """In one file, `old` becomes `new`; `tests` are the test files, under tests/metrics, that should notice."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


P, H, C = "evaluation/test_protocols.py", "evaluation/test_honesty.py", "evaluation/test_comparison.py"
FIX, VSOD, VOS, GAZE, T = (f"functional/test_{name}.py" for name in ("fixation", "vsod", "vos", "gaze", "stability"))
SCAN = "functional/test_scanpath.py"
PROTOCOLS, TRUTH, SCORES = "protocols.py", "evaluation/truth.py", "evaluation/scores.py"

MUTATIONS = (
    # Protocols: what each one changes.
    Mutation("stavis does not smooth", PROTOCOLS, "smooth=2.0", "smooth=0.0", (P,)),
    Mutation("stavis smooths by 1", PROTOCOLS, "smooth=2.0", "smooth=1.0", (P,)),
    Mutation("GOO has 7 cells", PROTOCOLS, "cells=5", "cells=7", (P,)),
    Mutation("dhf1k averages over videos", PROTOCOLS, 'sigma=12.74,\n        average="frames"', "sigma=12.74", (P,)),
    Mutation("pysaliency averages over pictures", PROTOCOLS, 'average="fixations"', 'average="sequences"', (P,)),
    Mutation(
        "py-sod-metrics averages over videos",
        PROTOCOLS,
        'accidents=True,\n        average="frames"',
        "accidents=True",
        (P,),
    ),
    Mutation("mit keeps repeated fixations", PROTOCOLS, "merge=True", "merge=False", (P,)),
    Mutation("mit divides by N in NSS", PROTOCOLS, "correction=1", "correction=0", (P,)),
    Mutation("mit keeps the floor of a map", PROTOCOLS, "rescale=True", "rescale=False", (P,)),
    Mutation("mit moves fixations to small maps", PROTOCOLS, "to_truth=True", "to_truth=False", (P,)),
    Mutation("mit takes all stimuli", PROTOCOLS, 'others="ten stimuli"', 'others="stimuli"', (P,)),
    Mutation("dhf1k takes stimuli", PROTOCOLS, 'others="ten frames"', 'others="ten stimuli"', (P,)),
    Mutation("stavis takes other videos", PROTOCOLS, 'others="video"', 'others="ten stimuli"', (P,)),
    Mutation("pysaliency's floor is large", PROTOCOLS, "floor=1e-20", "floor=1e-4", (P,)),
    Mutation("pysaliency forgives unpredicted fixations", PROTOCOLS, "eps=0.0", "eps=EPS", (H,)),
    Mutation("pysaliency's IG is over the mean map", PROTOCOLS, 'baseline="uniform"', 'baseline="mean map"', (P,)),
    Mutation("pysaliency's blur is not mirrored", PROTOCOLS, 'blur="mirrored"', 'blur="gaussian"', (P,)),
    Mutation("dhf1k blurs by another sigma", PROTOCOLS, "sigma=12.74", "sigma=12.0", (P,)),
    Mutation(
        "frames nobody looked at vanish in dhf1k",
        PROTOCOLS,
        'others="ten frames",\n        unseen_sim=0.0',
        'others="ten frames"',
        (H,),
    ),
    Mutation("davsod keeps the ends", PROTOCOLS, "ends=1,\n        stretch=True", "stretch=True", (P,)),
    Mutation("davsod does not stretch", PROTOCOLS, "ends=1,\n        stretch=True", "ends=1", (P,)),
    Mutation(
        "davsod's E is over N",
        PROTOCOLS,
        "unbiased=True,\n        empty_scores=True,\n    ),",
        "empty_scores=True,\n    ),",
        (P,),
    ),
    Mutation("davsod leaves empty frames out", PROTOCOLS, "empty_scores=True,\n    ),", "),", (P,)),
    Mutation(
        "py-sod-metrics does not round down", PROTOCOLS, "floor=True", "floor=False", (VSOD, "evaluation/test_vsod.py")
    ),
    Mutation("davis2016 keeps the ends", PROTOCOLS, "ends=1,\n        truth_first=True", "truth_first=True", (P,)),
    Mutation("T lacks its first pair", PROTOCOLS, "truth_first=True", "truth_first=False", (P,)),
    Mutation("exact scores empty on empty", PROTOCOLS, 'empty=float("nan")', "empty=1.0", (P,)),
    Mutation(
        "semi-supervised DAVIS keeps the ends",
        PROTOCOLS,
        'ends=1,\n        objects="numbered"',
        'objects="numbered"',
        (H,),
    ),
    Mutation("semi-supervised DAVIS assigns", PROTOCOLS, 'objects="numbered"', 'objects="assigned"', (H,)),
    Mutation("void is left out of semi-supervised DAVIS", PROTOCOLS, "void=False", "void=True", (P,)),
    Mutation("GOO takes centres", PROTOCOLS, "centred=False", "centred=True", (P,)),
    Mutation("GOO's angle is that of the picture", PROTOCOLS, "unit_square=True", "unit_square=False", (P,)),
    Mutation("GOO's angle is not damped", PROTOCOLS, "damping=1e-6", "damping=0.0", ("evaluation/test_gaze.py",)),
    Mutation("gtr scores everything", PROTOCOLS, "gated=True", "gated=False", (P,)),
    # The machinery.
    Mutation(
        "fixations lose a pixel",
        TRUTH,
        "points.double() * torch.tensor(size[::-1]) / original",
        "points.double() / original * torch.tensor(size[::-1])",
        (H,),
    ),
    Mutation(
        "own fixations among the others", TRUTH, "rest = owner != self._names.index(name)", "rest = owner >= 0", (P,)
    ),
    Mutation(
        "the baseline knows the picture",
        TRUTH,
        "rest = self._counts(size) - counts_of(self._cells(name, self.observed[name].all(), size), size)",
        "rest = self._counts(size)",
        (P,),
    ),
    Mutation(
        "stavis keeps the frame's own pixels",
        TRUTH,
        "cells = cells[~own[cells[:, 1], cells[:, 0]]]",
        "cells = cells[:]",
        (P,),
    ),
    Mutation("nine frames", TRUTH, "DRAWN = 10", "DRAWN = 9", (P,)),
    Mutation("90 % intervals", SCORES, "[2.5, 97.5]", "[5, 95]", (C,)),
    Mutation(
        "an unpaired bootstrap",
        "evaluation/__init__.py",
        "_samples(other[0], theirs, weights * both)",
        "_samples(other[0], theirs, weights[::-1] * both)",
        (C,),
    ),
    Mutation(
        "differences on all frames",
        "evaluation/task.py",
        "math.nan if any(map(math.isnan, pair)) else pair[side]",
        "pair[side]",
        (C,),
    ),
    Mutation("p without the observed draw", SCORES, "(1 + extreme) / (1 + len(known))", "extreme / len(known)", (C,)),
    Mutation("a one-sided test", SCORES, "np.abs(known) >= abs(difference)", "known >= difference", (C,)),
    Mutation(
        "numbers pair before names",
        "evaluation/layout.py",
        "by_name = _paired(gt, pred, scored, _stem)",
        "by_name = _paired(gt, pred, scored, _number)",
        (H,),
    ),
    Mutation("two files for a frame", "evaluation/layout.py", "    if doubled:", "    if False:", (H,)),
    Mutation(
        "the overlay is a prediction",
        "evaluation/outputs.py",
        "NEVER_SCORED = frozenset(OVERLAY.entries)",
        "NEVER_SCORED = frozenset[str]()",
        (H,),
    ),
    Mutation(
        "saliency is a probability",
        "evaluation/outputs.py",
        "(PROBABILITY.name, MASKS.name, MAPS)",
        "(SALIENCY.name, PROBABILITY.name, MASKS.name, MAPS)",
        (H,),
    ),
    Mutation(
        "grey above 0 is object in a JPEG",
        "evaluation/pictures.py",
        "return (labels >= HALF)",
        "return (labels >= 1)",
        (H,),
    ),
    Mutation(
        "int64 is of 16 bits", "evaluation/pictures.py", "return 1.0 if most <= 1 else 255.0", "return 65535.0", (H,)
    ),
    Mutation(
        "always 20 proposals",
        "evaluation/vos.py",
        "[:, :, : max(most, objects)]",
        "[:, :, : max(PROPOSALS, objects)]",
        (H,),
    ),
    Mutation(
        "at most 20 objects",
        "evaluation/vos.py",
        "[:, :, : max(most, objects)]",
        "[:, :, : min(20, max(most, objects))]",
        (H,),
    ),
    Mutation(
        "T of a mask with itself",
        "evaluation/vos.py",
        "float(vos.instability(previous, mask))",
        "float(vos.instability(mask, mask))",
        (P,),
    ),
    Mutation(
        "the journal goes with the first prediction",
        "evaluation/runner.py",
        "    return [done[name] for",
        "    _ = journal and journal.unlink(missing_ok=True)\n    return [done[name] for",
        ("evaluation/test_runner.py",),
    ),
    Mutation(
        "pooled AUC of all pictures in gtr",
        "evaluation/gaze.py",
        "if not self.protocol.gated or self._detected(name, float",
        "if True or self._detected(name, float",
        (P,),
    ),
    # Functions.
    Mutation(
        "black maps are left out of SIM",
        "functional/fixation.py",
        "    known = density.flatten(-2).any(-1)\n",
        "    known = density.flatten(-2).any(-1) & saliency.flatten(-2).any(-1)\n",
        (H,),
    ),
    Mutation(
        "negative maps are not lifted",
        "functional/fixation.py",
        "to_density(_lifted(saliency) + floor)",
        "to_density(saliency + floor)",
        (H,),
    ),
    Mutation(
        "densities pass as counts",
        "functional/_inputs.py",
        "(numbers < 0) | (numbers != numbers.round()) | numbers.isinf()",
        "numbers < 0",
        (FIX,),
    ),
    Mutation("AUC-Borji of one pixel", "functional/fixation.py", "if fixated.numel() == 1 or bool", "if bool", (FIX,)),
    Mutation("centres round to even", "functional/_summary.py", "    if half_even:\n", "    if True:\n", (P,)),
    Mutation(
        "beta^2 of F is 1",
        "functional/vsod.py",
        "def f_measure_of(summary: Summary, beta2: float = 0.3)",
        "def f_measure_of(summary: Summary, beta2: float = 1.0)",
        (P,),
    ),
    Mutation("recall from 0.6 on", "functional/vos.py", "(scored > 0.5)", "(scored > 0.6)", (VOS, P)),
    Mutation(
        "contours within 1 %",
        "functional/vos.py",
        "tolerance: float = 0.008\n) -> tuple",
        "tolerance: float = 0.01\n) -> tuple",
        (VOS, "evaluation/test_vos.py"),
    ),
    Mutation("outlines are not simplified", "functional/_outline.py", "TOLERANCE = 1.5", "TOLERANCE = 0.01", (T,)),
    Mutation("11 directions", "functional/_stability.py", "ANGLES = 12", "ANGLES = 11", (T,)),
    Mutation(
        "one alignment only",
        "functional/_stability.py",
        "shift = int(rows[at]) + 1, int(columns[at]) + 1",
        "shift = 0, 0",
        (T,),
    ),
    Mutation(
        "a constant heatmap has ties decided by rounding",
        "functional/gaze.py",
        "first + (second - first) * (",
        "second * 0.1 + (first - second * 0.1) * (",
        (GAZE, P),
    ),
    Mutation(
        "GazeFollow at the heatmap's size",
        "functional/gaze.py",
        "values[None, None], tuple(size)",
        "values[None, None], tuple(values.shape)",
        (GAZE,),
    ),
    Mutation(
        "VAT's square reaches the end", "functional/gaze.py", "VAT_CELLS - 1)) for c", "VAT_CELLS)) for c", (GAZE,)
    ),
    Mutation("MultiMatch takes means", "functional/scanpath.py", "np.median(each)", "np.mean(each)", (SCAN,)),
    Mutation(
        "ScanMatch forgives length",
        "functional/scanpath.py",
        "max(map(len, strings))",
        "min(map(len, strings))",
        (SCAN,),
    ),
    Mutation(
        "ties in AP count apart",
        "functional/gaze.py",
        "last[:-1] = ranked[1:] != ranked[:-1]",
        "last[:-1] = True",
        (GAZE,),
    ),
)


def alive(mutation: Mutation, copy: Path, goldens: bool) -> bool:
    """Whether the tests pass in spite of a mutation."""
    path = copy / METRICS / mutation.file
    text = path.read_text()
    if mutation.old not in text:
        raise SystemExit(f"{mutation.what}: {mutation.file} has no such text (any more): {mutation.old!r}")
    path.write_text(text.replace(mutation.old, mutation.new))
    tests = [str(ROOT / "tests" / "metrics" / name) for name in mutation.tests]
    tests += [str(ROOT / "tests" / "metrics" / "test_goldens.py")] if goldens else []
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    finally:
        path.write_text(text)
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"{mutation.what}: pytest ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="mutations whose description contains this")
    parser.add_argument("--goldens", action="store_true", help="also run the numbers of executed references")
    args = parser.parse_args()
    chosen = [one for one in MUTATIONS if args.only in one.what]
    survivors = []
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "src"
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        for index, mutation in enumerate(chosen, start=1):
            survives = alive(mutation, copy, args.goldens)
            survivors += [mutation.what] if survives else []
            print(f"{index:3d} of {len(chosen)} {'ALIVE' if survives else 'noticed'}: {mutation.what}", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} noticed" + "".join(f"\nalive: {one}" for one in survivors))
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
