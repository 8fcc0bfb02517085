"""Short hashes that identify data, plans and code."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


def digest(*parts: object) -> str:
    """Sixteen hexadecimal digits of the parts' texts, in order."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:16]


def digest_sources(folders: Iterable[Path], skip: Path | None = None) -> str:
    """Hash of all Python files in the folders, but for those below `skip`."""
    files = (path for folder in folders for path in sorted(folder.rglob("*.py")) if skip not in path.parents)
    return digest(*(path.read_text(encoding="utf-8") for path in files))
