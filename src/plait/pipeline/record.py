"""Stage `record`: the stages' outputs into the MLflow run, and into the report pages."""

from pathlib import Path
from typing import TYPE_CHECKING

from plait import digests
from plait.artifacts import read_json, write_json, write_text
from plait.config.resolved import Resolved
from plait.pipeline.entry import run_stage
from plait.workspace import Outputs, Workspace

if TYPE_CHECKING:
    from plait.evaluation.entries import Evaluation


def record(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Complete or create the run, render the pages, leave ``mlruns/recorded/NAME.json``."""
    from plait.evaluation.report import IndexRow, render_index
    from plait.tracking.record.record import record as record_run

    pages = workspace.reports

    def render_report(facts: dict[str, str]) -> dict[str, Path]:
        page = pages / f"{resolved.name}.html"
        evaluation = write_page(page, resolved, outputs, facts)
        row = IndexRow.of(
            resolved.name,
            resolved.description,
            evaluation,
            page.name,
            facts.get("run_link", ""),
        )
        write_json(pages / f"{resolved.name}.json", vars(row))
        return {page.name: page}

    recorded = record_run(workspace, resolved, outputs, render_report)
    rows = []
    for path in sorted(pages.glob("*.json")):
        row = read_json(path)
        # Of an experiment that is listed still, and of the shape that this version writes.
        if workspace.resolved(path.stem).exists() and row.keys() == IndexRow.__annotations__.keys():
            rows.append(IndexRow(**row))
        else:
            path.unlink()
            path.with_suffix(".html").unlink(missing_ok=True)
    write_text(pages / "index.html", render_index(rows))
    # DVC keeps its digest, so it names nothing of this run: only what was recorded.
    digest = digests.of_file(outputs["metrics"], digests.SHORT)
    write_json(
        workspace.recorded(resolved.name),
        {"identity": resolved.identity, "metrics": digest},
    )
    state = "recorded anew" if recorded.created else "recorded"
    here = workspace.root == workspace.anchor
    page = f"report mlruns/reports/{resolved.name}.html" if here else "report among its artifacts"
    print(f"{resolved.name}: {state} as run {recorded.run_id}; {page}")


def write_page(
    page: Path, resolved: Resolved, outputs: Outputs, facts: dict[str, str]
) -> "Evaluation":
    """Write the report of an experiment.

    :param facts: what is known of its run.
    :returns: its evaluation.
    """
    from plait.data.dataset import Dataset
    from plait.evaluation.report import render

    evaluation: Evaluation = read_json(outputs.mark("evaluation"))
    dataset = Dataset.read(outputs.data)
    write_text(page, render(resolved, dataset, evaluation, outputs.results, facts))
    return evaluation


if __name__ == "__main__":
    run_stage(record)
