"""Build the kernels: ``python -m book.lab.compile [FOLDER]`` writes them beside their source, or into a folder.

It takes zig (``pip install ziglang``), or else clang with lld; the .wasm files are committed, so that neither the book
nor its readers need a compiler. A test asserts that a fresh build computes the same.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).parent
BUILDS = {"kernels.wasm": [], "kernels_relaxed.wasm": ["-mrelaxed-simd", "-DRELAXED"]}
FLAGS = ["-msimd128", "-O3", "-std=c11", "-nostdlib", "-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--strip-all"]


def compiler() -> list[str] | None:
    """How to call a C compiler that makes WebAssembly, or None where there is none."""
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding"]
    if zig := shutil.which("zig"):
        return [zig, "cc", "-target", "wasm32-freestanding"]
    clang = shutil.which("clang")
    if clang and (shutil.which("wasm-ld") or shutil.which("lld")):
        return [clang, "--target=wasm32"]
    return None


def build(folder: Path = LAB) -> list[Path]:
    """Compile every build of the kernels into a folder.

    Raises:
        RuntimeError: there is no compiler, or it does not take the source.
    """
    command = compiler()
    if command is None:
        raise RuntimeError("no compiler for WebAssembly was found; run: pip install ziglang")
    made = []
    for name, flags in BUILDS.items():
        arguments = [*command, *FLAGS, *flags, str(LAB / "kernels.c"), "-o", str(folder / name)]
        done = subprocess.run(arguments, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name} was not built: {done.stderr.strip()}")
        made.append(folder / name)
    return made


if __name__ == "__main__":
    for path in build(Path(sys.argv[1]) if len(sys.argv) > 1 else LAB):
        print(f"{path}: {path.stat().st_size:,} bytes")
