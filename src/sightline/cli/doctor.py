"""`sightline doctor`: what is installed, what works, and how to get what is missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

State = Literal["ok", "optional", "missing"]

# (codec, "r"ead or "w"rite, required, what it is for). Overlays are written as H.264 with AAC sound.
CODECS = (
    ("h264", "r", True, "most MP4 and MOV files"),
    ("libx264", "w", True, "overlay videos"),
    ("aac", "r", True, "the sound of most MP4 files"),
    ("aac", "w", True, "sound that MP4 cannot hold as it is"),
    ("hevc", "r", False, "telephone and camera videos"),
    ("vp9", "r", False, "WebM"),
    ("libdav1d", "r", False, "AV1"),
    ("prores", "r", False, "editing masters"),
    ("opus", "r", False, "the sound of WebM"),
)
TEST_EXTRAS = ("dev", "reference", "pysaliency")


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. state: "missing" is what the main job needs, "optional" what some verb or file would need."""

    section: str
    name: str
    state: State
    detail: str
    remedy: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Remove what is kept to save time: features of trainings, exported graphs.")
    ] = False,
) -> None:
    """Check the installation: versions, codecs, device, weights, cache; say what is missing and how to get it.

    Exits 1 if something is missing that the main job needs.

    Examples:

      sightline doctor

      sightline doctor --json > doctor.json

      sightline doctor --clean
    """
    if clean:
        _clean(as_json)
        return
    checks = [*_system(), *_packages(), *_codecs(), *_devices(), *_weights(), *_cache()]
    healthy = all(check.state != "missing" for check in checks)
    if as_json:
        import json

        typer.echo(json.dumps({"healthy": healthy, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        _show(checks, healthy)
    if not healthy:
        raise typer.Exit(1)


def _system() -> Iterator[Check]:
    import os
    import platform

    from sightline._version import __version__

    yield Check("system", "sightline", "ok", __version__)
    yield Check("system", "python", "ok", platform.python_version())
    yield Check("system", "platform", "ok", f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs")


def _packages() -> Iterator[Check]:
    """Compare what is installed with the requirements in the package's own metadata."""
    from importlib import metadata

    from packaging.requirements import Requirement

    for requirement in map(Requirement, metadata.requires("sightline") or ()):
        extra = _extra(str(requirement.marker or ""))
        if extra in TEST_EXTRAS:
            continue
        section = f"packages for [{extra}]" if extra else "packages"
        lacking: State = "optional" if extra else "missing"
        target = f"sightline[{extra}]" if extra else f"{requirement.name}{requirement.specifier}"
        remedy = f'pip install "{target}"'
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Check(section, requirement.name, lacking, "not installed", remedy)
            continue
        if requirement.specifier.contains(version, prereleases=True):
            yield Check(section, requirement.name, "ok", version)
        else:
            yield Check(section, requirement.name, lacking, f"{version}, needs {requirement.specifier}", remedy)


def _extra(marker: str) -> str:
    """The extra's name in a marker such as `extra == "train"`."""
    return marker.partition("extra ==")[2].strip(" \"'")


def _codecs() -> Iterator[Check]:
    try:
        import av
    except ImportError as error:
        yield Check("codecs", "PyAV", "missing", f"does not load: {error}", "pip install --force-reinstall av")
        return
    for name, mode, required, purpose in CODECS:
        label = f"{name} {'decoder' if mode == 'r' else 'encoder'}"
        try:
            av.Codec(name, mode)
        except ValueError:  # av.codec.codec.UnknownCodecError is one
            state: State = "missing" if required else "optional"
            yield Check("codecs", label, state, f"not in this build of PyAV ({purpose})", "pip install --upgrade av")
        else:
            yield Check("codecs", label, "ok", purpose)


def _devices() -> Iterator[Check]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Check("device", "torch", "missing", f"does not load: {error}", "pip install --force-reinstall torch")
        return
    yield Check("device", "cpu", "ok", f"{torch.get_num_threads()} threads for one operation")
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        yield Check("device", f"cuda:{index}", "ok", f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        yield Check("device", "mps", "ok", "Apple GPU")


def _weights() -> Iterator[Check]:
    """The weights that ship with the package."""
    from pathlib import Path

    import sightline

    folder = Path(sightline.__file__).parent / "weights"
    yield from _check_weights(folder)


def _check_weights(folder: Path) -> Iterator[Check]:
    """Compare <name>/model.safetensors with the list SHA256SUMS beside them, which `sha256sum -c` reads too."""
    import hashlib

    remedy = "pip install --force-reinstall --no-deps . in a fresh copy of the source"
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        yield Check("weights", "SHA256SUMS", "missing", "no weights in the package", remedy)
        return
    for line in sums.read_text(encoding="utf-8").splitlines():
        expected, _, name = line.partition("  ")
        file = folder / name
        if not file.is_file():
            yield Check("weights", name, "missing", "not there", remedy)
            continue
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = f"{file.stat().st_size / 1e6:.1f} MB, sha256 {digest}"
        if digest == expected:
            yield Check("weights", name, "ok", size)
        else:
            yield Check("weights", name, "missing", f"damaged or altered: {size}, expected {expected}", remedy)


def _cache() -> Iterator[Check]:
    """What is kept to save time, and how much space it takes."""
    from sightline.cli import _cache
    from sightline.errors import UsageError
    from sightline.kept import bound_bytes, kept_folder

    for name, size in _cache.sizes().items():
        yield Check("cache", name, "ok", f"{_megabytes(size)} in {kept_folder()}; --clean removes it")
    try:
        told = f"{_megabytes(bound_bytes())} together (SIGHTLINE_CACHE_GB); what was used longest ago goes first"
        yield Check("cache", "bound", "ok", told)
    except UsageError as error:
        yield Check("cache", "bound", "missing", str(error), "unset SIGHTLINE_CACHE_GB")


def _clean(as_json: bool) -> None:
    from sightline.cli import _cache
    from sightline.kept import kept_folder

    freed, busy = _cache.clean()
    if as_json:
        import json

        told = {"folder": str(kept_folder()), "freed_bytes": freed, "in_use": [str(path) for path in busy]}
        typer.echo(json.dumps(told, indent=2))
        return
    for path in busy:
        typer.secho(f"sightline: {path}: is being made by another process and stays", fg="yellow", err=True)
    typer.echo(f"{_megabytes(freed)} freed in {kept_folder()}")


def _megabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _show(checks: list[Check], healthy: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    marks = {"ok": "[green]ok[/]", "optional": "[yellow]absent[/]", "missing": "[red]MISSING[/]"}
    table = Table(box=None, show_header=False, pad_edge=False)
    section = ""
    for check in checks:
        if check.section != section:
            section = check.section
            table.add_row(f"[bold]{escape(section)}[/]")
        table.add_row(f"  {escape(check.name)}", marks[check.state], escape(check.detail))
    console = Console()
    console.print(table)
    for check in checks:
        if check.remedy:
            mend = escape(f"{check.name}: {check.detail}. To get it: {check.remedy}")
            console.print(f"{marks[check.state]} {mend}", soft_wrap=True)
    verdict = (
        "[green]All that the main job needs is here.[/]" if healthy else "[red]Something is missing, see above.[/]"
    )
    console.print(verdict)
