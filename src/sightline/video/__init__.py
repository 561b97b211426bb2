"""Reading and writing video and sound."""

from sightline.types import VideoFrame
from sightline.video.opening import open_source
from sightline.video.prefetch import Ahead, prefetch, queue_length
from sightline.video.selection import Selection
from sightline.video.source import Source
from sightline.video.writer import VideoWriter, join_films

__all__ = [
    "Ahead",
    "Selection",
    "Source",
    "VideoFrame",
    "VideoWriter",
    "join_films",
    "open_source",
    "prefetch",
    "queue_length",
]
