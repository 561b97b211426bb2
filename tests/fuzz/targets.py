"""What is fuzzed: for each reader of files from outside, good files to start from and the call that reads one."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image

from fuzz.datasets import DATASETS
from fuzz.results import RESULTS
from fuzz.target import Target, each, text, with_all
from gaze import makers
from hostile.corpus import write_video
from models import small
from models.test_egcnet import TestEGCNet
from models.test_stanet import TestSTANet
from models.test_stanet_fixations import TestSTANetFixations
from models.test_stanet_plus import TestSTANetPlus
from sightline.data.object_masks import encode


def recording(*names: str, scene: bool = False) -> Target:
    """Recordings of eye trackers: of a screen to their fixations on a stimulus; of a scene camera their samples."""
    known = makers.truth(rate_hz=60)
    seeds = each(*(lambda folder, name=name: makers.MAKERS[name](folder, known) for name in names))
    return Target(seeds, _samples if scene else _import, 8)


def _samples(path: Path) -> None:
    from sightline.gaze import ReadOptions, inspect, read

    with_all(path, inspect, lambda file: read(file, options=ReadOptions(lenient=True)), read)


def _import(path: Path) -> None:
    from sightline.gaze import AlignOptions, Setup, import_gaze

    stimulus = path.parent.parent / "stimulus.png"
    if not stimulus.exists():
        Image.new("L", (1920, 1080)).save(stimulus)
    setup = Setup(screen_px=makers.SCREEN, screen_cm=makers.SCREEN_CM, distance_cm=makers.DISTANCE_CM)
    options = AlignOptions(setup=setup, offset_s=0.0)
    out = path.parent.parent / "out"

    def whole(file: Path) -> None:
        import_gaze([file], stimulus, out, options=options)
        shutil.rmtree(out)  # is whole, whatever another way of reading says of the file

    with_all(path, _samples, whole)


SMI_EVENTS = "\n".join(
    (
        "[BeGaze]", "Subject:\tS01", "Sample Rate:\t60", "Calibration Area:\t1680\t1050", "",
        "Table Header for Fixations:",
        "Event Type\tTrial\tNumber\tStart\tEnd\tDuration\tLocation X\tLocation Y", "", "Table Header for User Events:",
        "Event Type\tTrial\tNumber\tStart\tDescription", "", "UserEvent\t1\t1\t1000000\t# Message: img.png",
        "Fixation L\t1\t1\t1010000\t1310000\t300000\t400.5\t300.2",
        "Saccade L\t1\t1\t1310000\t1350000\t40000\t400\t300\t700\t500",
        "Fixation L\t1\t2\t1350000\t1750000\t400000\t700.1\t500.9",
        "Fixation L\t2\t1\t3000000\t3300000\t300000\t10\t10", "",
    )
)  # fmt: skip
EYETRIBE = "timestamp\ttime\tfix\tstate\trawx\trawy\tavgx\tavgy\tpsize\n" + "".join(
    f"2024-01-01 10:00:00.{k:03d}\t{5000 + 17 * k}\tTrue\t7\t400\t300\t400\t{300 + k}\t20.1\n"
    + ("MSG\t2024-01-01 10:00:00.300\t5170\timage_on\tdog.png\n" if k == 4 else "")
    for k in range(30)
)
_CELL = json.dumps([{"x": 400 + k, "y": 300, "t": 30 * k} for k in range(9)]).replace('"', '""')
WEBGAZER = f'"trial_type","stimulus","subject","webgazer_data"\n"image","img/a.png","p7","{_CELL}"\n"html","","p7",""\n'
FIXATIONS = "subject,onset_s,duration_s,x_px,y_px\n" + "".join(f"ann,{k / 4},0.2,{10 + k},{20 + k}\n" for k in range(8))
HEADS = "source,frame,x1_px,y1_px,x2_px,y2_px\nclip,0,1,2,30,40\nclip,1,2,2,31,40\nother,0,5,5,9,9\n"


def _fixation_tables(path: Path) -> None:
    from sightline.fixations import fixations_by_frame, read_fixations

    read_fixations(path)
    fixations_by_frame(path, [k / 25 for k in range(50)], (48, 64))


def _heads(path: Path) -> None:
    from sightline.data.head_tables import HeadTable

    HeadTable.read(path)


def _tags(path: Path) -> None:
    from sightline.data.tagged import read_tags

    read_tags(path)


def _tag_map(path: Path) -> None:
    from sightline.nn.tagger import read_tags

    read_tags(path)


COCO = {
    "images": [{"id": 1, "file_name": "00000.png", "height": 48, "width": 64}],
    "categories": [{"id": 1, "name": "cup"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 5, 20, 20], "area": 400, "iscrowd": 0, "track_id": 2,
         "segmentation": {"size": [48, 64], "counts": [0, 300, 400, 300, 2072]}},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [4, 5, 20, 20], "area": 400, "iscrowd": 0,
         "track_id": 3,
         "segmentation": {"size": [48, 64], "counts": "(of a square)"}},
    ],
}  # fmt: skip
GOO = {
    "7": {
        "file_name": "a.png", "width": 64, "height": 48, "boxes_xyxy": [[1, 2, 20, 30], [30, 5, 40, 20], [2, 2, 9, 9]],
        "labels": [3, 5, 26], "gaze_point_xy": [30, 20], "head_point_xy": [4, 4], "gaze_box_index": 1,
    }
}  # fmt: skip


def _write_coco(folder: Path) -> Path:
    square = np.zeros((48, 64), bool)
    square[5:25, 4:24] = True
    filled = json.dumps(COCO).replace("(of a square)", encode(square)["counts"])
    return text("coco.json", filled)(folder)


def _coco(path: Path) -> None:
    from sightline.data.boxed import read_boxed
    from sightline.metrics.evaluation.annotations import read_annotations
    from sightline.results.outputs import COCO as COCO_KIND

    with_all(path, read_boxed, COCO_KIND.read, lambda file: list(read_annotations(file)))


def _goo(path: Path) -> None:
    from sightline.data.boxed import read_boxed
    from sightline.data.goo import read_scenes

    read_boxed(path)
    read_scenes(path.parent)


def _pickle(path: Path) -> None:
    from sightline.data.pickles import read_pickle

    read_pickle(path)


def _write_pickle(folder: Path) -> Path:
    path = folder / "goo.pickle"
    entry = {"filename": "a.png", "ann": {"bboxes": np.ones((2, 4), np.float32), "labels": np.arange(2)}, "hx": 1.5}
    path.write_bytes(pickle.dumps([entry] * 2, protocol=2))
    return path


def _weights(path: Path) -> None:
    import sightline

    sightline.load(path.parent, "cpu")


def _saved(name: str, save: Callable[[Path], None]) -> Callable[[Path], Path]:
    """Writes a small model, whose config is read."""

    def write(folder: Path) -> Path:
        save(folder / name)
        return folder / name / "config.json"

    return write


def _save_samgop(folder: Path) -> None:
    from sightline.models import weights
    from sightline.models.samgop.config import DetectorConfig, SamGOPConfig
    from sightline.models.samgop.network import SamGOP

    detector = DetectorConfig(width=16, attention_heads=1, hidden=16, encoder_layers=1, decoder_layers=1, head_layers=1)
    small.save_egnet(folder / "egnet")
    parts = {"egnet": small.inner(folder, "egnet")}
    network = SamGOP(SamGOPConfig(detector=detector, labels=("cup", "tin"), parts=parts))
    weights.save(network, network.config.model_dump(mode="json"), folder)


def _labelling_nets(path: Path) -> None:
    from sightline.models.stanet.loading import load_nets
    from sightline.models.stanet_plus.loading import load_plus_nets

    (load_plus_nets if "plus" in path.parent.name else load_nets)(path.parent)


def _save_nets(folder: Path) -> None:
    from sightline.models import weights
    from sightline.models.stanet.config import ScamConfig
    from sightline.models.stanet.network import ScamNets
    from sightline.models.stanet_plus.config import ScamPlusConfig
    from sightline.models.stanet_plus.nets import ScamPlusNets

    scam = ScamConfig(tags=("cat", "dog"), width=8)
    nets = ScamPlusNets(ScamPlusConfig(scam=scam)) if folder.name == "scam-plus" else ScamNets(scam)
    weights.save(nets, nets.config.model_dump(mode="json"), folder)


def _checkpoint(path: Path) -> None:
    from sightline.nn.checkpoint import read_tensors

    read_tensors(path)


def _write_checkpoint(folder: Path) -> Path:
    import torch

    torch.save({"model_state_dict": {"a.weight": torch.ones(3, 4), "a.bias": torch.zeros(3)}}, folder / "a.pth")
    return folder / "a.pth"


MODELS: dict[str, Callable[[Path], None]] = {
    "egnet": small.save_egnet,
    "wcsnet": small.save_wcsnet,
    "egcnet": TestEGCNet().save,
    "stanet": TestSTANet().save,
    "stanet-plus": TestSTANetPlus().save,
    "stanet-fixations": TestSTANetFixations().save,
    "samgop": _save_samgop,
}
"""Those that `load` knows, small."""


def _recipe(path: Path) -> None:
    from sightline.training.recipe import read_recipe

    read_recipe(path, data=Path("/data"))


def _shipped_recipes(folder: Path) -> list[Path]:
    from sightline.training.recipe import SHIPPED

    return each(*(lambda place, one=one: Path(shutil.copy(one, place)) for one in sorted(SHIPPED.glob("*.yaml"))))(
        folder
    )


def _video(path: Path) -> None:
    from sightline.video import open_source

    with open_source(path) as source:
        for _ in source:
            pass
        source.sound(-0.1, 0.3, 16000)


def _film(name: str, **how: Any) -> Callable[[Path], Path]:
    return lambda folder: write_video(folder / name, frames=8, **how)


def _picture(name: str, mode: str = "RGB", levels: int = 256) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pixels = np.random.default_rng(0).integers(0, levels, (24, 32, 3), dtype=np.uint8) * (255 // (levels - 1))
        Image.fromarray(pixels).convert(mode).save(folder / name)
        return folder / name

    return write


def _label_map(folder: Path) -> Path:
    image = Image.fromarray(np.eye(24, 32, dtype=np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(folder / "00000.png")
    return folder / "00000.png"


def _pictures(path: Path) -> None:
    from sightline.data.files import image_size, load_image, load_mask, mask_values
    from sightline.metrics.evaluation.pictures import read_labels, read_map, read_truth

    with_all(path, load_image, load_mask, mask_values, image_size, read_map, read_labels, read_truth)


def _labels(path: Path) -> None:
    from sightline.data.files import load_mask, mask_values
    from sightline.metrics.evaluation.pictures import read_labels

    with_all(path, load_mask, mask_values, read_labels)


def _arrays(path: Path) -> None:
    from sightline.data.files import load_matlab
    from sightline.metrics.evaluation.pictures import read_map

    if path.suffix == ".mat":
        load_matlab(path)
    read_map(path)


def _npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8))
    return folder / "a.npy"


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", map=np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8))
    return folder / "a.npz"


def _mat(folder: Path) -> Path:
    scipy.io.savemat(folder / "a.mat", {"map": np.linspace(0, 1, 48).reshape(6, 8)}, do_compression=True)
    return folder / "a.mat"


TARGETS: dict[str, Target] = {
    "eyelink": recording("eyelink"),
    "tobii": recording("tobii"),
    "tobii-glasses": recording("tobii-glasses3", scene=True),
    "pupil": recording("pupil-core", "pupil-neon", scene=True),
    "smi": recording("smi"),
    "smi-events": Target(each(text("events.txt", SMI_EVENTS)), _samples, 20),
    "gazepoint": recording("gazepoint"),
    "eyetribe": Target(each(text("log.tsv", EYETRIBE)), _samples, 40),
    "webgazer": Target(each(text("jspsych.csv", WEBGAZER)), _samples, 40),
    "bids": recording("bids"),
    "tables": recording("csv"),
    "fixations": Target(each(text("fixations.csv", FIXATIONS)), _fixation_tables, 150),
    "heads": Target(each(text("heads.csv", HEADS)), _heads, 150),
    "tags": Target(each(text("tags.csv", "video,tag\na.mp4,dog\nb.mp4,bird\nb.mp4,dog\n")), _tags, 150),
    "tag map": Target(each(text("map.yaml", "dog: [Dog, Bark]\nbird: [Bird]\n")), _tag_map, 100),
    "coco": Target(each(_write_coco), _coco, 200),
    "goo": Target(each(text("annotations.json", json.dumps(GOO))), _goo, 150),
    "pickle": Target(each(_write_pickle), _pickle, 150),
    "weights": Target(each(*(_saved(name, save) for name, save in MODELS.items())), _weights, 24),
    "nets that label": Target(each(*(_saved(name, _save_nets) for name in ("scam", "scam-plus"))), _labelling_nets, 8),
    "checkpoints": Target(each(_write_checkpoint), _checkpoint, 100),
    "recipes": Target(_shipped_recipes, _recipe, 60),
    "video": Target(
        each(
            _film("clip.mp4", sound_s=0.3),
            _film("clip.mkv", sound_s=0.3),
            _film("clip.avi", codec="mjpeg", pix_fmt="yuvj420p"),
            _film("clip.mov", sound_s=0.3, options={"movflags": "faststart"}),
            _film("clip.ts"),
        ),
        _video,
        60,
    ),
    "stills": Target(
        each(*(_picture(f"a.{suffix}") for suffix in ("png", "jpg", "gif", "tiff", "webp", "bmp"))),
        _video,
        80,
    ),
    "pictures": Target(each(_picture("00000.png", "1"), _picture("00000.jpg", "L")), _pictures, 80),
    "label maps": Target(each(_label_map), _labels, 80),
    "arrays": Target(each(_npy, _npz, _mat), _arrays, 150),
    **DATASETS,
    **RESULTS,
}  # fmt: skip
