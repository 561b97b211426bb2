"""Errors of the library in the words of the command line: `screen_cm` becomes --screen-cm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def told(message: str, command: Any, args: Sequence[str]) -> str:
    """A message whose quoted arguments are the options of the verb that was called.

    command: the click command of the whole program; args: what was typed after its name. A quoted name that is no
    option of the verb stays as it is, without the backticks.
    """
    options = _options(command, args)
    return re.sub(r"`(\w+)`", lambda name: options.get(name[1], name[1]), message)


def _options(command: Any, args: Sequence[str]) -> dict[str, str]:
    """How each parameter of the verb is typed: `screen_cm` is --screen-cm."""
    for arg in args:
        inner = getattr(command, "commands", {}).get(arg)
        command = inner or command
    return {parameter.name: _typed(parameter) for parameter in command.params if parameter.name}


def _typed(parameter: Any) -> str:
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())
