"""How MLflow is told to be offline, bounded and quiet: it reads this when it is imported."""

from collections.abc import Mapping

ALWAYS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A model's requirements are given; MLflow must not look for a uv project in the folder.
    "MLFLOW_UV_AUTO_DETECT": "false",
}

UNLESS_SET = {
    # A server that is gone is noticed in seconds; MLflow's own values try for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def mlflow_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to set in this environment, where what the user has set stays."""
    unset = {key: text for key, text in UNLESS_SET.items() if key not in environment}
    return {**ALWAYS, **unset}
