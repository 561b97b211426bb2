"""Which files belong to which sequence and frame, in the layouts that data sets and methods are published in."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sightline.errors import DataError, UsageError
from sightline.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from sightline.metrics.evaluation.outputs import ANNOTATIONS, IN_A_SOURCE, NEVER_SCORED, is_a_source

MAP_SUFFIXES = IMAGE_SUFFIXES | {".npy", ".npz", ".mat"}
# Folders inside a sequence of the ground truth that hold its frames, and those of data sets that hold all sequences.
TRUTH_FOLDERS = ("masks", "ground-truth", "GT")
MASK_ROOTS = ("Annotations_unsupervised/480p", "Annotations/480p", "Annotations")
INNER_FOLDERS = frozenset({*TRUTH_FOLDERS, *IN_A_SOURCE, "maps"})


@dataclass(frozen=True)
class Frames:
    """The frames of one sequence: files in order, or one file whose frames are counted on reading.

    archive: "video", or "annotations" (COCO), where all frames are in the one file. numbered: frames are known by their
    position (Sightline's own output) rather than by names. source: the folder is what one source left, scored alone.
    folder: the name of the folder inside the sequence that holds them, "" for the sequence's own.
    """

    name: str
    files: tuple[Path, ...]
    archive: str = ""
    numbered: bool = False
    source: bool = False
    folder: str = ""


@dataclass(frozen=True)
class Pair:
    """A sequence of the ground truth with its prediction: (name, gt, pred) of every frame, or an archive for pred."""

    name: str
    frames: tuple[str, ...]
    gt: tuple[Path, ...]
    pred: tuple[Path, ...]
    archive: Path | None = None
    folder: str = ""

    @property
    def video(self) -> Path | None:
        return self.archive if self.archive and self.archive.suffix.lower() in VIDEO_SUFFIXES else None

    def files(self) -> tuple[Path, ...]:
        return (*self.gt, *self.pred, *(() if self.archive is None else (self.archive,)))


def find_sequences(
    root: Path, folders: tuple[str, ...], roots: tuple[str, ...] = (), images: bool = True, annotations: bool = False
) -> dict[str, Frames]:
    """The sequences under `root`, by name.

    Each is a video file, or a folder with frames in it or in one of its `folders`. A root with pictures of its own (or
    in one of `folders`) is a set of images, each a sequence of one frame; or, if not `images`, one sequence. A root
    that is what `predict` left of one source is that sequence. `roots`: folders to look in first. annotations: masks
    may also be in annotations.coco.json. Raises DataError if there is nothing of the kind.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give the folder that holds the sequences")
    for inner in roots:
        if (root / inner).is_dir():
            return find_sequences(root / inner, folders, images=images)
    if not is_a_source(root):
        found: dict[str, Frames] = {}
        for path in sorted(root.iterdir()):
            if path.name[0] == "." or path.name in NEVER_SCORED:
                continue
            if path.suffix.lower() in VIDEO_SUFFIXES:
                _add(found, Frames(path.stem, (path,), archive="video", numbered=True))
            elif path.is_dir() and path.name not in INNER_FOLDERS:
                frames = _frames_in(path, folders, annotations)
                if frames.files:
                    _add(found, frames)
        if found:
            return found
    alone = _frames_in(root, folders, annotations)
    if not alone.files:
        raise DataError(
            f"{root}: no sequences in it; <sequence>/{folders[0]}/00000.png, <sequence>/00000.png, "
            f"{folders[0]}/<image>.png or videos are expected"
        )
    if images and not is_a_source(root) and not alone.archive:
        return {path.stem: replace(alone, name=path.stem, files=(path,)) for path in alone.files}
    return {alone.name: replace(alone, source=True)}


def rename(found: dict[str, Frames], expected: Iterable[str]) -> dict[str, Frames]:
    """Give sequences the names that are expected: full names first, then numbers (601 for 0601), one for one.

    A folder that is a single sequence takes the name of a single one that is expected.
    """
    expected = list(expected)
    if len(found) == len(expected) == 1 and next(iter(found.values())).source:
        return {expected[0]: next(iter(found.values()))}
    names = set(expected)
    wanted = Counter(int(name) for name in expected if name.isdecimal() and name not in found)
    given = Counter(int(name) for name in found if name.isdecimal() and name not in names)
    numbers = {int(name): name for name in expected if name.isdecimal() and name not in found}
    renamed: dict[str, Frames] = {}
    for name, frames in found.items():
        number = int(name) if name.isdecimal() and name not in names else None
        sure = number is not None and wanted[number] == given[number] == 1
        renamed[numbers[number] if sure and number is not None else name] = frames
    return renamed


def match(
    gt: dict[str, Frames], pred: dict[str, Frames], names: Iterable[str] | None, roots: tuple[Path, Path]
) -> tuple[list[str], dict[str, Frames], dict[str, Frames]]:
    """The sequences to score and their frames on both sides. names: those to score, all by default.

    What one source left is scored alone. roots: the folders of prediction and truth. Raises DataError that lists every
    missing and every extra sequence.
    """
    if names is None and len(pred) == 1 and next(iter(pred.values())).source:
        only = next(iter(rename(pred, gt)))
        names = [only] if only in gt else None
    wanted = select(gt, names, roots[1])
    found = rename(pred, wanted)
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted] if names is None else []
    if missing or extra:
        parts = []
        if missing:
            parts.append(f"{len(missing)} of {len(wanted)} sequences of {roots[1]} are missing: {_listed(missing)}")
        if extra:
            parts.append(f"{len(extra)} are not in the ground truth: {_listed(extra)}")
        raise DataError(f"{roots[0]}: {'; '.join(parts)}; predict or remove them, or choose some with `names`")
    return list(wanted), wanted, found


