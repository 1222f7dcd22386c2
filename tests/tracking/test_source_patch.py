"""The uncommitted changes of a tree go with its runs, and no secret goes with them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from checkouts import ROOT
from plait.artifacts import write_json
from plait.tracking.query.run import RecordedRun
from plait.tracking.record.secrets import holds_a_secret, named_like_a_secret
from plait.tracking.record.source_patch import (
    COMMIT,
    EMPTY,
    FAILED,
    LARGEST,
    TOO_LARGE,
    SourcePatch,
    commit_of,
    digest,
    take_patch,
    unpacked,
)
from plait.tracking.store.store import Store, open_store
from plait.tracking.tags import DIRTY, PATCH, WITHOUT
from plait.workspace import Workspace

from .conftest import resolved
from .outputs import write_outputs
from .test_live import the_run, train
from .test_record import recorded


def git(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    names = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(root), *names, *arguments]
    return subprocess.run(command, input=given, check=True, capture_output=True).stdout


def repository(root: Path) -> Path:
    """A commit of a few files."""
    (root / "src").mkdir(parents=True)
    for name in ("kept", "edited", "deleted", "staged", "becomes_a_folder"):
        (root / "src" / f"{name}.py").write_text(f"x = '{name}'\n" * 20)
    (root / "src" / "latin.txt").write_bytes("größer\n".encode("latin-1"))
    (root / "picture.png").write_bytes(bytes(range(256)) * 20)
    (root / ".gitignore").write_text("mlruns/\n.plait/\n/ignored\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return root


def patch_of(root: Path) -> SourcePatch:
    return take_patch(root, commit_of(root))


def contents(root: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def rebuilt(root: Path, patch: SourcePatch, target: Path) -> dict[str, tuple[bytes, bool]]:
    """The files of the commit with the patch applied."""
    git(root, "worktree", "add", "-q", "--detach", str(target), "HEAD")
    if patch.content:
        git(target, "apply", "--whitespace=nowarn", "-", given=patch.content)
    return contents(target)


def change_everything(root: Path) -> None:
    """Of each kind of change one."""
    (root / "src" / "edited.py").write_text("y = 2  \n\n\tz = 3")
    (root / "src" / "deleted.py").unlink()
    (root / "src" / "becomes_a_folder.py").unlink()
    (root / "src" / "becomes_a_folder.py").mkdir()
    (root / "src" / "becomes_a_folder.py" / "inner.py").write_text("new = 1\n")
    (root / "src" / "latin.txt").write_bytes("größer und größer\n".encode("latin-1"))
    (root / "src" / "kept.py").chmod(0o755)
    (root / "picture.png").write_bytes(bytes(range(255, -1, -1)) * 20)
    (root / "a new folder").mkdir()
    (root / "a new folder" / 'ü "quoted"\t.txt').write_text("diff --git a/x b/x\n")
    (root / "empty").touch()
    (root / "src" / "staged.py").write_text("staged = 1\n")
    git(root, "add", "src/staged.py")
    (root / "src" / "staged.py").write_text("and = 'edited after that'\n")


def test_a_patch_makes_the_tree_out_of_its_commit(tmp_path: Path) -> None:
    root = repository(tmp_path / "project")
    change_everything(root)
    patch = patch_of(root)
    assert patch.tags == {PATCH: digest(patch.content)}
    assert rebuilt(root, patch, tmp_path / "rebuilt") == contents(root)
    assert unpacked(patch.packed()) == patch.content


def test_index_and_objects_of_the_user_stay_as_they_are(tmp_path: Path) -> None:
    root = repository(tmp_path)
    change_everything(root)

    def state() -> dict[str, bytes]:
        files = (path for path in (root / ".git").rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    before = state()
    assert patch_of(root).content
    assert state() == before


def test_what_the_pipeline_writes_and_what_git_ignores_is_no_change(tmp_path: Path) -> None:
    root = repository(tmp_path)
    for path in ("dvc.lock", "resolved/line.yaml", "results/line/metrics.json", "ignored"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("{}")
    assert commit_of(root)[DIRTY] == "false"
    assert patch_of(root) == SourcePatch()
    (root / "src" / "edited.py").write_text("y = 2\n")
    assert patch_of(root).content.count(b"diff --git") == 1


def test_of_a_clean_tree_nothing_is_asked(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert take_patch(nowhere, {COMMIT: "0" * 40, DIRTY: "false"}) == SourcePatch()
    # The very question that it would have asked fails there.
    assert take_patch(nowhere, {COMMIT: "0" * 40, DIRTY: "true"}).tags == {PATCH: FAILED}
    assert commit_of(nowhere) == {}


def test_a_project_in_a_folder_of_a_repository_is_patched_alone(tmp_path: Path) -> None:
    top = repository(tmp_path / "top")
    root = top / "a project"
    root.mkdir()
    (root / "code.py").write_text("x = 1\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "two")
    (top / "src" / "edited.py").write_text("of somebody else\n")
    assert commit_of(root)[DIRTY] == "false"
    (root / "code.py").write_text("x = 2\n")
    (root / "api_token.txt").write_text("abc\n")
    patch = patch_of(root)
    assert patch.tags[WITHOUT] == "api_token.txt: may hold a secret"
    target = tmp_path / "rebuilt"
    git(top, "worktree", "add", "-q", "--detach", str(target), "HEAD")
    git(target / "a project", "apply", "-", given=patch.content)
    assert (target / "a project" / "code.py").read_text() == "x = 2\n"
    assert git(target, "status", "--porcelain").decode() == ' M "a project/code.py"\n'


def test_the_settings_of_the_user_do_not_change_a_patch(tmp_path: Path) -> None:
    root = repository(tmp_path / "project")
    change_everything(root)
    patch = patch_of(root)
    for key, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.external": "false",
        "diff.relative": "true",
        "diff.renames": "copies",
        "color.ui": "always",
        "status.showUntrackedFiles": "no",
        "status.relativePaths": "false",
        "core.quotePath": "false",
    }.items():
        git(root, "config", key, value)
    assert rebuilt(root, patch_of(root), tmp_path / "rebuilt") == contents(root)
    assert patch_of(root).tags.keys() == patch.tags.keys()


TOKEN = "hf_" + "aB3" * 11
KEY = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nabc\n"


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.local", "deploy/prod.env", "certificates/server.pem", "server.key"),
        *("id_rsa", "home/id_ed25519.pub", "store.p12", ".netrc", "conf/credentials.json"),
        *("data/raw/my-Secrets.csv", "api_token.txt", "token", "notes/passwords.md"),
        *("secrets/database.yaml", ".ssh/config", "AWS_CREDENTIALS"),
    ],
)
def test_a_file_named_like_a_secret_is_left_out_and_named(tmp_path: Path, path: str) -> None:
    root = repository(tmp_path)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("harmless-looking\n")
    (root / "src" / "edited.py").write_text("y = 2\n")
    patch = patch_of(root)
    assert patch.tags[WITHOUT] == f"{path}: may hold a secret"
    assert b"harmless-looking" not in patch.content
    assert b"y = 2" in patch.content


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/client.py", f"client = Client('{TOKEN}')\n"),
        ("notebooks/a.ipynb", f'{{"source": "login({TOKEN!r})"}}'),
        ("notebooks/a.ipynb", json.dumps({"source": ['password = "hunter22"\n']})),
        ("key.txt", KEY),
        ("utf16.txt", KEY.encode("utf-16").decode("latin-1")),
        ("conf/db.yaml", 'password: "hunter22"\n'),
        ("conf/db.yaml", "db: {user: me, password: hunter22}\n"),
        ("conf/db.yaml", "mail:\n  smtp_password: hunter22\n"),
        ("settings.toml", "api_key = 'abcdefgh'\n"),
        ("settings.json", '{"client_secret": "abcdefgh"}\n'),
        ("settings.ini", "[a]\naccess_token=abcdefgh\n"),
        ("src/db.py", 'connect(host, password="hunter22")\n'),
        ("src/db.py", 'PASSWORD: str = "hunter22"\n'),
        ("src/db.py", 'engine = "postgresql://me:hunter22@db/runs"\n'),
        ("data/raw/rows.csv", f"a,b\n1,{'AKIA' + 'ABCD' * 4}\n"),
        ("model.bin", "\0\1\2" + KEY),
    ],
)
@pytest.mark.parametrize("tracked", [True, False])
def test_a_file_that_holds_a_secret_is_left_out_and_named(
    tmp_path: Path, path: str, text: str, tracked: bool
) -> None:
    root = repository(tmp_path)
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if tracked:
        file.write_text("nothing yet\n")
        git(root, "add", ".")
        git(root, "commit", "-qm", "two")
    file.write_bytes(text.encode("latin-1"))
    patch = patch_of(root)
    assert patch == SourcePatch(tags={PATCH: EMPTY, WITHOUT: f"{path}: may hold a secret"})


def test_a_secret_that_was_committed_and_is_removed_does_not_go_into_the_patch(
    tmp_path: Path,
) -> None:
    root = repository(tmp_path)
    (root / "db.yaml").write_text("password: hunter22\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "two")
    (root / "db.yaml").write_text("password: ${oc.env:PASSWORD}\n")
    assert patch_of(root).tags[WITHOUT] == "db.yaml: may hold a secret"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/plait/models/tokenizer.py", "pad_token = '<pad>'\ntokens = ['a', 'b']\n"),
        ("src/plait/models/token.py", "class Token: ...\n"),
        ("conf/model/tokenizer.yaml", "max_tokens: 100\npad_token: '[PAD]'\ntokenizer: word\n"),
        ("tokenizer_config.json", '{"unk_token": "[UNK]", "token": null}\n'),
        ("conf/tracking/server.yaml", "password: ${oc.env:PASSWORD}\ntoken: null\nsecret: ???\n"),
        ("docs/server.md", "postgresql://user:password@host, http://$USER:$PASSWORD@host\n"),
        ("src/server.py", "password = os.environ['PASSWORD']\nif token == 'abcdef': pass\n"),
        ("docker-compose.yaml", "password: POSTGRES_PASSWORD\n"),
        ("monkey.py", "keyboard = 1\n"),
    ],
)
def test_a_file_that_only_speaks_of_secrets_is_kept(path: str, text: str) -> None:
    assert not named_like_a_secret(path)
    assert not holds_a_secret(path, text.encode())


def test_no_file_of_the_project_that_a_rebuild_needs_looks_like_a_secret() -> None:
    for folder in ("src", "conf"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                relative = path.relative_to(ROOT).as_posix()
                assert not named_like_a_secret(relative), relative
                assert not holds_a_secret(relative, path.read_bytes()), relative


@pytest.mark.slow
def test_what_is_too_large_is_not_kept_and_says_so(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "huge.bin").write_bytes(b"\0" * (LARGEST + 1))
    (root / "src" / "edited.py").write_text("y = 2\n")
    patch = patch_of(root)
    assert patch.tags[WITHOUT] == "huge.bin: larger than 10 MB"
    assert b"y = 2" in patch.content
    for number in range(2):
        (root / f"large{number}.bin").write_bytes(os.urandom(LARGEST // 2))
    patch = patch_of(root)
    assert patch.content == b""
    assert patch.tags[PATCH] == TOO_LARGE


def test_a_repository_within_the_tree_is_named(tmp_path: Path) -> None:
    root = repository(tmp_path)
    repository(root / "inner")
    assert patch_of(root).tags == {PATCH: EMPTY, WITHOUT: "inner/: a repository of its own"}


def run_of(store: Store) -> RecordedRun:
    return RecordedRun(store, the_run(store))


def test_a_training_keeps_the_patch_of_the_moment_when_it_begins(store: Store) -> None:
    root = repository(store.workspace.root)
    (root / "src" / "edited.py").write_text("y = 2\n")
    (root / ".env").write_text("A=1\n")
    patch = patch_of(root)
    train(store.workspace, resolved(), [1.0, 0.5])
    run = run_of(store)
    assert run.tags[DIRTY] == "true"
    assert run.tags[PATCH] == digest(patch.content)
    assert run.tags[WITHOUT] == ".env: may hold a secret"
    assert run.patch() == patch.content
    # Trained again from a clean tree, it says nothing of changes any more.
    git(root, "checkout", "-q", "src/edited.py")
    (root / ".env").unlink()
    train(store.workspace, resolved(), [1.0, 0.5])
    run = run_of(store)
    assert run.tags[DIRTY] == "false"
    assert not run.tags.keys() & {PATCH, WITHOUT}


@pytest.mark.slow
def test_a_run_that_is_made_from_outputs_keeps_the_patch_too(workspace: Workspace) -> None:
    root = repository(workspace.root)
    outputs = write_outputs(root, model="decision_tree")
    (root / "src" / "edited.py").write_text("y = 2\n")
    patch = patch_of(root)
    recorded(workspace, outputs, resolved())
    run = run_of(open_store(workspace, "local", {}))
    assert run.patch() == patch.content


@pytest.mark.slow
def test_the_source_of_a_run_is_that_of_the_numbers_which_it_shows(workspace: Workspace) -> None:
    """Trained by one commit, then measured by other settings of another."""
    root = repository(workspace.root)
    outputs = write_outputs(root, model="decision_tree")
    git(root, "add", ".")
    git(root, "commit", "-qm", "outputs")
    train(workspace, resolved(), [1.0, 0.5, 0.25])
    trained_by = commit_of(root)[COMMIT]

    def after(evaluation: dict[str, Any], edit: str) -> RecordedRun:
        (root / "src" / "edited.py").write_text(edit)
        recorded(workspace, outputs, resolved(evaluation=evaluation))
        store = open_store(workspace, "local", {})
        return run_of(store)

    # Measured as its commit measures: an edit made meanwhile is no part of it.
    run = after({}, "y = 2\n")
    assert (run.tags[COMMIT], run.tags[DIRTY]) == (trained_by, "false")
    git(root, "commit", "-qam", "another")
    write_json(outputs["metrics"], {"test/mse": 0.5, "test/r2": 0.9})
    run = after({"seed": 1}, "y = 3\n")
    assert (run.tags[COMMIT], run.tags[DIRTY]) == (commit_of(root)[COMMIT], "true")
    assert run.tags[COMMIT] != trained_by
    assert b"y = 3" in (run.patch() or b"")
    assert run.configuration["evaluation"] == {"seed": 1}
    assert run.metrics["test/mse"] == 0.5


@pytest.mark.slow
def test_the_digest_of_the_weights_is_that_of_the_first_and_another_is_told(
    workspace: Workspace,
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    first = recorded(workspace, outputs, resolved())
    assert first.differences == ()
    description = outputs["model"] / "model.json"
    description.write_text(description.read_text() + "\n")
    (line,) = recorded(workspace, outputs, resolved()).differences
    known = run_of(open_store(workspace, "local", {})).tags["plait.weights"]
    assert line.startswith(f"the weights: {known} recorded, ")
