"""Scribbles simulated from masks: strokes as an annotator would draw them, along the middle of what they mean.

A stroke follows the longest path of a region's skeleton, of which a random part is kept. The object's regions are those
of the mask; the background's is a band around the object, so that its stroke goes round it. A training set made
like this has seen masks: results with it say so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from skimage.morphology import skeletonize

UNKNOWN, BACKGROUND, OBJECT = -1, 0, 1

KEPT = (0.6, 1.0)
"""The share of a skeleton's longest path that a stroke covers is uniform between these."""
BAND = (0.04, 0.12)
"""The background's band begins and ends so far from the object, in parts of the picture's longer side."""
CUT = 0.05
"""Half the angle, in radians, at which the band is open."""
SMALLEST = 0.05
"""Parts of the object smaller than this share of its largest one get no stroke."""
THINNED = 128
"""Skeletons are found in copies of about this size: a hand draws no finer, and it takes a fraction of the time."""
_RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def scribble(mask: NDArray[np.bool_], generator: np.random.Generator, width: float = 0.008) -> NDArray[np.int8]:
    """Draw strokes for a mask, as an annotator would.

    An object stroke never leaves the mask and a background stroke never touches it. A mask without an object gets a
    background stroke alone, a mask without background only strokes on the object.

    Parameters
    ----------
    mask : ndarray, (H, W) bool
        The object.
    generator : numpy.random.Generator
        The same state gives the same strokes.
    width : float
        Of a stroke, in parts of the picture's longer side.

    Returns
    -------
    ndarray, (H, W) int8
        1 on the object's strokes, 0 on the background's, -1 elsewhere.

    Examples
    --------
    >>> mask = np.zeros((60, 80), bool)
    >>> mask[20:40, 20:60] = True
    >>> strokes = scribble(mask, np.random.default_rng(0))
    >>> bool(mask[strokes == 1].all()), bool(mask[strokes == 0].any())
    (True, False)
    """
    mask = np.asarray(mask, dtype=bool)
    side = max(mask.shape)
    labels = np.full(mask.shape, UNKNOWN, dtype=np.int8)
    background = ~mask
    if mask.any():
        band = _band(mask, side, generator)
        background = band if band.any() else background
    for region in _parts(background)[:1]:
        labels[_stroke(region, width * side, generator) & ~mask] = BACKGROUND
    for region in _parts(mask):
        labels[_stroke(region, width * side, generator) & mask] = OBJECT
    return labels


def _band(mask: NDArray[np.bool_], side: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """The band around an object, cut open at a random angle: a ring has no longest path. (H, W) bool."""
    away = ndimage.distance_transform_edt(~mask)
    rows, columns = np.indices(mask.shape, sparse=True)
    y, x = ndimage.center_of_mass(mask)
    turned = np.arctan2(rows - y, columns - x) - generator.uniform(-np.pi, np.pi)
    ring = (away >= BAND[0] * side) & (away <= BAND[1] * side)
    return ring & (np.cos(turned) < np.cos(CUT))


def _parts(region: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The connected parts of a region, the largest first, without crumbs."""
    labels, count = ndimage.label(region, np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-areas, kind="stable")
    return [labels == number + 1 for number in order if areas[number] >= SMALLEST * areas.max()]


def _stroke(region: NDArray[np.bool_], width: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """A stroke of a width in pixels along a random part of the longest path of the region's skeleton: (H, W) bool."""
    ys, xs = ndimage.find_objects(region.astype(np.int8))[0]
    step = max(ys.stop - ys.start, xs.stop - xs.start) // THINNED + 1
    small = region[ys, xs][step // 2 :: step, step // 2 :: step]
    if not small.any():
        step, small = 1, region[ys, xs]
    path = _longest_path(skeletonize(small))
    length = max(1, round(generator.uniform(*KEPT) * len(path)))
    start = int(generator.integers(len(path) - length + 1))
    rows, columns = (path[start : start + length] * step + step // 2 + (ys.start, xs.start)).T
    canvas = Image.new("1", region.shape[::-1])
    ImageDraw.Draw(canvas).line(list(zip(columns.tolist(), rows.tolist(), strict=True)), 1, round(width), "curve")
    drawn = np.array(canvas)
    drawn[rows, columns] = True  # a line of a single point is drawn as nothing
    return drawn & region


def _longest_path(thin: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The pixels (N, 2), row and column, of the longest of the shortest paths between any two of a skeleton.

    Going to the farthest pixel twice finds it, exactly on trees, as skeletons nearly are.
    """
    pixels = np.argwhere(thin)
    graph = _graph(thin, pixels)
    first = _farthest(dijkstra(graph, indices=0))
    distance, before = dijkstra(graph, indices=first, return_predecessors=True)
    path = [_farthest(distance)]
    while path[-1] != first:
        path.append(int(before[path[-1]]))
    return pixels[path]


def _graph(thin: NDArray[np.bool_], pixels: NDArray[np.int64]) -> coo_array:
    """The skeleton as a graph: pixels that touch, by side or by corner, and how far apart they are."""
    number = np.full(np.array(thin.shape) + 2, -1)
    number[tuple(pixels.T + 1)] = np.arange(len(pixels))
    froms, tos, lengths = [], [], []
    for dy, dx in _RING:
        neighbour = number[pixels[:, 0] + 1 + dy, pixels[:, 1] + 1 + dx]
        there = neighbour >= 0
        froms.append(there.nonzero()[0])
        tos.append(neighbour[there])
        lengths.append(np.full(there.sum(), np.hypot(dy, dx)))
    size = (len(pixels), len(pixels))
    return coo_array((np.concatenate(lengths), (np.concatenate(froms), np.concatenate(tos))), size).tocsr()


def _farthest(distance: NDArray[np.float64]) -> int:
    """The farthest of the nodes that can be reached."""
    return int(np.where(np.isfinite(distance), distance, -1).argmax())
