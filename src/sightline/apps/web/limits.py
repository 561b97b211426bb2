"""How much one visitor may ask of the page."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """What the page takes, and for how long it keeps it.

    Attributes
    ----------
    megabytes
        Of a file.
    seconds
        Of a video.
    megapixels
        Of a frame or picture.
    minutes_kept
        How long a visitor's files stay after the last thing that the visitor did.
    workers
        Runs at a time; each uses all cores.
    waiting
        Runs that may wait for a worker.

    Raises
    ------
    UsageError
        One of them is not positive.

    Examples
    --------
    >>> Limits(seconds=30).seconds
    30
    """

    megabytes: float = 200.0
    seconds: float = 60.0
    megapixels: float = 36.0
    minutes_kept: float = 60.0
    workers: int = 1
    waiting: int = 8

    def __post_init__(self) -> None:
        for name in ("megabytes", "seconds", "megapixels", "minutes_kept", "workers"):
            if not getattr(self, name) > 0:
                raise UsageError(f"`{name}` {getattr(self, name):g}: more than 0 is expected")
        if self.waiting < 0:
            raise UsageError(f"`waiting` {self.waiting}: 0 or more is expected")