def match_frames(gt: Frames, pred: Frames, ends: int = 0) -> Pair:
    """Pair the frames of a sequence. ends: frames at either end of the ground truth that are not scored.

    Full names pair first. Where they do not pair everything, results that number their frames from 0 pair by position,
    and others by the numbers their names end in, if those pair everything one to one. A prediction may leave out
    frames that are not scored. Raises DataError that lists every missing, extra and doubtful frame.
    """
    scored = gt.files[ends : len(gt.files) - ends] if ends else gt.files
    names = tuple(path.stem for path in scored)
    if pred.archive:
        return Pair(gt.name, names, scored, (), archive=pred.files[0], folder=pred.folder)
    pair = Pair(gt.name, names, scored, pred.files, folder=pred.folder)
    by_name = _paired(gt, pred, scored, _stem)
    if by_name is not None:
        return replace(pair, pred=by_name)
    if len(gt.files) == len(pred.files) and (pred.numbered or len(gt.files) == 1):
        return replace(pair, pred=pred.files[ends : len(pred.files) - ends] if ends else pred.files)
    by_number = _paired(gt, pred, scored, _number)
    if by_number is not None:
        return replace(pair, pred=by_number)
    raise _unpaired(gt, pred, scored)


def match_all(gt: dict[str, Frames], pred: dict[str, Frames], ends: int = 0) -> dict[str, Pair]:
    """`match_frames` of every sequence. Raises one DataError for the frames that do not pair in any of them."""
    short = [name for name, frames in gt.items() if len(frames.files) <= 2 * ends]
    if short:
        raise DataError(
            f"{', '.join(short)}: nothing to score in {2 * ends} frames or fewer, as the protocol leaves out {ends} at "
            "either end; choose the others with `names`, or another `protocol`"
        )
    pairs, wrong = {}, []
    for name, frames in gt.items():
        try:
            pairs[name] = match_frames(frames, pred[name], ends)
        except FrameError as error:
            wrong.append(error)
    if wrong:
        raise FrameError("; ".join(error.problem for error in wrong))
    return pairs


