"""Decoded pictures as the 8-bit RGB that a screen shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

_UNTAGGED = 2  # AVCOL_SPC_UNSPECIFIED, AVCOL_PRI_UNSPECIFIED
_BT2020 = 9  # AVCOL_SPC_BT2020_NCL, AVCOL_PRI_BT2020
_HDR = {16: "PQ", 18: "HLG"}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
GREY = 128  # what is seen through transparent parts


class ToRGB:
    """Converts the pictures of one video.

    Matrices follow the file's tag; without one, BT.709 for high definition (1280 columns or more than 576 lines), else
    BT.601, as players do. HDR (PQ, HLG) becomes BT.709 through libswscale: white at 203 cd/m2 (ITU-R BT.2408) is
    white, what is brighter is clipped. Transparent parts show grey.

    note: is called with (text, what it is about).
    """

    def __init__(self, note: Callable[[str, str], None]) -> None:
        self._note = note
        self._convert = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 of `size` (height, width)."""
        if (frame.height, frame.width) != size:
            self._note(
                f"frames of other sizes ({frame.height}x{frame.width}) are scaled to the first one's {size[0]}x"
                f"{size[1]} (height x width)",
                "sizes",
            )
        if any(component.is_alpha for component in frame.format.components):
            return self._on_grey(frame, size)
        return np.asarray(self._rgb(frame, size, "rgb24").to_ndarray(), np.uint8)

    def _rgb(self, frame: av.VideoFrame, size: tuple[int, int], layout: str) -> av.VideoFrame:
        given: dict[str, Any] = {}
        if frame.color_trc in _HDR:
            self._note(f"HDR ({_HDR[frame.color_trc]}) is tone-mapped to BT.709: 203 cd/m2 is white", "hdr")
            given = {"dst_color_trc": ColorTrc.BT709, "dst_color_primaries": ColorPrimaries.BT709}
            if frame.color_primaries == _UNTAGGED:
                frame.color_primaries = _BT2020
            if frame.colorspace == _UNTAGGED and not frame.format.is_rgb:
                frame.colorspace = _BT2020
        elif frame.colorspace == _UNTAGGED and (frame.width >= 1280 or frame.height > 576):
            given = {"src_colorspace": Colorspace.ITU709}
        return self._convert.reformat(frame, width=size[1], height=size[0], format=layout, threads=1, **given)

    def _on_grey(self, frame: av.VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
        image = np.asarray(self._rgb(frame, size, "rgba").to_ndarray(), np.uint8)
        if (image[..., 3] == 255).all():
            return np.ascontiguousarray(image[..., :3])
        self._note("transparent parts are shown on grey", "alpha")
        return on_grey(image)


def on_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) RGBA composed on grey, (H, W, 3)."""
    opacity = image[..., 3:].astype(np.float32) / 255
    return (image[..., :3] * opacity + GREY * (1 - opacity) + 0.5).astype(np.uint8)
