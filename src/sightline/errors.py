"""Errors that are the user's to mend: one line that names the thing, the cause and what to do."""

from __future__ import annotations


class SightlineError(Exception):
    """Something the user gave cannot be used.

    The message names the file (and frame, time or argument), what is wrong with it and how to mend it. The command
    line prints it as one line and ends with `exit_code`.
    """

    exit_code = 1


class UsageError(SightlineError, ValueError):
    """The call itself is wrong: an unknown name, an argument or tensor that does not fit (exit code 2).

    A message quotes arguments as the Python call names them, in backticks (`screen_cm`); the command line shows the
    option in their place (--screen-cm).
    """

    exit_code = 2


class SourceError(SightlineError):
    """A video, image or frame folder cannot be read."""


class FrameError(SourceError, ValueError):
    """A frame that is handed over as an array is no picture: its type, its shape, or none at all."""


class OutputError(SightlineError):
    """A result cannot be written: no permission, no space, something in the way."""


class WeightsError(SightlineError):
    """Weights are missing, corrupted, or do not fit the model."""


class DataError(SightlineError):
    """A data set, recording, annotation or table is malformed or inconsistent."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line; what it is where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
