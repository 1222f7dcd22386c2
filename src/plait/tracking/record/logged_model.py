"""The trained model in MLflow: takes the source's raw columns, loads anywhere without pickle."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from plait import loaded
from plait.calibration.attach import load
from plait.config.registry import settings_of
from plait.data.dataset import Column, Dataset, read_part
from plait.data.preprocessing import ColumnPreprocessor
from plait.models.family import models_of
from plait.models.trained import TrainedModel
from plait.proof.stage import sources
from plait.tasks.registry import task_named
from plait.tracking.record import exported
from plait.tracking.store.backend import artifact_uri
from plait.tracking.store.store import Store, import_pyfunc
from plait.tracking.tags import IDENTITY
from plait.workspace import Outputs

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import LoggedModel, Run
    from mlflow.models import ModelSignature

EXAMPLE_ROWS = 3
"""More than one: a single row hides mistakes with the batch dimension."""

PACKAGES = ("mlflow", "numpy", "pandas", "pydantic", "pyyaml")
"""What every model needs to predict; its family says what more."""


def log_model(
    store: Store, run: "Run", name: str, outputs: Outputs, dataset: Dataset, step: int
) -> str:
    """Log the model of ``outputs``.

    :param name: under which MLflow lists it.
    :param step: the epoch that it was taken from.
    :returns: the logged model's id.
    """
    from mlflow.entities import LoggedModelOutput

    frame = read_part(outputs.data, "test")
    assert frame is not None, "every data set has a test part"
    model = load(outputs)
    logged = store.client.create_logged_model(
        run.info.experiment_id,
        name=name,
        source_run_id=run.info.run_id,
        model_type=model.choice,
        tags={IDENTITY: run.data.tags[IDENTITY]},
    )
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "logged"
            _save(folder, model, outputs, frame, dataset, logged, run, Path(temporary))
            store.client.log_model_artifacts(logged.model_id, str(folder))
    except BaseException:
        store.client.delete_logged_model(logged.model_id)
        raise
    store.client.finalize_logged_model(logged.model_id, "READY")
    store.client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step)])
    return str(logged.model_id)


def logged_model_id(store: Store, run: "Run") -> str | None:
    """The model that a run has, once it is complete and until it, or its files, are deleted."""
    from mlflow.exceptions import MlflowException

    outputs = run.outputs.model_outputs if run.outputs else []
    for output in outputs:
        try:
            model = store.client.get_logged_model(output.model_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            continue
        # Its files may be gone, with a folder that somebody removed or did not copy.
        ready = model.status.value == "READY"
        if ready and store.client.list_logged_model_artifacts(output.model_id):
            return str(output.model_id)
    return None


def inputs_of(dataset: Dataset, model: TrainedModel) -> list[Column]:
    """The raw columns that a model takes."""
    texts = [column for column in dataset.columns if column.role == "text"]
    if isinstance(model.preprocessor, ColumnPreprocessor):
        used = {
            feature.name
            for member in model.members
            if isinstance(member.preprocessor, ColumnPreprocessor)
            for feature in member.preprocessor.used
        }
        return [column for column in dataset.features if column.name in used]
    return texts or list(dataset.features)


def signature_of(dataset: Dataset, inputs: list[Column], frame: "pd.DataFrame") -> "ModelSignature":
    """Names and types of the raw columns that the model takes, and of those that it gives.

    Of columns any type is let through, for MLflow refuses ``7`` where training had 7.5, and
    ``"1,200"`` for 1200.0: the encoders read what training read, and name the value that is none.

    :param inputs: those that it takes.
    :param frame: rows of the data set; a column with a missing value among them is optional.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    taken: list[ColSpec | TensorSpec] = [
        ColSpec(
            AnyType() if column.type in ("number", "date", "category") else "string",
            column.name,
            required=not bool(frame[column.name].isna().any()),
        )
        for column in inputs
    ]
    given: list[ColSpec | TensorSpec] = [
        ColSpec(kind, name)
        for name, kind in task_named(dataset.task).answer_types(dataset.classes).items()
    ]
    return ModelSignature(Schema(taken), Schema(given))


def _save(
    folder: Path,
    model: TrainedModel,
    outputs: Outputs,
    frame: "pd.DataFrame",
    dataset: Dataset,
    logged: "LoggedModel",
    run: "Run",
    temporary: Path,
) -> None:
    pyfunc = import_pyfunc()
    from mlflow.models import Model

    inputs = inputs_of(dataset, model)
    example = frame[[column.name for column in inputs]].head(EXAMPLE_ROWS)
    example = example.reset_index(drop=True)
    family = models_of(model.choice)
    source, artifacts = outputs["model"], temporary / "whole"
    if model.is_network:
        exported.export(model, source, artifacts, example)
    else:
        shutil.copytree(source, artifacts)
        settings = settings_of("model", model.choice)(**model.settings)
        family.complete(settings, model.finetuning, artifacts)
    if model.calibration is not None or model.decision is not None:
        shutil.copy(outputs.mark("calibrated"), artifacts)
    packages = (*PACKAGES, *family.packages(model.choice))
    code = temporary / "code" / "plait"
    shutil.copytree(
        Path(loaded.__file__).parent, code, ignore=shutil.ignore_patterns("__pycache__")
    )
    # What the model runs by is the code that it was proved with, whatever the files hold by now.
    for path, proved in sources()[0].items():
        (code.parent / path.removeprefix("src/")).write_bytes(proved)
    pyfunc.save_model(
        folder,
        mlflow_model=Model(
            artifact_path=logged.artifact_location,
            run_id=run.info.run_id,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
        ),
        python_model=str(code / "tracking" / "record" / "pyfunc_model.py"),
        artifacts={"model": artifact_uri(artifacts)},
        code_paths=[str(code)],
        signature=signature_of(dataset, inputs, frame),
        input_example=example,
        # A local build such as 2.13.0+cpu is not on the package index under that name.
        pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in packages],
    )
