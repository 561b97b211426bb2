"""The published data sets that Sightline reads: one line each.

A new data set costs a reader and a line here. Recipes, `sightline data` and the documentation take theirs from the
table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from sightline.data import (
    attention_target,
    ave,
    bsds,
    childplay,
    davis,
    duts,
    fbms,
    gazefollow,
    goo,
    image_fixations,
    looking,
    osie,
    salicon,
    segtrack,
    stavis,
    vggsound,
    visal,
    voc,
    vsod,
    youtube_objects,
)
from sightline.data.observed import Observed, read_observed
from sightline.data.samples import FixationImage, ImageMask, LookingImage, VideoSequence
from sightline.data.tagged import TaggedVideo
from sightline.errors import UsageError

Sample = ImageMask | VideoSequence | FixationImage | Observed | LookingImage | TaggedVideo
Label = Literal["masks", "fixations", "scribbles", "gaze targets", "heads", "tags"]


@dataclass(frozen=True, slots=True)
class Family:
    """A published data set, or several of one layout.

    Attributes
    ----------
    name : str
        What recipes and `sightline data check` call it.
    title : str
        Its own name, with authors and year.
    sample : type
        What its reader gives: `ImageMask`, `VideoSequence`, `FixationImage`, `Observed`, `LookingImage`, `TaggedVideo`.
    has : tuple of str
        What is labelled: "masks", "fixations", "scribbles", "gaze targets", "heads", "tags".
    reader : callable
        Takes the root and, of a family with splits, a split.
    layout : str
        The files that the reader expects below the root.
    splits : tuple of str
        The names of its splits as the reader takes them; () where a folder is read as it is.

    Examples
    --------
    >>> from sightline.data import FAMILIES
    >>> [known.name for known in FAMILIES.values() if "scribbles" in known.has]
    ['s-davis', 's-davsod']
    """

    name: str
    title: str
    sample: type
    has: tuple[Label, ...]
    reader: Callable[..., Sequence[Sample] | Mapping[str, Sample]]
    layout: str
    splits: tuple[str, ...] = ()

    def read(self, root: str | Path, split: str | None = None) -> list[Sample]:
        """Read the samples of a folder.

        Parameters
        ----------
        root : str or Path
            The folder of the data set.
        split : str, optional
            One of `splits`; None is the reader's own default.

        Returns
        -------
        list
            Instances of `sample`, in the reader's order. They hold paths, and open their files when asked.

        Raises
        ------
        UsageError
            If the family has no such split.
        DataError
            If the folder lacks what the layout says, with the name of what is missing.
        """
        self.check_split(split)
        found = self.reader(root) if split is None else self.reader(root, split)
        return list(found.values() if isinstance(found, Mapping) else found)

    def check_split(self, split: str | None) -> None:
        """Raise UsageError if `split` is neither None nor one of the splits."""
        if split is not None and split not in self.splits:
            known = ", ".join(self.splits) or "none: leave `split` out"
            raise UsageError(f"{self.name} has no split {split!r}; known splits: {known}")


def _vsod(name: str) -> Callable[..., list[VideoSequence]]:
    return partial(vsod.sequences, needs=vsod.NEEDS[name])


def _stavis(name: str, folder: str, title: str, splits: tuple[str, ...] = stavis.SPLITS) -> Family:
    reader = partial(stavis.videos, folder)
    return Family(name, title, Observed, ("fixations",), reader, stavis.LAYOUT.format(name=folder), splits)


_VOS = "<sequence>/Imgs with <sequence>/ground-truth"
_STROKES = "<sequence>/Imgs with strokes in <sequence>/gt (the object) and <sequence>/mask (all)"

# fmt: off
FAMILIES: dict[str, Family] = {family.name: family for family in (
    _stavis("avad", "AVAD", "AVAD (Min 2016), of STAViS"),
    Family("ave", "AVE (Tian 2018)", TaggedVideo, ("tags",), ave.events, ave.LAYOUT, ave.SPLITS),
    Family("bsds500", "BSDS500 (Arbelaez 2011)", ImageMask, ("masks",), bsds.segments, bsds.LAYOUT, bsds.SPLITS),
    Family("childplay", "ChildPlay (Tafasca 2023)", LookingImage, ("gaze targets",), childplay.frames,
           childplay.LAYOUT, childplay.SPLITS),
    _stavis("coutrot1", "Coutrot_db1", "Coutrot 1 (Coutrot 2013), of STAViS"),
    _stavis("coutrot2", "Coutrot_db2", "Coutrot 2 (Coutrot 2015), of STAViS"),
    Family("davis2016", "DAVIS-2016 (Perazzi 2016)", VideoSequence, ("masks",), davis.sequences, davis.LAYOUT,
           ("train", "val", "sequences")),
    Family("davsod", "DAVSOD (Fan 2019)", VideoSequence, ("masks", "fixations"), _vsod("davsod"),
           "<sequence>/Imgs with <sequence>/GT_object_level and <sequence>/Fixation_maps, however deep"),
    Family("dhf1k", "DHF1K (Wang 2018)", Observed, ("fixations",), read_observed,
           "<video>/fixation/<frame>.png or <video>/fixation/maps/<frame>.mat, with <video>/maps/<frame>.png"),
    _stavis("diem", "DIEM", "DIEM (Mital 2011), of STAViS", stavis.DIEM_SPLITS),
    Family("duts", "DUTS (Wang 2017)", ImageMask, ("masks",), duts.pairs, duts.LAYOUT, ("TR", "TE")),
    _stavis("etmd", "ETMD_av", "ETMD (Koutras 2015), of STAViS"),
    Family("fbms", "FBMS-59 (Ochs 2014)", VideoSequence, ("masks",), fbms.sequences, f"{fbms.LAYOUT}, or {_VOS}",
           (*fbms.SPLITS,)),
    Family("fixations", "photographs with fixations, as tables", FixationImage, ("fixations",),
           image_fixations.images, image_fixations.LAYOUT),
    Family("gazefollow", "GazeFollow (Recasens 2015), extended (Chong 2020)", LookingImage, ("gaze targets",),
           gazefollow.people, gazefollow.LAYOUT, gazefollow.SPLITS),
    Family("goo", "GOO (Tomas 2021)", LookingImage, ("masks", "gaze targets"), looking.read_goo, goo.LAYOUT),
    Family("heads", "heads with direction of gaze, by open detectors", LookingImage, ("heads",), looking.heads,
           looking.HEADS_LAYOUT, looking.HEADS_SPLITS),
    Family("looking", "photographs with who looks at what, as a table", LookingImage, ("gaze targets",),
           looking.read_looking, looking.LOOKING_LAYOUT),
    Family("multi-face", "multi-face videos (Liu 2016), or any videos with tables", Observed, ("fixations",),
           read_observed, "<video>_fixations.csv beside <video>.mp4"),
    Family("osie", "OSIE (Xu 2014) and EyeCrowd (Jiang 2014)", Observed, ("fixations",), osie.stimuli, osie.LAYOUT),
    Family("s-davis", "S-DAVIS (Zhao 2021)", VideoSequence, ("scribbles",), _vsod("s-davis"), _STROKES),
    Family("s-davsod", "S-DAVSOD (Zhao 2021)", VideoSequence, ("scribbles",), _vsod("s-davsod"), _STROKES),
    Family("salicon", "SALICON (Jiang 2015)", FixationImage, ("fixations",), salicon.images, salicon.LAYOUT,
           ("train", "val")),
    Family("segtrackv2", "SegTrackv2 (Li 2013)", VideoSequence, ("masks",), segtrack.sequences,
           f"{segtrack.LAYOUT}, or {_VOS}"),
    Family("stavis", "the sets of STAViS (Tsiami 2020)", Observed, ("fixations",), read_observed,
           "<video>/fixMap_00001.mat with <video>/maps/eyeMap_00001.jpg"),
    _stavis("summe", "SumMe", "SumMe (Gygli 2014), of STAViS"),
    Family("vggsound", "VGGSound (Chen 2020)", TaggedVideo, ("tags",), vggsound.clips, vggsound.LAYOUT,
           vggsound.SPLITS),
    Family("videoattentiontarget", "VideoAttentionTarget (Chong 2020)", LookingImage, ("gaze targets",),
           attention_target.frames, attention_target.LAYOUT, attention_target.SPLITS),
    Family("visal", "ViSal (Wang 2015)", VideoSequence, ("masks",), visal.sequences, visal.LAYOUT),
    Family("voc", "PASCAL VOC 2012 (Everingham 2010)", ImageMask, ("masks",), voc.objects, voc.LAYOUT,
           ("train", "val", "trainval")),
    Family("vos", "VOS (Li 2018)", VideoSequence, ("masks",), _vsod("vos"), _VOS),
    Family("youtube-objects", "YouTube-Objects (Jain 2014)", VideoSequence, ("masks",), youtube_objects.sequences,
           youtube_objects.LAYOUT),
)}
# fmt: on


def family(name: str) -> Family:
    """Look a data set up by its name.

    Parameters
    ----------
    name : str
        As `sightline data list` shows it.

    Returns
    -------
    Family
        Its line of the table `FAMILIES`.

    Raises
    ------
    UsageError
        If there is none of that name; the message lists those that there are.

    Examples
    --------
    >>> from sightline.data import family
    >>> family("duts").splits
    ('TR', 'TE')
    """
    if name not in FAMILIES:
        raise UsageError(f"unknown data set {name!r}; one of {', '.join(FAMILIES)} is expected")
    return FAMILIES[name]
