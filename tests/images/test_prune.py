"""What goes out of the packages, and that a library without its tables still loads."""

import ctypes
import shutil
import sysconfig
from pathlib import Path

import numpy as np

from images.prune import prune, strip


def library() -> Path:
    """A shared library of an installed package."""
    folder = Path(np.__file__).parent / "random"
    return next(folder.glob(f"_common*{sysconfig.get_config_var('EXT_SUFFIX')}"))


def test_a_stripped_library_is_smaller_and_loads(tmp_path: Path) -> None:
    copy = tmp_path / library().name
    shutil.copyfile(library(), copy)
    strip(copy)
    assert copy.stat().st_size < library().stat().st_size
    once = copy.read_bytes()
    strip(copy)
    assert copy.read_bytes() == once
    # Last: a file that is rewritten while it is loaded takes the process with it when that ends.
    assert ctypes.PyDLL(str(copy)).PyInit__common


def test_what_is_no_library_stays_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "notes.so"
    text.write_text("a linker script")
    strip(text)
    assert text.read_text() == "a linker script"


def test_tests_headers_and_unused_packages_go_and_the_rest_stays(tmp_path: Path) -> None:
    kept = ("pandas/core.py", "fontTools/agl.py", "fontTools/misc/textTools.py", "own/tests/x.py")
    gone = (
        *("pandas/tests/a.py", "pyarrow/include/a.h", "fontTools/ttLib/a.py", "PIL/_avif.so"),
        *("scipy/linalg/a.pyx", "scipy/io/a.py", "numpy/lib/a.pyi"),
    )
    for name in (*kept, *gone):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("four")
    assert prune(tmp_path) == 4 * len(gone)
    assert all((tmp_path / name).exists() for name in kept)
