"""`sightline evaluate`: scores of predictions, under a protocol with a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  sightline evaluate vos results DAVIS --protocol davis2016 --json scores.json
  sightline evaluate fixation maps osie --protocol exact --csv frames.csv
  sightline evaluate vsod ours DAVSOD --against theirs --against older --plots plots
  sightline evaluate fixation deepgaze osie --log-densities --yardsticks
  sightline evaluate --explain s_auc
"""


def evaluate(
    task: Annotated[
        str | None, typer.Argument(help="fixation, vsod, vos or gaze.", metavar="TASK", show_default=False)
    ] = None,
    pred: Annotated[Path | None, typer.Argument(help="Folder of the prediction.", show_default=False)] = None,
    gt: Annotated[Path | None, typer.Argument(help="Folder of the ground truth.", show_default=False)] = None,
    protocol: Annotated[str, typer.Option(help="Whose rules to follow; --explain METRIC tells them apart.")] = "exact",
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all scores as JSON.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the scores of frames.")] = None,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table for LaTeX.")] = None,
    plots: Annotated[Path | None, typer.Option(metavar="DIR", help="Write plots of sequences and curves.")] = None,
    against: Annotated[
        list[Path] | None, typer.Option(metavar="PRED", help="Another prediction to compare with; may be repeated.")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option("--sequences", metavar="LIST", help="Score these only: names with commas, or a file of names."),
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(metavar="PX", help="Blur of true fixations, in stimulus pixels. [default: 1 degree]")
    ] = None,
    yardsticks: Annotated[
        bool, typer.Option("--yardsticks", help="Also score chance, centre prior, mean map and other observers.")
    ] = False,
    log_densities: Annotated[
        bool, typer.Option("--log-densities", help="The maps hold natural logarithms of densities (arrays, TIFF).")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="one a processor")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap and of protocols that draw at random.")] = 0,
    draws: Annotated[int, typer.Option(min=1, help="Resamples of the bootstrap and the permutation test.")] = 1000,
    explain: Annotated[
        str | None, typer.Option(metavar="METRIC", help="Say what a score means under each protocol, and stop.")
    ] = None,
) -> None:
    """Score a prediction: frames, sequences and the whole set, with 95 % intervals over sequences."""
    from sightline.errors import UsageError
    from sightline.metrics import evaluation
    from sightline.metrics.evaluation.report import check_place, write_text

    if explain is not None:
        from sightline.metrics.explain import explain as explained

        typer.echo(explained(explain))
        return
    if task is None or pred is None or gt is None:
        raise UsageError("evaluate: TASK, PRED and GT are needed, as in `sightline evaluate vos results DAVIS`")
    for file in (json_file, csv_file, latex):
        if file is not None:
            check_place(file)
    if plots is not None:
        check_place(plots, folder=True)
    options = evaluation.Options(
        workers=workers,
        draws=draws,
        seed=seed,
        names=None if names is None else evaluation.read_selection(names),
        sigma=sigma,
        yardsticks=yardsticks,
        log_densities=log_densities,
    )
    with _Bars() as bars:
        report = evaluation.evaluate(
            task,
            pred,
            gt,
            protocol,
            against=against or (),
            options=options,
            journal=None if json_file is None else json_file.with_name(f"{json_file.name}.journal"),
            begin=bars.begin,
            notice=lambda text: typer.echo(f"sightline: {text}", err=True),
        )
    if json_file is not None:
        report.write_json(json_file)
    if csv_file is not None:
        report.write_csv(csv_file)
    if latex is not None:
        write_text(latex, report.latex())
    if plots is not None:
        from sightline.metrics.evaluation.plots import write_plots

        write_plots(report, plots)
    report.discard_journals()
    typer.echo(report.markdown(), nl=False)
    if report.objects:
        typer.echo("\n" + report.objects_markdown(), nl=False)
    if any(one.unscored_frames for one in report.predictions()):
        counts = ", ".join(f"{one.name} {one.unscored_frames}" for one in report.predictions())
        typer.echo(f"unscored frames: {counts}; a mean leaves out where its score is undefined", err=True)


class _Bars:
    """A bar a prediction on stderr, where that is a terminal."""

    def __enter__(self) -> _Bars:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._progress = Progress(console=console, disable=not console.is_terminal, transient=True)
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, name: str, total: int) -> Callable[[], None]:
        bar = self._progress.add_task(name, total=total)
        return lambda: self._progress.advance(bar)


evaluate.__doc__ = f"{evaluate.__doc__}\n\n{EXAMPLES}"
