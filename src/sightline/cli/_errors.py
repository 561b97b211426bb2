"""Errors of the library in the words of the command line: `screen_cm` becomes --screen-cm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def told(message: str, command: Any) -> str:
    """A message whose quoted arguments are the options of a verb, a click command.

    A quoted name that is no option of the verb stays as it is, without the backticks.
    """
    named: dict[str, str] = {parameter.name: _typed(parameter) for parameter in command.params if parameter.name}
    # `format`, say, where a verb cannot have a parameter of that name.
    options: dict[str, str] = {typed.lstrip("-").replace("-", "_"): typed for typed in named.values()} | named
    return re.sub(r"`(\w+)`", lambda name: options.get(name[1], name[1]), message)


def verb_of(command: Any, args: Sequence[str]) -> Any:
    """The click command that the arguments call, of a program's."""
    for arg in args:
        command = getattr(command, "commands", {}).get(arg) or command
    return command


def _typed(parameter: Any) -> str:
    """How a parameter is typed."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())
