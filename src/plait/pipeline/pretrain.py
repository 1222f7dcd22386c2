"""Stage `pretrain`: a pretrained model that goes on learning, from texts without labels."""

import shutil

from plait import digests
from plait.artifacts import write_json
from plait.config.resolved import Resolved
from plait.json_types import mapping_at
from plait.pipeline.entry import run_stage
from plait.workspace import PRETRAINED, Outputs, Workspace


def pretrain(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Write ``outputs["pretrained"]``; experiments that ask for the same share the work."""
    if resolved["pretraining"] is None:
        shutil.rmtree(outputs["pretrained"], ignore_errors=True)
        write_json(outputs["pretrained"] / PRETRAINED, {"pretraining": None})
        return
    from plait.config.chosen import settings_in
    from plait.config.registry import module_of
    from plait.pretraining.base import PretrainingSettings

    choice = resolved.choice("pretraining")
    settings = settings_in(resolved, "pretraining", PretrainingSettings)
    digest = digest_of_what_is_read(resolved, outputs)
    module_of("pretraining", choice).pretrain_once(settings, resolved, workspace, outputs, digest)


def digest_of_what_is_read(resolved: Resolved, outputs: Outputs) -> str:
    """The digest of everything that decides what pretraining gives."""
    values = resolved.values
    read = {key: resolved[key] for key in ("pretraining", "pretraining_base", "pretraining_files")}
    read |= {key: mapping_at(values, key)["pretrain"] for key in ("code", "packages")}
    if not resolved["pretraining_files"]:
        read["texts"] = digests.of_file(outputs.data / "train.parquet")
    return digests.of_values(read)


if __name__ == "__main__":
    run_stage(pretrain)
