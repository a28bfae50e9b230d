"""Takes out of installed packages what no program here loads: `python3 prune.py FOLDER`.

Runs inside a build, with the standard library alone. Tests of packages, headers, symbols that only
a debugger reads, and the parts of Arrow that talk to remote services are a third of what the
wheels hold.
"""

import shutil
import struct
import sys
from pathlib import Path

FOLDERS = (
    "pyarrow/include", "pyarrow/src", "pyarrow/includes", "bin", "torch/include",
    "numba/cuda", "scipy/datasets", "scipy/odr", "scipy/misc", "scipy/io", "scipy/cluster",
    "scipy/fftpack", "matplotlib/mpl-data/fonts/afm", "matplotlib/mpl-data/fonts/pdfcorefonts",
    "matplotlib/mpl-data/sample_data",
)  # fmt: skip
# matplotlib draws PNG here; of fontTools, which is for its PDF, it loads a list of glyphs.
KEPT_OF = {"fontTools": ("__init__.py", "agl.py", "misc")}
FILES = (
    "pyarrow/libarrow_flight.so*",
    "pyarrow/libarrow_s3.so*",
    "pyarrow/_flight*",
    "pyarrow/_s3fs*",
    "pyarrow/_substrait*",
    "pyarrow/libarrow_python.so",
    "pyarrow/libarrow_python.so.*.*",
    "pyarrow/libarrow_python_flight*",
    "PIL/_avif*",
    "pillow.libs/libavif*",
)
# Packages whose test folders nothing else imports; numpy.testing is imported by scipy.
TESTED = ("pandas", "pyarrow", "numpy", "scipy", "numba", "matplotlib", "pydantic")
# What compilers and type checkers read.
SOURCES = (".c", ".cpp", ".h", ".hpp", ".a", ".pyx", ".pxd", ".pxi", ".pyi")
_ELF64 = b"\x7fELF\x02\x01"


def prune(folder: Path) -> int:
    """Remove what isn't needed; returns how many bytes that were."""
    before = _bytes(folder)
    for path in _unneeded(folder):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for library in folder.rglob("*.so*"):
        if library.is_file() and not library.is_symlink():
            strip(library)
    return before - _bytes(folder)


def _unneeded(folder: Path) -> list[Path]:
    found = [folder / name for name in FOLDERS]
    for package, kept in KEPT_OF.items():
        found += [path for path in (folder / package).glob("*") if path.name not in kept]
    for pattern in FILES:
        found += folder.glob(pattern)
    for package in TESTED:
        found += (folder / package).glob("**/tests")
    found += (path for path in folder.rglob("*") if path.suffix in SOURCES and path.is_file())
    return [path for path in found if path.exists()]


def strip(library: Path) -> None:
    """Cut off a shared library's symbol and section tables, which loading it doesn't need.

    The loader goes by the program headers; what no segment holds lies behind all of them. ELF-64,
    System V ABI: e_phoff is at byte 32, e_shoff at 40, e_phentsize to e_shstrndx from 54 on; in a
    program header p_offset is at 8 and p_filesz at 32.
    """
    data = library.read_bytes()
    if not data.startswith(_ELF64):
        return
    (first,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    end = first + size * count
    for index in range(count):
        header = first + size * index
        (offset,) = struct.unpack_from("<Q", data, header + 8)
        (length,) = struct.unpack_from("<Q", data, header + 32)
        end = max(end, offset + length)
    kept = bytearray(data[:end])
    struct.pack_into("<Q", kept, 40, 0)
    struct.pack_into("<HH", kept, 60, 0, 0)
    library.write_bytes(kept)


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    print(f"{prune(Path(sys.argv[1])) / 1e6:.0f} MB taken out")
