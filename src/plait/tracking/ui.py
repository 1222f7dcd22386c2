"""The MLflow UI on the checkout's store."""

import os
import sys

from plait.tracking.live.delivery import deliver_journals
from plait.tracking.store.backend import TRAINING_VIEWS, artifact_uri
from plait.tracking.store.reaper import open_in_order
from plait.workspace import Workspace


def ui(workspace: Workspace, port: int, host: str) -> None:
    """Replace this process by MLflow's server, on the checkout's own store.

    The store is opened first: made if the project is new, its paths and stale runs put in order.
    """
    deliver_journals(workspace)
    store = open_in_order(workspace, "local", {})
    # Without these MLflow starts about ten processes.
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    # A deprecation inside mlflow 3.17 (2026-11), at every start.
    os.environ["PYTHONWARNINGS"] = "ignore:starlette.middleware.wsgi is deprecated"
    print(f"MLflow UI: http://{host}:{port}/#/experiments?{TRAINING_VIEWS} (Ctrl-C ends it)")
    sys.stdout.flush()
    os.execv(sys.executable, ui_command(store.backend.uri, workspace, port, host))


def ui_command(uri: str, workspace: Workspace, port: int, host: str) -> list[str]:
    """The command line of MLflow's server."""
    return [
        *(sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri),
        *("--registry-store-uri", uri),
        *("--default-artifact-root", artifact_uri(workspace.artifacts)),
        *("--host", host, "--port", str(port), "--workers", "1"),
        # Not a line for each request.
        *("--uvicorn-opts", "--log-level warning"),
    ]
