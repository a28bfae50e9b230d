"""Takes out of installed packages what no program here loads: `python3 prune.py FOLDER`.

Runs inside a build, with the standard library alone. Tests of packages, headers, and the parts
of Arrow that talk to remote services together are a quarter of what the wheels hold.
"""

import shutil
import sys
from pathlib import Path

FOLDERS = ("pyarrow/include", "pyarrow/src", "pyarrow/includes", "bin", "torch/include")
FILES = (
    "pyarrow/libarrow_flight.so*",
    "pyarrow/libarrow_s3.so*",
    "pyarrow/_flight*",
    "pyarrow/_s3fs*",
    "pyarrow/_substrait*",
    "pyarrow/libarrow_python.so",
    "pyarrow/libarrow_python.so.*.*",
    "pyarrow/libarrow_python_flight*",
)
# Packages whose test folders nothing else imports; numpy.testing is imported by scipy.
TESTED = ("pandas", "pyarrow", "numpy", "scipy", "numba", "matplotlib", "pydantic")


def prune(folder: Path) -> int:
    """Remove what isn't needed; returns how many bytes that were."""
    before = _bytes(folder)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for pattern in FILES:
        for path in folder.glob(pattern):
            path.unlink()
    for package in TESTED:
        for tests in list((folder / package).glob("**/tests")):
            shutil.rmtree(tests, ignore_errors=True)
    return before - _bytes(folder)


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    print(f"{prune(Path(sys.argv[1])) / 1e6:.0f} MB taken out")
