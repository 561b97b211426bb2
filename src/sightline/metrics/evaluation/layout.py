"""Which files belong to which sequence and frame, in the layouts that data sets and methods are published in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import DataError, UsageError
from sightline.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES

MAP_SUFFIXES = IMAGE_SUFFIXES | {".npy"}
# Folders inside a sequence that hold its frames, and those of data sets that hold all sequences.
MASK_FOLDERS = ("masks", "ground-truth", "GT")
MAP_FOLDERS = ("saliency", "maps")
KNOWN_FOLDERS = frozenset({*MASK_FOLDERS, *MAP_FOLDERS, "overlay"})
MASK_ROOTS = ("Annotations_unsupervised/480p", "Annotations/480p", "Annotations")


@dataclass(frozen=True)
class Frames:
    """The frames of one sequence: picture files in order, or one video whose frames are counted on reading.

    numbered: the frames are known by their position (a video, or Sightline's own output) rather than by their names.
    """

    name: str
    files: tuple[Path, ...]
    is_video: bool = False
    numbered: bool = False


@dataclass(frozen=True)
class Pair:
    """A sequence of the ground truth with its prediction: (name, gt, pred) of every frame, or a video for pred."""

    name: str
    frames: tuple[str, ...]
    gt: tuple[Path, ...]
    pred: tuple[Path, ...]
    video: Path | None = None

    def files(self) -> tuple[Path, ...]:
        return (*self.gt, *self.pred, *(() if self.video is None else (self.video,)))


def find_sequences(
    root: Path, folders: tuple[str, ...], roots: tuple[str, ...] = (), images: bool = True
) -> dict[str, Frames]:
    """The sequences under `root`, by name.

    Each is a video file, or a folder with frames in it or in one of its `folders`. A root with pictures of its own (or
    in one of `folders`) is a set of images, each a sequence of one frame; or, if not `images`, one sequence. `roots`:
    folders to look in first. Raises DataError if there is nothing of the kind.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give the folder that holds the sequences")
    for inner in roots:
        if (root / inner).is_dir():
            return find_sequences(root / inner, folders, images=images)
    found = {}
    for path in sorted(root.iterdir()):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            found[path.stem] = Frames(path.stem, (path,), is_video=True, numbered=True)
        elif path.is_dir() and path.name not in KNOWN_FOLDERS:
            frames = _frames_in(path, folders)
            if frames.files:
                found[path.name] = frames
    if found:
        return found
    alone = _frames_in(root, folders)
    if not alone.files:
        raise DataError(
            f"{root}: no sequences in it; <sequence>/{folders[0]}/00000.png, <sequence>/00000.png, "
            f"{folders[0]}/<image>.png or videos are expected"
        )
    return {path.stem: Frames(path.stem, (path,)) for path in alone.files} if images else {alone.name: alone}


def rename(found: dict[str, Frames], expected: Iterable[str]) -> dict[str, Frames]:
    """Give sequences the names that are expected: numbers (601 for 0601), and a single one for a single one."""
    expected = list(expected)
    if len(found) == len(expected) == 1:
        return {expected[0]: next(iter(found.values()))}
    numbers = {int(name): name for name in expected if name.isdecimal()}
    return {numbers.get(int(name), name) if name.isdecimal() else name: frames for name, frames in found.items()}


def match(
    gt: dict[str, Frames], pred: dict[str, Frames], names: Iterable[str] | None, roots: tuple[Path, Path]
) -> tuple[list[str], dict[str, Frames], dict[str, Frames]]:
    """The sequences to score and their frames on both sides. names: those to score, all by default.

    roots: the folders of prediction and truth. Raises DataError that lists every missing and every extra sequence.
    """
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
        raise DataError(f"{roots[0]}: {'; '.join(parts)}; predict or remove them, or choose some with --sequences")
    return list(wanted), wanted, found


def match_frames(gt: Frames, pred: Frames, ends: int = 0) -> Pair:
    """Pair the frames of a sequence. ends: frames at either end of the ground truth that are not scored.

    Names pair by the number they end in; results that number their frames from 0 pair by position. A prediction may
    leave out frames that are not scored. Raises DataError that lists every missing and every extra frame.
    """
    scored = gt.files[ends : len(gt.files) - ends] if ends else gt.files
    names = tuple(path.stem for path in scored)
    if pred.is_video:
        return Pair(gt.name, names, scored, (), video=pred.files[0])
    if len(gt.files) == len(pred.files) and (pred.numbered or len(gt.files) == 1):
        return Pair(gt.name, names, scored, pred.files[ends : len(pred.files) - ends] if ends else pred.files)
    by_key = {_key(path): path for path in pred.files}
    missing = [path.stem for path in scored if _key(path) not in by_key]
    extra = sorted(path.stem for key, path in by_key.items() if key not in {_key(path) for path in gt.files})
    if missing or extra:
        raise frame_error(pred.files[0].parent, missing, extra)
    return Pair(gt.name, names, scored, tuple(by_key[_key(path)] for path in scored))


def match_all(gt: dict[str, Frames], pred: dict[str, Frames], ends: int = 0) -> dict[str, Pair]:
    """`match_frames` of every sequence. Raises one DataError for the frames that do not pair in any of them."""
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
    if not path.is_file():
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names:
            raise UsageError("--sequences: no name in it; give names with commas, or a file with a name a line")
        return names
    try:
        entries = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--sequences {path}: cannot be read ({error}); a text file of names is expected") from None
    if not entries:
        raise UsageError(f"--sequences {path}: the file is empty; a name a line is expected")
    return [entry.strip("/").split("/")[-2] if "/" in entry.strip("/") else entry for entry in entries]


def _frames_in(folder: Path, folders: tuple[str, ...]) -> Frames:
    for inner in folders:
        files = list_maps(folder / inner)
        if files:
            return Frames(folder.name, files, numbered=(folder / "summary.json").is_file())
    return Frames(folder.name, list_maps(folder))


def list_maps(folder: Path) -> tuple[Path, ...]:
    """Pictures and arrays of a folder, in the order of the numbers in their names."""
    if not folder.is_dir():
        return ()
    paths = (path for path in folder.iterdir() if path.suffix.lower() in MAP_SUFFIXES and path.name[0] != ".")
    return tuple(sorted(paths, key=lambda path: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.stem)]))


def _key(path: Path) -> int | str:
    digits = re.search(r"(\d+)$", path.stem)
    return int(digits[1]) if digits else path.stem


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
