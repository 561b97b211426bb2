"""Reading and writing video and sound."""

from sightline.video.prefetch import prefetch, queue_length
from sightline.video.source import Source, VideoFrame, open_source
from sightline.video.writer import VideoWriter

__all__ = ["Source", "VideoFrame", "VideoWriter", "open_source", "prefetch", "queue_length"]
