"""The registry behind MLflow's own server; the checkout's is tested with `plait promote`."""

import json
import os
import sys
from pathlib import Path

import pytest

from plait.tracking.query.run import get_run
from plait.tracking.record.record import record
from plait.tracking.registry import Champion, candidate, champion_of, make_champion, run_of
from plait.tracking.store.store import open_store
from plait.tracking.tags import BEATEN, FORCED
from plait.workspace import Workspace

from .conftest import resolved
from .outputs import write_outputs
from .test_server import free_port, serving


@pytest.mark.slow
def test_a_server_keeps_the_champion(
    empty: Workspace, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    stray = folder / "stray"
    stray.mkdir()
    monkeypatch.chdir(stray)
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", "sqlite:///server.db"),
        *("--artifacts-destination", str(folder / "artifacts")),
        *("--port", str(port), "--workers", "1"),
    ]
    with serving(command, port, folder) as address:
        # Somebody else's address in the environment must not be taken for it.
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        configuration = resolved(tracking={"choice": "server", "uri": address})
        outputs = write_outputs(empty.root, model="decision_tree")
        recorded = record(empty, configuration, outputs, lambda facts: {})
        store = open_store(empty, "server", {"uri": address})
        model = candidate(get_run(store, recorded.run_id))
        assert model is not None
        name = model.model
        assert name == "line"
        assert champion_of(store, name) is None

        first = make_champion(model, "nothing", "it was late")
        assert first == Champion("line", "1", recorded.run_id) == champion_of(store, name)
        found = run_of(store, first)
        assert found is not None
        assert found.tags[FORCED] == "it was late"
        model = candidate(found)
        assert model is not None
        assert make_champion(model, "the mean", None) == first
        version = store.client.get_model_version(name, "1")
        assert version.tags[BEATEN] == "the mean"
        assert FORCED not in version.tags
        assert FORCED not in store.client.get_run(recorded.run_id).data.tags
        assert run_of(store, Champion("line", "1", "0" * 32)) is None
        store.client.delete_registered_model_alias(name, "champion")
        assert champion_of(store, name) is None
        listed = json.loads(
            store.client.get_logged_model(model.model_id).tags["mlflow.modelVersions"]
        )
        assert [(each["name"], str(each["version"])) for each in listed] == [("line", "1")]
    assert os.listdir(stray) == []
    assert not Path(empty.store).exists()