class FrameError(DataError):
    """Frames that do not pair."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; every frame of the ground truth needs one prediction")
        self.problem = problem


def frame_error(where: Path, missing: Iterable[str], extra: Iterable[str]) -> FrameError:
    """The error that lists the frames that do not pair."""
    missing, extra = list(missing), list(extra)
    parts = [f"missing frames ({len(missing)}): {_listed(missing)}"] if missing else []
    parts += [f"extra frames ({len(extra)}): {_listed(extra)}"] if extra else []
    return FrameError(f"{where}: {', '.join(parts)}")


def select(sequences: dict[str, Frames], names: Iterable[str] | None, root: Path) -> dict[str, Frames]:
    """Those of the sequences that are named, or all. Raises DataError for names that are not there."""
    if names is None:
        return sequences
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in sequences]
    if unknown:
        raise DataError(f"{root}: no sequence {_listed(unknown)}; there are {_listed(sorted(sequences))}")
    return {name: sequences[name] for name in wanted}


def read_selection(text: str) -> list[str]:
    """Sequence names from a comma-separated list or a text file such as DAVIS' ImageSets/480p/val.txt.

    A line of a file is a name, or starts with the path of a frame, whose folder is the name. Raises UsageError if there
    is no name.
    """
    path = Path(text)
    if not os.path.isfile(text):  # Path.is_file raises where a text is too long for a path
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names:
            raise UsageError("`names`: no name in it; give names with commas, or a file with a name a line")
        return names
    try:
        entries = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"`names`: {path} cannot be read ({error}); a text file of names is expected") from None
    if not entries:
        raise UsageError(f"`names`: {path} is empty; a name a line is expected")
    return [entry.strip("/").split("/")[-2] if "/" in entry.strip("/") else entry for entry in entries]


def list_maps(folder: Path) -> tuple[Path, ...]:
    """Pictures and arrays of a folder, in the order of the numbers in their names.

    Raises DataError where two files are called alike but for their endings: they would be one frame.
    """
    if not folder.is_dir():
        return ()
    paths = [path for path in folder.iterdir() if path.suffix.lower() in MAP_SUFFIXES and path.name[0] != "."]
    doubled = {stem for stem, times in Counter(path.stem for path in paths).items() if times > 1}
    if doubled:
        files = sorted(path.name for path in paths if path.stem in doubled)
        raise DataError(f"{folder}: several files for one frame: {', '.join(files)}; keep one of each")
    return tuple(sorted(paths, key=lambda path: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.stem)]))


def _add(found: dict[str, Frames], frames: Frames) -> None:
    if frames.name in found:
        raise DataError(
            f"{frames.files[0]} and {found[frames.name].files[0]}: two predictions of {frames.name}; keep one of them"
        )
    found[frames.name] = frames


def _frames_in(folder: Path, folders: tuple[str, ...], annotations: bool = False) -> Frames:
    numbered = (folder / "summary.json").is_file()
    name = folder.resolve().name
    for inner in folders:
        files = list_maps(folder / inner)
        if files:
            return Frames(name, files, numbered=numbered, folder=inner)
    files = list_maps(folder)
    if not files and annotations and (folder / ANNOTATIONS).is_file():
        return Frames(name, (folder / ANNOTATIONS,), archive="annotations", numbered=True)
    return Frames(name, files)


def _stem(path: Path) -> str:
    return path.stem


def _number(path: Path) -> int | str:
    """The number that a name ends in; the name itself where it ends in none."""
    digits = re.search(r"(\d+)$", path.stem)
    return int(digits[1]) if digits else path.stem


def _paired(
    gt: Frames, pred: Frames, scored: tuple[Path, ...], key: Callable[[Path], int | str]
) -> tuple[Path, ...] | None:
    """The prediction of each scored frame by a key, None unless it pairs everything one to one."""
    truth, given = Counter(map(key, gt.files)), {key(path): path for path in pred.files}
    if len(given) < len(pred.files) or max(truth.values()) > 1 or given.keys() - truth.keys():
        return None
    found = tuple(given[key(path)] for path in scored if key(path) in given)
    return found if len(found) == len(scored) else None


def _unpaired(gt: Frames, pred: Frames, scored: tuple[Path, ...]) -> FrameError:
    """What does not pair, by names, or by numbers where these pair more."""
    where = pred.files[0].parent
    names, numbers = ({key(p) for p in gt.files} & {key(p) for p in pred.files} for key in (_stem, _number))
    key: Callable[[Path], int | str] = _number if len(numbers) > len(names) else _stem
    for files in (pred.files, gt.files):
        times = Counter(map(key, files))
        alike = [path.stem for path in files if times[key(path)] > 1]
        if alike:
            return FrameError(f"{files[0].parent}: names that end in the same number: {_listed(alike)}")
    given, truth = {key(path) for path in pred.files}, {key(path) for path in gt.files}
    return frame_error(
        where,
        [path.stem for path in scored if key(path) not in given],
        sorted(path.stem for path in pred.files if key(path) not in truth),
    )


def _listed(names: list[str]) -> str:
    """All names, those that count up by one as first-last."""
    runs: list[list[str]] = []
    for name in names:
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(", ".join(run) if len(run) < 3 else f"{run[0]}-{run[-1]}" for run in runs)


def _follows(first: str, second: str) -> bool:
    """Whether the number that `second` ends in is the next after that of `first`."""
    before, after = (re.fullmatch(r"(.*?)(\d+)", name) for name in (first, second))
    if before is None or after is None:
        return False
    return before[1] == after[1] and int(before[2]) + 1 == int(after[2])
