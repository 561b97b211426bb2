"""What an exported model says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NORMALISED = (
    "A picture is RGB, resized to the input's height and width with bilinear interpolation (antialiased where it "
    "shrinks, as Pillow does), divided by 255, and laid out as (1, 3, height, width) float32. The networks subtract "
    "their own mean and divide by their own deviation."
)
SOURCES = {"picture": "the picture", "zeros": "zeros in a first frame"}


def readme(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    lines = [
        f"# {card['model']}, exported by Sightline {card['sightline']}",
        "",
        f"Weights: sha256 `{card['weights_sha256']}`. The terms of use are those of the weights' own card.",
        "",
        "## Before",
        "",
        card["preprocessing"],
        "",
        "Every input and output is float32 and of the shape below. A network for any size takes every height and width "
        "that is a multiple of 32 from 64 to 2048, the same for all its inputs.",
        "",
        "The networks run in the order below; an input with the name of an output takes its value. `card.json` says "
        "the same for machines. What Sightline does beside the networks (crops, memory along a video, refined edges) "
        "is not in the files.",
    ]
    if any("onnx" in part["files"] for part in card["parts"]):
        lines += ["", "`python example.py picture.jpg` runs the ONNX files with numpy, pillow and onnxruntime alone."]
    if any("openvino" in part["files"] for part in card["parts"]):
        lines += [
            "",
            "OpenVINO computes in bfloat16 on processors that have it, to three digits. "
            'For the numbers below compile with `{"INFERENCE_PRECISION_HINT": "f32"}`.',
        ]
    if any("torch" in part["files"] for part in card["parts"]):
        lines += ["", "A `.pt2` file is for `torch.export.load(path).module()`; load only files that you trust."]
    for part in card["parts"]:
        lines += ["", f"## {part['name']}", "", f"{part['about'][0].upper()}{part['about'][1:]}.", ""]
        size = "any" if part["any_size"] else "fixed"
        files = ", ".join(f"`{name}`" for name in part["files"].values()) or "none"
        lines += [f"Files: {files}. Size: {size}.", "", "| | name | shape | from | |", "|---|---|---|---|---|"]
        for entry in part["inputs"]:
            source = SOURCES.get(entry["source"], f"`{entry['source']}`")
            lines.append(f"| in | `{entry['name']}` | {_shape(entry)} | {source} | {entry['about']} |")
        lines += [f"| out | `{entry['name']}` | {_shape(entry)} | | {entry['about']} |" for entry in part["outputs"]]
        for name, difference in part["parity"].items():
            lines += ["", f"Largest difference of {name} from the model: {difference:.1e}."]
        lines += [f"\nNot in {name}: {why}." for name, why in part["not_in"].items()]
    return "\n".join(lines) + "\n"


def _shape(entry: Mapping[str, Any]) -> str:
    return "×".join(map(str, entry["shape"])) or "one number"
