"""Several targets in one video: a tracker each, and one look at the frame for all.

Trackers whose crops lie close together look at one crop, so that the backbone runs once for them. The flow, EG-Net's
map and the whole frame's features are computed once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sightline.models.wcsnet.evidence import FrameMotion
from sightline.models.wcsnet.geometry import Crop
from sightline.models.wcsnet.tracker import Tracked, Tracker
from sightline.models.wcsnet.view import Eyes, View
from sightline.types import Cue


class Targets:
    """Follows the objects of a prompt from the frames on in which it points them out. Memory is constant.

    cues: of each object by its number, in order of time, as `Prompt.targets` gives them; none of any leaves the choice
    of one to EG-Net. early_s: half the time between two frames, so that the nearest frame to a cue is its own.
    """

    def __init__(
        self, tracker: Callable[[Eyes], Tracker], eyes: Eyes, cues: Mapping[int, Sequence[Cue]], early_s: float
    ) -> None:
        """tracker: makes one with these eyes."""
        self._tracker, self._eyes, self._early_s = tracker, eyes, early_s
        self._waiting = {number: list(each) for number, each in cues.items()}
        self._trackers: dict[int, Tracker] = {}
        self._numbers = tuple(cues) or (1,)
        self._alone = not cues

    @property
    def waiting(self) -> list[Cue]:
        """The cues that no frame has been late enough for."""
        return [cue for cues in self._waiting.values() for cue in cues]

    @property
    def started(self) -> bool:
        """Whether any object has been pointed out, or chosen, so far."""
        return bool(self._trackers)

    def step(
        self,
        frame: NDArray[np.uint8],
        time_s: float,
        motion: FrameMotion | None = None,
        following: Sequence[NDArray[np.uint8]] = (),
        saliency: NDArray[np.float32] | None = None,
    ) -> dict[int, Tracked]:
        """The targets in the next frame, (H, W, 3) uint8 RGB, by number; "lost" before it is pointed out.

        motion: `frame_motion` of it, without which it is computed; following: the frames after the first one;
        saliency: as of `View`.
        """
        view = View(frame, self._eyes, saliency)
        crops = self._shared()
        found = {}
        for number in self._numbers:
            tracker = self._trackers.get(number)
            cues = self._due(number, time_s)
            if tracker is None and not cues and not self._alone:
                empty = np.zeros(frame.shape[:2], np.float32)
                found[number] = Tracked(empty, empty.astype(bool), empty, None, 0.0, "lost")
                continue
            if tracker is None:
                tracker = self._tracker(self._eyes)
                tracker.among_others = len(self._numbers) > 1
                self._trackers[number] = tracker
                first = cues.pop(0) if cues else Cue()
                found[number] = tracker.begin(view, first, following=following)
            else:
                found[number] = tracker.step(frame, motion, view=view, crop=crops.get(number))
            for cue in cues:
                found[number] = tracker.mend(view, cue)
        return found

    def _due(self, number: int, time_s: float) -> list[Cue]:
        waiting = self._waiting.get(number, [])
        due = [cue for cue in waiting if cue.at_s <= time_s + self._early_s]
        self._waiting[number] = waiting[len(due) :]
        return due

    def _shared(self) -> dict[int, Crop]:
        """Where each tracker that follows its target looks next: with others where their crops lie close together."""
        groups: list[tuple[Crop, list[tuple[int, Crop]]]] = []
        for number, tracker in self._trackers.items():
            own = tracker.crop
            if own is None:
                continue
            for place, (joint, members) in enumerate(groups):
                wider, smallest = joint.join(own), min(crop.side for _, crop in [*members, (number, own)])
                if wider.side <= tracker.config.crop.shared * smallest:
                    groups[place] = wider, [*members, (number, own)]
                    break
            else:
                groups.append((own, [(number, own)]))
        return {number: joint for joint, members in groups for number, _ in members}
