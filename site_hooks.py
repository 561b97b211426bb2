"""Pages of the site that stand elsewhere in the repository: README, models, notebooks, docstrings."""

from __future__ import annotations

import importlib
import json
import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
TEXTS = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
}
"""Where a text of the repository's root stands on the site."""
FACES = {
    "sightline": "",
    "sightline.types": "What flows between the rooms.",
    "sightline.models": "",
    "sightline.metrics": "",
    "sightline.fixations": "",
    "sightline.gaze": "",
    "sightline.video": "",
    "sightline.data": "",
    "sightline.apps.web": "",
}
"""Modules whose public names, `__all__`, are the reference."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def texts() -> dict[str, str]:
    """Path in the repository -> page of the site, for each text that does not stand in docs/."""
    found = {path: page for path, page in TEXTS.items() if (ROOT / path).is_file()}
    for readme in sorted(ROOT.glob("src/sightline/models/*/README.md")):
        found[readme.relative_to(ROOT).as_posix()] = f"models/{readme.parent.name.replace('_', '-')}.md"
    for notebook in sorted(ROOT.glob("docs/notebooks/*.ipynb")):
        found[notebook.relative_to(ROOT).as_posix()] = f"notebooks/{notebook.stem}.md"
    return found


def prose(path: Path) -> str:
    """The Markdown of a text; of a notebook, its cells in order."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        body = "".join(cell["source"])
        cells.append(body if cell["cell_type"] == "markdown" else f"```python\n{body}\n```")
    cells.append(f"This page is a notebook: `{path.relative_to(ROOT).as_posix()}`. A test runs it.")
    return "\n\n".join(cells) + "\n"


def reference(face: str) -> str:
    """A page of the reference: one entry for each public name of a module."""
    sys.path.insert(0, str(ROOT / "src"))
    try:
        module = importlib.import_module(face)
    finally:
        sys.path.pop(0)
    lines = [f"# {face}", "", (module.__doc__ or "").strip(), ""]
    for name in module.__all__:
        if name.startswith("__") or not hasattr(getattr(module, name), "__module__"):
            continue  # a constant is told where it is used
        found = getattr(module, name)
        owner = found.__module__ if found.__module__.startswith("sightline") else face
        if owner != face and owner in FACES and name in importlib.import_module(owner).__all__:
            lines += [f"`{name}`: see [{owner}]({owner}.md).", ""]  # each name has one place
            continue
        lines += [f"::: {owner}.{name}", ""]
    return "\n".join(lines)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the parts of the navigation that follow from what is there."""
    models = [page for page in texts().values() if page.startswith("models/")]
    parts = {"Models": models, "Reference": [f"reference/{face}.md" for face in FACES]}
    for entry in config.nav or []:
        for title in entry:
            entry[title] = parts.get(title, entry[title])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand elsewhere."""
    for path, page in texts().items():
        old = files.get_file_from_path(path.removeprefix("docs/"))
        if old is not None:
            files.remove(old)
        files.append(File.generated(config, page, content=prose(ROOT / path)))
    for face in FACES:
        files.append(File.generated(config, f"reference/{face}.md", content=reference(face)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into links of the site; what the site does not have keeps its words alone."""
    here = page.file.src_uri
    origin = next((path for path, own in texts().items() if own == here), f"docs/{here}")

    def turned(match: re.Match[str]) -> str:
        mark, words, target = match.groups()
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:") or not path:
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
        own = texts().get(there) or texts().get(f"{there}/README.md")
        own = own or (there.removeprefix("docs/") if there.startswith("docs/") else None)
        if own == "README.md":
            own = "index.md"
        if own is None or files.get_file_from_path(own) is None:
            return words if (ROOT / there).exists() else match[0]  # what is nowhere fails the strict build
        link = posixpath.relpath(own, posixpath.dirname(here) or ".")
        return f"{mark}[{words}]({link}{'#' + anchor if anchor else ''})"

    fences = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else LINK.sub(turned, part) for part in fences)
