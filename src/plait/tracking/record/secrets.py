"""Files that may hold a secret, by name or by content: they are never stored with a run.

Rather one file too many: what is left out is named, and commits fine.
"""

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath

NAMES = (
    *(".env*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"),
    *("*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc", ".pgpass"),
    *(".htpasswd", ".pypirc", ".npmrc", ".dockercfg", ".git-credentials"),
    *(".ssh", ".aws", ".gnupg", ".kube"),
)
"""Names of files with secrets, and of folders above them."""

WORDS = re.compile(r"credential|secret|passw(?:or)?d|token(?!i[sz])", re.IGNORECASE)
"""Words that tell of a secret in the name of anything but Python code; a tokenizer is no token."""

SHAPES = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY"
    rb"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # Amazon
    rb"|\bAIza[\w-]{35}"  # Google
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{40}|\bglpat-[\w-]{20}"
    rb"|\bhf_[A-Za-z0-9]{30}|\bsk-[\w-]{20}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{40}"
    rb"|\bxox[abeprs]-[\w-]{10}|\bSG\.[\w-]{20,}\.[\w-]{20}"
    rb"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10}"  # JSON web tokens
)
"""Shapes of keys and tokens, wherever they stand."""

_NAME = (
    r"(?:[\w.-]*(?:passw(?:or)?d|secret|(?:api|access|account|private)[_-]?key)"
    r"|(?:[\w.-]*(?:access|api|auth|bearer|refresh|session)[_-]?)?token)"
)

HINT = re.compile(rb"passw|secret|key|token|://", re.IGNORECASE)
"""What every line has that the patterns below can match, and few others have: those are slow."""

QUOTED = re.compile(
    rf"(?<![\w.-]){_NAME}\\?[\"']?\s*(?::\s*\w+\s*=|[:=])\s*".encode()
    + rb"\\?([\"'])(?P<value>[^\"'\n]{4,})\1",
    re.IGNORECASE,
)
"""``password = "…"`` and its like, in any text; in a notebook with backslashes."""

BARE = re.compile(
    rf"(?<![\w.-]){_NAME}[\"']?[ \t]*[:=][ \t]*(?P<value>[^\s\"'#,}}]{{4,}})".encode(),
    re.IGNORECASE,
)
"""The same without quotation marks, in files of settings."""

IN_ADDRESS = re.compile(rb"://[^\s/:@\"'<>]*:(?P<value>[^\s/@\"'<>]+)@")
"""A password in an address."""

SETTINGS_FILES = (
    *(".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf", ".properties", ".local", ""),
)

PLACEHOLDER = re.compile(
    rb"[$%{<?*(].*|\.+|x+|null|none|true|false|user|password|secret|changeme|[A-Z][A-Z0-9]*_[A-Z0-9_]+",
    re.DOTALL,
)
"""What stands for a secret that is elsewhere: ``${…}``, ``<…>``, the name of a variable."""


def named_like_a_secret(path: str) -> bool:
    """Whether the name of a file, or of a folder above it, says that it holds a secret.

    :param path: relative, with slashes.
    """
    parts = PurePosixPath(path).parts
    if any(fnmatch(part.lower(), pattern) for part in parts for pattern in NAMES):
        return True
    return not path.endswith(".py") and any(WORDS.search(part) for part in parts)


def holds_a_secret(path: str, content: bytes) -> bool:
    """Whether the content of a file, or of a patch of it, looks like a key, token or password.

    :param path: its name says of what kind it is.
    """
    text = content.replace(b"\0", b"")  # as UTF-16 has them
    if SHAPES.search(text):
        return True
    patterns = [QUOTED, IN_ADDRESS]
    if PurePosixPath(path).suffix.lower() in SETTINGS_FILES:
        patterns.append(BARE)
    return any(
        not PLACEHOLDER.fullmatch(found["value"])
        for line in text.splitlines()
        if HINT.search(line)
        for pattern in patterns
        for found in pattern.finditer(line)
    )
