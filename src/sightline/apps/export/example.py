"""Runs the networks of this folder on a picture: python example.py picture.jpg. It needs numpy, pillow, onnxruntime."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

here = Path(__file__).parent
card = json.loads((here / "card.json").read_text())
picture = Image.open(sys.argv[1]).convert("RGB")
values: dict[str, np.ndarray] = {}
for part in card["parts"]:
    session = onnxruntime.InferenceSession(here / part["files"]["onnx"])
    feed = {}
    for entry in part["inputs"]:
        if entry["source"] == "picture":  # RGB in [0, 1], (1, 3, height, width)
            height, width = entry["shape"][2:]
            pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.float32)
            feed[entry["name"]] = pixels.transpose(2, 0, 1)[None] / 255
        elif entry["source"] == "zeros":  # nothing is known of it in a first frame
            feed[entry["name"]] = np.zeros(entry["shape"], np.float32)
        else:  # what a network before has given
            feed[entry["name"]] = values[entry["source"]]
    for name, value in zip([out["name"] for out in part["outputs"]], session.run(None, feed), strict=True):
        values[f"{part['name']}.{name}"] = value
        print(f"{part['name']}.{name}: {value.shape}, {value.min():.3g} to {value.max():.3g}")
np.savez("outputs.npz", **values)  # type: ignore[arg-type]
