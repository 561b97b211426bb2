"""Masks of boxed objects (SamGOP, Sec. 3.2): by SAM, prompted with the box, or by a salient-object network on its crop.

Both have seen masks: what is made from theirs says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from sightline.errors import UsageError, WeightsError
from sightline.training.labels.teacher import MEAN, STD, Teacher

SIDE = 320
"""Pixels that U2-Net sees, a side."""
MARGIN = 0.3
"""Around a box, on each side, as a share of its size: U2-Net takes what fills a picture for the background."""
FAINT = 0.5
"""The highest minus the lowest raw value, below which U2-Net has seen nothing in the crop."""
EMPTY, FULL = 0.02, 0.98
"""Shares of the box: a mask of less or more than that says nothing."""
CHUNK = 16
"""Boxes that SAM decodes at a time: memory does not grow with their number."""


class BoxTeacher(Protocol):
    """What turns boxes into masks.

    Attributes
    ----------
    confidence
        The score below which its masks are not worth having.
    about
        What it is, for a model card.
    """

    confidence: float
    about: str

    def __call__(
        self, image: NDArray[np.uint8], boxes: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Give the mask of the object in each box.

        Parameters
        ----------
        image : ndarray, (H, W, 3) uint8
            RGB.
        boxes : ndarray, (N, 4) float64
            x1, y1, x2, y2 in its pixels, each with something of the picture in it.

        Returns
        -------
        masks : ndarray, (N, H, W) bool
            Inside of the boxes.
        scores : ndarray, (N,) float64
            The IoU that is expected of each.
        """


def box_teacher(name: str, device: torch.device | str = "cpu") -> BoxTeacher:
    """A SAM of transformers (Hub id or folder), or U2-Net as .onnx, or a folder with that.

    Raises
    ------
    WeightsError
        The model cannot be had, or is another one.
    UsageError
        U2-Net without onnxruntime.
    """
    path = Path(name)
    graphs = sorted(path.glob("*.onnx")) if path.is_dir() and not (path / "config.json").is_file() else []
    if path.suffix == ".onnx" or graphs:
        return SaliencyOfBox(graphs[0] if graphs else path)
    return SamOfBox(name, device)


class SamOfBox(Teacher):
    """SAM, prompted with a box, and again with the mask that it gave (Eq. 3 and 4).

    Parameters
    ----------
    name : str or Path
        A Hub id (`facebook/sam-vit-base`) or a folder that transformers saved.
    device : torch.device or str

    Raises
    ------
    WeightsError
        The model cannot be had, or is no SAM of the first kind.
    """

    confidence = 0.7

    def __init__(self, name: str | Path, device: torch.device | str = "cpu") -> None:
        super().__init__(name, device)
        if self.stretched:
            raise WeightsError(f"{name}: a SAM 2; boxes are turned into masks by the first SAM, facebook/sam-vit-base")
        self.about = f"SAM {name}, prompted with boxes and its own masks"

    @torch.inference_mode()
    def __call__(  # type: ignore[override]  # boxes instead of points
        self, image: NDArray[np.uint8], boxes: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """See `BoxTeacher`."""
        height, width = image.shape[:2]
        scale = self.size / max(height, width)
        small = round(height * scale), round(width * scale)
        seen = self.network.get_image_embeddings(self._pixels(image, small))
        masks, scores = [], []
        for start in range(0, len(boxes), CHUNK):
            # SAM counts from the middle of a pixel and adds the half itself.
            prompt = boxes[start : start + CHUNK] * ((small[1] / width, small[0] / height) * 2) - 0.5
            given = torch.as_tensor(prompt, dtype=torch.float32, device=self.device)[:, None]
            each = seen.expand(len(prompt), -1, -1, -1)
            first = self.network(image_embeddings=each, input_boxes=given, multimask_output=False)
            again = self.network(image_embeddings=each, input_masks=first.pred_masks[:, 0], multimask_output=False)
            logits = interpolate(again.pred_masks[:, 0].float(), (self.size, self.size), mode="bilinear")
            whole = interpolate(logits[..., : small[0], : small[1]], (height, width), mode="bilinear")[:, 0] > 0
            masks.append(whole.cpu().numpy())
            scores.append(again.iou_scores[:, 0, 0].double().cpu().numpy())
        if not masks:
            return np.zeros((0, height, width), np.bool_), np.zeros(0)
        return _inside(np.concatenate(masks), boxes), np.concatenate(scores)


class SaliencyOfBox:
    """U2-Net (Qin et al., 2020) on the crop of a box with a margin.

    Parameters
    ----------
    path : Path
        The network as ONNX, with pictures (1, 3, 320, 320) in and a map in [0, 1] as the first of its outputs.

    Raises
    ------
    UsageError
        onnxruntime is not installed.
    WeightsError
        The file is none that it can run.
    """

    confidence = 0.8

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise UsageError('`model`: an .onnx needs onnxruntime; pip install "sightline[export]"') from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            self._input = self._session.get_inputs()[0].name
        except Exception as error:  # onnxruntime has no class of its own for a damaged file
            said = next(iter(str(error).splitlines()), "no reason given")
            raise WeightsError(f"{path}: no network that onnxruntime can run ({said}); copy it again") from None
        self.about = f"U2-Net {path.name}, learned from human masks, on crops of boxes"

    def __call__(
        self, image: NDArray[np.uint8], boxes: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """See `BoxTeacher`. A score is the IoU of mask and object where the map is taken for probabilities."""
        height, width = image.shape[:2]
        masks, scores = np.zeros((len(boxes), height, width), np.bool_), np.zeros(len(boxes))
        for index, box in enumerate(boxes):
            x1, y1, x2, y2 = _with_margin(box, (height, width))
            probability = self.saliency(image[y1:y2, x1:x2])
            if probability is None:
                continue
            left, top, right, bottom = _whole(box, (height, width))
            inner = probability[top - y1 : bottom - y1, left - x1 : right - x1]
            mask = inner > 0.5
            if EMPTY < mask.mean() < FULL:
                masks[index, top:bottom, left:right] = mask
                scores[index] = inner[mask].sum() / (mask.sum() + inner[~mask].sum())
        return masks, scores

    def saliency(self, crop: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """The map of a crop (h, w, 3), stretched to [0, 1]; None where the network sees nothing in it."""
        small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        pixels = (small / max(float(small.max()), 1.0) - MEAN) / STD
        raw = self._session.run(None, {self._input: pixels.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
        low, high = float(raw.min()), float(raw.max())
        if high - low < FAINT:
            return None
        stretched = cv2.resize((raw - low) / (high - low), crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(stretched, np.float32)


def _whole(box: NDArray[np.float64], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels of a box within a picture of (height, width), one at least."""
    height, width = size
    left, top = min(max(int(np.floor(box[0])), 0), width - 1), min(max(int(np.floor(box[1])), 0), height - 1)
    return left, top, max(min(int(np.ceil(box[2])), width), left + 1), max(min(int(np.ceil(box[3])), height), top + 1)


def _with_margin(box: NDArray[np.float64], size: tuple[int, int]) -> tuple[int, int, int, int]:
    wide, high = MARGIN * (box[2] - box[0]), MARGIN * (box[3] - box[1])
    return _whole(box + np.array([-wide, -high, wide, high]), size)


def _inside(masks: NDArray[np.bool_], boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Masks cut to their boxes."""
    for mask, box in zip(masks, boxes, strict=True):
        left, top, right, bottom = _whole(box, mask.shape)
        outside = np.ones(mask.shape, np.bool_)
        outside[top:bottom, left:right] = False
        mask[outside] = False
    return masks
