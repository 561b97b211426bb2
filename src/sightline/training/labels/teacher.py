"""An optional teacher: SAM or SAM 2, prompted with the fixations on a frame, proposes the mask of what is fixated.

SAM (Kirillov et al., ICCV 2023) and SAM 2 (Ravi et al., 2024) come from transformers, by Hub id or folder. They have
seen masks, of no class and of other pictures: results with a teacher say so.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor
from torch.nn.functional import interpolate

from sightline.errors import DataError, WeightsError

MEAN = np.array((0.485, 0.456, 0.406), np.float32)
STD = np.array((0.229, 0.224, 0.225), np.float32)
KINDS = ("sam", "sam2", "sam2_video")
"""As config.json calls them; a checkpoint of SAM 2 for video holds the model for pictures too."""


class Teacher:
    """Masks of what is fixated.

    Parameters
    ----------
    name : str or Path
        A Hub id (`facebook/sam-vit-base`, `facebook/sam2.1-hiera-tiny`) or a folder that transformers saved. Weights
        are read from safetensors alone.
    device : torch.device or str

    Raises
    ------
    WeightsError
        The model cannot be had, or is another one.
    """

    def __init__(self, name: str | Path, device: torch.device | str = "cpu") -> None:
        from transformers import AutoConfig, AutoModelForMaskGeneration

        try:
            config = AutoConfig.from_pretrained(name)
            if config.model_type not in KINDS:
                raise WeightsError(f"{name}: a {config.model_type!r} model; a SAM or SAM 2 of transformers is expected")
            network, report = AutoModelForMaskGeneration.from_pretrained(
                name, use_safetensors=True, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise WeightsError(
                f"{name}: no SAM to be had there ({next(iter(str(error).splitlines()), 'no reason given')}); give a "
                "Hub id or a folder with config.json and model.safetensors"
            ) from None
        if report["missing_keys"]:  # transformers fills them with random numbers
            raise WeightsError(
                f"{name}: lacks {next(iter(report['missing_keys']))}; copy or download the weights again"
            )
        self.network, self.device = network.to(device).eval(), device
        # SAM keeps a picture's proportions and pads it; SAM 2 stretches it to a square.
        self.stretched = config.model_type != "sam"
        self.size = int(self.network.config.prompt_encoder_config.image_size)

    @torch.inference_mode()
    def __call__(self, image: NDArray[np.uint8], points: NDArray[np.floating]) -> tuple[NDArray[np.bool_], float]:
        """Give the best of the masks that SAM proposes for the points, all together.

        Parameters
        ----------
        image : ndarray, (H, W, 3) uint8
            RGB.
        points : ndarray, (K, 2) float
            x, y in its pixels; pixel i spans [i, i + 1).

        Returns
        -------
        mask : ndarray, (H, W) bool
        score : float
            The IoU that SAM expects of it, mostly in [0, 1].

        Raises
        ------
        DataError
            There are no points, or one is outside of the image.
        """
        height, width = image.shape[:2]
        inside = (points >= 0).all() and (points < (width, height)).all()
        if not len(points) or not inside:
            what = f"a point outside of the {width}x{height} frame" if len(points) else "no points"
            raise DataError(f"teacher: {what}; give the fixations on this frame, in its pixels")
        scale = self.size / max(height, width)
        small = (self.size, self.size) if self.stretched else (round(height * scale), round(width * scale))
        # SAM counts from the middle of a pixel and adds the half itself.
        prompt = points * (small[1] / width, small[0] / height) - 0.5
        answer = self.network(
            pixel_values=self._pixels(image, small),
            input_points=torch.as_tensor(prompt, dtype=torch.float32, device=self.device)[None, None],
        )
        scores, logits = answer.iou_scores[0, 0], answer.pred_masks[0, 0]
        best = int(scores.argmax())
        padded = interpolate(logits[None, best : best + 1].float(), (self.size, self.size), mode="bilinear")
        mask = interpolate(padded[..., : small[0], : small[1]], (height, width), mode="bilinear")[0, 0] > 0
        return mask.cpu().numpy(), float(scores[best])

    def _pixels(self, image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
        """(1, 3, S, S) float32, normalised; what `size` does not cover is zero."""
        resized = np.array(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))
        pixels = np.zeros((self.size, self.size, 3), np.float32)
        pixels[: size[0], : size[1]] = (resized / np.float32(255) - MEAN) / STD
        return torch.from_numpy(pixels).permute(2, 0, 1)[None].to(self.device)
