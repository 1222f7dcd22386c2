"""Tracking on an MLflow server, or in any other store that MLflow has an address for."""

import os

from pydantic import field_validator

from plait.errors import UserError
from plait.settings import Settings as Base
from plait.settings import setting
from plait.tracking.store.backend import Backend, without_credentials
from plait.workspace import Workspace


class Settings(Base):
    """Which server."""

    uri: str | None = setting(
        "address of the server, such as https://mlflow.example.org;"
        " null takes the environment variable MLFLOW_TRACKING_URI"
    )

    @field_validator("uri")
    @classmethod
    def _holds_no_credentials(cls, uri: str | None) -> str | None:
        if uri is not None and uri != without_credentials(uri):
            raise ValueError(
                "credentials do not belong into a file that is committed; leave uri at null and"
                " set MLFLOW_TRACKING_URI, or MLFLOW_TRACKING_USERNAME and ..._PASSWORD"
            )
        return uri


def backend(settings: Settings, workspace: Workspace) -> Backend:
    """The server's store.

    :raises UserError: if neither the configuration nor the environment names one.
    """
    uri = settings.uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        raise UserError(
            "tracking: server: no address; set tracking.uri or the environment variable"
            " MLFLOW_TRACKING_URI"
        )
    return Backend(uri, local=False)
