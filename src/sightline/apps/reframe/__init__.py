"""A crop that follows what people look at: paths and films in another aspect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.apps.outcome import Outcome
from sightline.apps.reframe.config import ReframeConfig
from sightline.apps.reframe.crop import Aspect
from sightline.apps.reframe.plan import Fit
from sightline.apps.reframe.run import Reframe
from sightline.types import Box, Point, Prompt

__all__ = ["Reframe", "ReframeConfig", "reframe"]


def reframe(
    source: str | Path,
    out: str | Path,
    aspect: str | Sequence[str] = "9:16",
    *,
    model: str | Path = "wcsnet",
    device: str = "auto",
    fit: Fit = "crop",
    zoom: float = 1.0,
    cuts: bool = True,
    point: Point | Sequence[Point] | None = None,
    box: Box | None = None,
    mask: NDArray[np.bool_] | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    path_only: bool = False,
    preview: bool = False,
    overwrite: bool = False,
    config: ReframeConfig | None = None,
) -> Outcome:
    """Reframe a video or picture into the folder `out`.

    Parameters
    ----------
    source
        A video, an image or a folder of numbered frames.
    out
        Gets path.csv, sendcmd.txt, path.edl, reframe.json and the film; with several aspects, a folder of these each.
    aspect
        Width to height as shown, "9:16"; or several.
    model, device
        What `sightline.load` takes. The model says what is worth keeping.
    fit
        Where what matters does not fit: "crop" leaves some out, "pad" shows a wider part between black bars, "blur" on
        a blurred ground.
    zoom
        How much the crop may shrink towards the object; 1 is not at all.
    cuts
        Whether the crop may jump to another target inside of a shot.
    point, box, mask
        What to keep in view, in the first frame, pixels: a place (x, y) or several, a box (x1, y1, x2, y2), a mask
        (H, W) bool. The model has to take them, as `wcsnet` does.
    start_s, end_s
        The part of the video, seconds; to its end, if `end_s` is not given.
    path_only
        Write no film.
    preview
        Write the source with the crop drawn on it, too.
    overwrite
        Replace results of another run.
    config
        What tunes the path.

    Returns
    -------
    What became of it: status "done", "skipped" or "failed", frames, notes.

    Raises
    ------
    SourceError
        The source cannot be read at all.
    UsageError
        An aspect, zoom or model that is none, or a place that the model does not take.
    OutputError
        The folder cannot be written, or holds results of another run.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (160, 90)).save(folder / "photo.png")
    >>> reframe(folder / "photo.png", folder / "out", "1:1", model="egnet", device="cpu").status
    'done'
    >>> Image.open(folder / "out" / "reframed.png").size
    (90, 90)
    """
    from sightline import models
    from sightline.video.opening import is_stream

    aspects = tuple(Aspect.parse(one) for one in ([aspect] if isinstance(aspect, str) else aspect))
    prompt, predictor = Prompt(point=point, box=box, mask=mask), models.load(model, device=device)
    predictor.require(*prompt.kinds)
    job = Reframe(
        predictor,
        aspects,
        config or ReframeConfig(),
        fit=fit,
        zoom=zoom,
        cuts=cuts,
        films=not path_only,
        preview=preview,
        prompt=prompt,
        start_s=start_s,
        end_s=end_s,
        overwrite=overwrite,
    )
    return job.to_folder(str(source) if is_stream(source) else Path(source), Path(out))
