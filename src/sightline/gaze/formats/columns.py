"""Which column of a table is what, by the names that people and programs give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sightline.errors import UsageError
from sightline.gaze.formats.table import Head

# Names without spaces, letters' case, units and signs; the first that a table has is taken. {} is x or y.
_POINT = (
    "{}", "gaze{}", "{}gaze", "fixation{}", "fix{}", "{}fix", "pos{}", "{}pos", "{}position", "position{}", "{}coord",
    "coord{}", "{}coordinate", "screen{}", "gazepoint{}", "fixationpoint{}", "fixationposition{}",
    "visualintakeposition{}", "currentfix{}", "location{}", "avg{}", "mean{}", "{}mean", "end{}", "{}pred", "pred{}",
    "averagegaze{}", "{}p", "gazepos{}", "{}gazepos",
)  # fmt: skip
_NAMES: dict[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "t", "sampletime", "recordingtime", "recordingtimestamp", "timeelapsed",
             "gazetimestamp", "times", "clock"),
    "onset": ("onset", "start", "starttime", "fixationstart", "fixationonset", "fixstart", "fixonset",
              "currentfixstart", "onsettime", "eventstarttrialtime", "eventstart", "begin", "tstart", "startt",
              "fixationstarttime"),
    "end": ("end", "endtime", "offset", "fixationend", "fixend", "currentfixend", "eventendtrialtime", "eventend",
            "finish", "tend", "fixationendtime"),
    "duration": ("duration", "dur", "fixationduration", "fixduration", "fixdur", "currentfixduration", "eventduration",
                 "gazeeventduration", "fixationdur"),
    "x": tuple(name.format("x") for name in _POINT),
    "y": tuple(name.format("y") for name in _POINT),
    "subject": ("subject", "participant", "subjectid", "participantid", "participantname", "subj", "sub", "observer",
                "observerid", "viewer", "viewerid", "user", "userid", "recordingsessionlabel", "recsessionid", "ppid",
                "id"),
    "trial": ("trial", "trialindex", "trialid", "trialnr", "trialnumber", "trialnum", "triallabel", "trialno"),
    "stimulus": ("stimulus", "stimulusname", "stimulusid", "stim", "media", "medianame", "image", "imagename",
                 "imageid", "imagefile", "picture", "video", "videoname", "videoid", "presentedstimulusname",
                 "presentedmedianame"),
    "event": ("event", "eventtype", "label", "eyemovement", "eyemovementtype", "trialtype", "category", "kind", "type"),
    "eye": ("eye", "eyeused", "eyelr", "whicheye", "trackedeye", "recordedeye"),
    "validity": ("validity", "valid", "isvalid", "gazevalid", "gazevalidity", "state", "status", "tracking"),
    "confidence": ("confidence", "conf", "gazeconfidence", "faceconf"),
}  # fmt: skip
NAMES = tuple(_NAMES)
_OF_EYE = ("{0}gaze{1}", "gaze{0}{1}", "{0}{1}", "{1}{0}", "gaze{1}{0}", "{0}gazepoint{1}", "gazepoint{0}{1}",
           "gazepoint{1}{0}", "{0}pixel{1}", "{0}fixation{1}")  # fmt: skip
_SIDES = {"left": ("left", "l", "lefteye"), "right": ("right", "r", "righteye")}
_UNITS = r"(?:s|secs?|seconds?|ms|msecs?|milliseconds?|us|µs|μs|ns|px|pix|pixels?|norm|normali[sz]ed|deg)"
# Columns of reports whose positions are the screen's.
_OF_SCREEN = re.compile(r"(?i)(current.?fix|fixation position|visual intake position)")


@dataclass(frozen=True, slots=True)
class Columns:
    """Our names to the file's own; and for each eye the columns of x and y where they stand side by side."""

    of: dict[str, str]
    eyes: dict[str, tuple[str, str]]

    def __contains__(self, name: str) -> bool:
        return name in self.of

    @property
    def has_points(self) -> bool:
        """Whether there are positions."""
        return {"x", "y"} <= set(self.of) or bool(self.eyes)

    @property
    def on_screen(self) -> bool:
        """Whether the names are those of a program that reports positions on the screen."""
        return _OF_SCREEN.match(self.of.get("x", "")) is not None


def plain(column: str) -> str:
    """A column's name without its unit, signs and capitals: "Fixation Position X [px]" is fixationpositionx."""
    name = re.sub(rf"(?:[_\s]+|\s*[\[(]\s*){_UNITS}\s*[\])]?$", "", column.strip(), flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_columns(head: Head, given: Mapping[str, str]) -> Columns:
    """Match the header's names. Raises UsageError for names in `given` that neither side has."""
    for name, column in given.items():
        if name not in _NAMES:
            raise UsageError(f"`columns` {name}={column}: the name is one of {', '.join(NAMES)}")
        if column not in head.columns:
            raise UsageError(f"`columns` {name}={column}: {head.path} has no column {column!r}")
    own = [(plain(column), column) for column in head.columns]
    found = dict(given)
    for name, words in _NAMES.items():
        if name in found:
            continue
        hits = [column for word in words for base, column in own if base == word and column not in given.values()]
        if name in ("time", "onset", "end", "duration") and len(hits) > 1:
            hits = [column for column in hits if _numeric(head, column)] or hits  # a date is no time of a sample
        if hits:
            found[name] = hits[0]
    bases = dict(reversed(own))
    eyes = {}
    for eye, sides in _SIDES.items():
        for form in _OF_EYE:
            pairs = [(bases.get(form.format(side, "x")), bases.get(form.format(side, "y"))) for side in sides]
            if eye not in eyes and (pair := next(((x, y) for x, y in pairs if x and y), None)):
                eyes[eye] = pair
    return Columns(found, {} if {"x", "y"} <= set(given) else eyes)


def _numeric(head: Head, column: str) -> bool:
    """Whether the first row that has a number of cells like the header's has a number there."""
    at = head.columns.index(column)
    for line in head.lines[head.header + 1 : head.header + 21]:
        cells = [cell.strip().strip('"') for cell in line.split(head.separator)]
        if len(cells) == len(head.columns) and cells[at]:
            return re.fullmatch(r"[-+]?\d+([.,]\d*)?([eE][-+]?\d+)?", cells[at]) is not None
    return True
