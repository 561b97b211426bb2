"""Pushes and pulls as a user does, in a process of its own: huggingface_hub reads where the Hub is when it is imported.

Reads a line of JSON a step from stdin, {"command": [...], "token": ...} or {"load": name, ...}, and answers with one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from typing import Any


def step(asked: dict[str, Any]) -> dict[str, Any]:
    os.environ.pop("HF_TOKEN", None)
    if asked.get("token"):
        os.environ["HF_TOKEN"] = asked["token"]
    if "load" in asked:
        import sightline
        from sightline.errors import SightlineError

        try:
            model = sightline.load(asked["load"], device="cpu")
            if "push" in asked:
                return {"said": model.push_to_hub(asked["push"])}
        except SightlineError as error:
            return {"error": str(error)}
        return {"sha256": model.weights_sha256, "name": model.name}
    from sightline.cli.app import main

    said, told, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        try:
            main(["models", *asked["command"]])
        except SystemExit as done:
            code = int(done.code or 0)
    return {"code": code, "said": said.getvalue().strip(), "error": told.getvalue().strip()}


time.sleep = lambda seconds: None  # huggingface_hub waits a second before it tries again
for line in sys.stdin:
    print(json.dumps(step(json.loads(line))), flush=True)
