"""Check the pages' JavaScript: ``python -m book.lab.lint`` asks Biome, and TypeScript about the types in its comments.

Neither is part of a fresh clone: npm keeps them in its own cache. Where they cannot be had, this says so in a line and
is content; in the workflows on GitHub that is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECKS = {  # package: its command, and what to ask of it
    "@biomejs/biome@2.6.8": ("biome", ["lint", "--error-on-warnings"]),
    "typescript@7.0.2": ("tsc", ["-p", "book/lab/jsconfig.json"]),
}
OFFLINE = {"npm_config_fetch_retries": "0", "npm_config_fetch_timeout": "20000", "npm_config_update_notifier": "false"}


def command(package: str, name: str) -> list[str] | None:
    """How to call a tool of npm's in the version that is wanted, or None where it cannot be had."""
    npx = shutil.which("npx")
    if npx is None:
        return None
    call = [npx, "--yes", "--prefer-offline", "--package", package, "--", name]
    return call if _run([*call, "--version"], quiet=True) == 0 else None


def _run(call: list[str], *, quiet: bool = False) -> int:
    return subprocess.run(call, cwd=ROOT, env={**os.environ, **OFFLINE}, capture_output=quiet).returncode


def main() -> int:
    """Check; 1: something is wrong, or could not be checked where it must be."""
    failed = False
    for package, (name, arguments) in CHECKS.items():
        call = command(package, name)
        if call is None:
            print(f"{package} could not be had from npm: the page's JavaScript was not checked by it")
            failed |= bool(os.environ.get("GITHUB_ACTIONS"))
        else:
            failed |= _run([*call, *arguments]) != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
