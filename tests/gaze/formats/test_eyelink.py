"""EyeLink files as experiments leave them: several trials, pictures with their places, remote mode, cut short."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.errors import DataError, UsageError
from sightline.gaze import ReadOptions, Recording, Stimulus, inspect, read
from sightline.gaze.align import choose_trial
from sightline.gaze.formats.eyelink_messages import stimuli
from sightline.gaze.recording import Message, Shown

HEAD = """** CONVERTED FROM demo.edf using edfapi 4.2
** TYPE: EDF_FILE BINARY EVENT SAMPLE TAGGED
MSG	1000 !CAL CALIBRATION HV9 R RIGHT   GOOD
MSG	1500 !CAL VALIDATION HV9 R RIGHT GOOD ERROR 0.40 avg. 0.80 max  OFFSET 0.10 deg. 1.0,2.0 pix.
"""


def trial(
    start: int,
    *,
    name: str | None = None,
    during: Sequence[tuple[int, str]] = (),
    after: Sequence[str] = (),
    samples: str = "RATE\t50.00",
    tail: str = "...",
    end: bool = True,
    eye: str = "RIGHT",
    rate: int = 50,
) -> str:
    """22 samples in two fixations with a saccade before and after the second, as edf2asc writes them."""
    letter, step = eye[0], 1000 // rate
    lines = [f"MSG\t{start - 20} TRIALID {name}"] if name else []
    lines += [
        f"MSG\t{start - 10} RECCFG CR {rate} 2 1 {letter}",
        f"MSG\t{start - 10} GAZE_COORDS 0.00 0.00 1023.00 767.00",
    ]
    lines += [f"START\t{start} \t{eye}\tSAMPLES\tEVENTS", f"SAMPLES\tGAZE\t{eye}\t{samples}\tTRACKING\tCR\tFILTER\t2"]
    said = dict(during)
    for k in range(22):
        time = start + step * k
        x, y = (200, 300) if k < 10 else (230, 300) if k == 10 else (600, 400) if k < 21 else (630, 400)
        lines += [f"MSG\t{time} {said[k]}"] if k in said else []
        lines.append(f"{time}\t  {x}.0\t  {y}.0\t  900.0\t{tail}")
        if k in (9, 20):
            first = start + step * (0 if k == 9 else 11)
            lines.append(f"EFIX {letter}   {first}\t{time}\t{time - first + step}\t  {x}.0\t  {y}.0\t    900")
        if k in (10, 21):
            lines.append(f"ESACC {letter}  {time}\t{time}\t{step}\t  {x}.0\t  {y}.0\t  9.0\t  9.0\t   2.00\t    100")
    lines += [f"END\t{start + 22 * step} \tSAMPLES\tEVENTS\tRES\t  35.00\t  35.00"] if end else []
    lines += [f"MSG\t{start + 22 * step + 30 + k} {text}" for k, text in enumerate(after)]
    return "\n".join(lines) + "\n"


def asc(folder: Path, *trials: str, name: str = "demo.asc", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes((HEAD + "".join(trials)).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("samples", "tail"),
    [
        ("HTARGET\tRATE\t  50.00", "... \t 4717.0\t 2908.0\t  611.2 ............."),
        ("VEL\tRES\tRATE\t  50.00", "   1.0\t   2.0\t  35.0\t  35.0\t..."),
        ("RES\tRATE\t  50.00", "  35.0\t  35.0\t..."),
        ("RATE\t  50.00", "... \t  127.0"),
    ],
)
def test_columns_after_the_gaze_are_passed_over(samples: str, tail: str, tmp_path: Path) -> None:
    (found,) = inspect(asc(tmp_path, trial(10000, samples=samples, tail=tail)))
    assert (found.samples, found.rate_hz, found.declared_rate_hz) == (22, pytest.approx(50), 50)
    assert (found.screen_px, found.accuracy_deg) == ((768, 1024), {"right": 0.40})
    assert found.events == {"fixation": 2, "saccade": 2}


def test_messages_after_end_belong_to_the_trial_before(tmp_path: Path) -> None:
    trials = [
        trial(
            start,
            name=name,
            during=[(5, "stimulus on")],
            after=["stimulus off", f"!V TRIAL_VAR condition {condition}", "TRIAL_RESULT 0"],
        )
        for start, name, condition in ((10000, "filmA", "baseline"), (20000, "filmB", "treatment"))
    ]
    first, second = read(asc(tmp_path, *trials))
    assert [m.text for m in second.messages if "stimulus" in m.text] == ["stimulus on", "stimulus off"]
    assert (first.stimuli, second.stimuli) == (("baseline",), ("treatment",))
    assert next(m.time_s for m in second.messages if m.text == "stimulus on") == pytest.approx(10.1)


def test_messages_after_end_without_trialid(tmp_path: Path) -> None:
    """The next trial begins with what prepares it: RECCFG and the like."""
    first, second = read(asc(tmp_path, trial(10000, after=["answer left"]), trial(20000, after=["answer right"])))
    assert [m.text for m in first.messages if m.text.startswith("answer")] == ["answer left"]
    assert [m.text for m in second.messages if m.text.startswith("answer")] == ["answer right"]
    assert second.messages[0].text.startswith("RECCFG")
    assert (first.trial, second.trial) == ("1", "2")


def test_eye_rate_and_validation_are_the_trials_own(tmp_path: Path) -> None:
    again = "MSG\t15000 !CAL VALIDATION HV9 L LEFT FAIR ERROR 0.90 avg. 1.80 max  OFFSET 0.10 deg. 1.0,2.0 pix.\n"
    path = asc(
        tmp_path, trial(10000, name="a"), again, trial(20000, name="b", eye="LEFT", rate=100, samples="RATE\t100")
    )
    first, second = read(path)
    assert (list(first.eyes), list(second.eyes)) == (["right"], ["left"])
    assert (first.declared.rate_hz, second.declared.rate_hz) == (50, 100)
    assert (first.declared.accuracy_deg, second.declared.accuracy_deg) == ({"right": 0.40}, {"left": 0.90})


def test_start_without_end(tmp_path: Path) -> None:
    path = asc(tmp_path, trial(10000, name="A", end=False), trial(20000, name="B"))
    (whole,) = read(path)
    assert (whole.trial, len(whole.time_s)) == ("B", 22)
    assert "trials without an END left out: 'A' from line" in whole.notes[0]
    picture = tmp_path / "shown.png"
    Image.new("RGB", (64, 48)).save(picture)
    with pytest.raises(DataError, match=r"no trial 'A' .*; trials without an END left out: 'A' .*`lenient`"):
        choose_trial([whole], "A", Stimulus.open(picture))
    a, b = inspect(path)
    assert (a.samples, b.samples) == (22, 22)
    assert a.notes == ("no END: the recording was cut short",)
    assert b.notes == ()
    last = asc(tmp_path, trial(10000, name="A", end=False), name="last.asc")
    with pytest.raises(DataError, match="has no END: the file is cut short"):
        read(last)
    (shown,) = inspect(last)
    assert (shown.samples, shown.notes) == (22, ("no END: the recording was cut short",))
    assert any("`lenient`" in words for words in shown.missing)


def test_imgload_names_and_places_the_picture(tmp_path: Path) -> None:
    first, second = read(
        asc(
            tmp_path,
            trial(10000, name="1", during=[(0, "!V IMGLOAD CENTER pictures/my photo.png 512 384")]),
            trial(
                20000, name="2", during=[(0, "-3 !V IMGLOAD TOP_LEFT other.png 10 20 300 200"), (5, "!V CLEAR 0 0 0")]
            ),
        )
    )
    assert first.stimuli == ("pictures/my photo.png",)
    assert first.shown == (Shown("pictures/my photo.png", "center", (512, 384)),)
    assert second.shown == (Shown("other.png", "top_left", (10, 20), (200, 300)),)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("!V IMGLOAD FILL images/a.jpg", Shown("images/a.jpg", "fill")),
        ("!V IMGLOAD CENTER a.jpg", Shown("a.jpg", "center")),
        ("!V IMGLOAD TOP_LEFT scan 12.png 0 0", Shown("scan 12.png", "top_left", (0, 0))),
        ("!V VFRAME 7 240 60 clips/a.avi", Shown("clips/a.avi", "frame", (240, 60))),
    ],
)
def test_places_of_pictures(text: str, shown: Shown) -> None:
    assert stimuli([Message(0.0, text, 1)]) == ((shown.name,), (shown,))


def test_numbers_name_no_stimulus_where_the_file_says_more() -> None:
    """TRIALID 7 of a shuffled order must not be taken for 7.png."""
    said = ["!V TRIAL_VAR trial_number 7", "!V TRIAL_VAR condition far", "!V TRIAL_VAR image_id 12"]
    assert stimuli([Message(0.0, text, 1) for text in said])[0] == ("12", "far")
    bare = Recording(Path("a"), "eyelink", "", np.empty(0), {}, trial="7")
    assert bare.called == ("7",)
    assert replace(bare, stimuli=("b.png",)).called == ("b.png",)
    assert replace(bare, trial="film#2", stimuli=("far",)).called == ("far", "film")


def test_trials_named_by_messages(tmp_path: Path) -> None:
    path = asc(
        tmp_path,
        trial(10000, name="1", during=[(0, "show dog.png")]),
        trial(20000, name="2", during=[(0, "show cat.png"), (15, "answer")]),
    )
    named = read(path, options=ReadOptions(trial_message=r"^show (.+)"))
    assert [(r.trial, len(r.time_s)) for r in named] == [("dog.png", 22), ("cat.png", 22)]
    with pytest.raises(DataError, match=r"none of 9 messages matches `trial_message` 'image \(\.\+\)' \('TRIALID 1'"):
        read(path, options=ReadOptions(trial_message="image (.+)"))
    with pytest.raises(UsageError, match="`trial_message` '\\(' is not a regular expression"):
        read(path, options=ReadOptions(trial_message="("))


def test_messages_that_cut_one_recording_into_trials(tmp_path: Path) -> None:
    path = asc(tmp_path, trial(10000, during=[(2, "show dog.png"), (12, "show cat.png")]))
    named = read(path, options=ReadOptions(trial_message=r"^show (.+)"))
    assert [(r.trial, len(r.time_s)) for r in named] == [("dog.png", 10), ("cat.png", 10)]
    np.testing.assert_allclose(named[1].time_s[[0, -1]], [0.24, 0.42])


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_letters_of_either_encoding(encoding: str, tmp_path: Path) -> None:
    (recording,) = read(asc(tmp_path, trial(10000, name="Müller_Straße.png"), encoding=encoding))
    assert recording.trial == "Müller_Straße.png"


def test_gzipped(tmp_path: Path) -> None:
    plain = asc(tmp_path, trial(10000, name="a"))
    zipped = tmp_path / "demo.asc.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    (recording,) = read(zipped)
    assert (recording.format, recording.trial, len(recording.time_s)) == ("eyelink", "a", 22)


def test_msg_rows_alone_are_no_eyelink_file(tmp_path: Path) -> None:
    log = tmp_path / "log.tsv"
    log.write_text("a\tb\tc\nMSG\t12 hello\n1\t2\t3\n")
    with pytest.raises(DataError, match="no export of a known eye tracker"):
        read(log)


def test_several_events_alone(tmp_path: Path) -> None:
    """edf2asc -e: each trial counts from its own START."""
    text = HEAD + trial(10000, name="a") + trial(20000, name="b")
    path = tmp_path / "events.asc"
    path.write_text("".join(line for line in text.splitlines(True) if not line[0].isdigit()))
    _, second = read(path)
    assert (second.start_s, len(second.time_s)) == (10.0, 0)
    assert second.events is not None
    assert second.events["onset_s"].min() == pytest.approx(10.0)
