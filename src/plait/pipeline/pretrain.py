"""Stage `pretrain`: a pretrained model that goes on learning, from texts without labels."""

import hashlib
import json
import shutil
from typing import Any

from plait.artifacts import Outputs, Workspace, write_json
from plait.config.registry import module_of, settings_of
from plait.config.resolved import Resolved
from plait.pipeline.entry import run_stage
from plait.pretraining.base import PRETRAINED


def pretrain(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Write ``outputs["pretrained"]``; experiments that ask for the same share the work."""
    if resolved["pretraining"] is None:
        shutil.rmtree(outputs["pretrained"], ignore_errors=True)
        write_json(outputs["pretrained"] / PRETRAINED, {"pretraining": None})
        return
    choice = resolved.choice("pretraining")
    settings = settings_of("pretraining", choice)(**resolved.settings("pretraining"))
    module: Any = module_of("pretraining", choice)
    module.pretrain_once(
        settings, resolved, workspace, outputs, digest_of_what_is_read(resolved, outputs)
    )


def digest_of_what_is_read(resolved: Resolved, outputs: Outputs) -> str:
    """The digest of everything that decides what pretraining gives."""
    values = resolved.values
    read = {key: resolved[key] for key in ("pretraining", "pretraining_base", "pretraining_files")}
    read |= {key: values[key]["pretrain"] for key in ("code", "packages")}
    if not resolved["pretraining_files"]:
        with (outputs.data / "train.parquet").open("rb") as file:
            read["texts"] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:32]


if __name__ == "__main__":
    run_stage(pretrain)
