"""Outputs of several pods put together."""

from pathlib import Path

import pytest

from components.artifacts.files import write_json, write_text
from components.artifacts.parts import copy_parts, joined_documents
from components.errors import UserError


def part(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        write_text(folder / name, text)
    return folder


def test_files_of_all_parts_lie_where_they_lay_and_hidden_ones_stay_behind(tmp_path: Path) -> None:
    parts = [
        part(tmp_path / "1", {"shop/a.txt": "a", "page.html": "1", ".lock": ""}),
        part(tmp_path / "2", {"shop/b.txt": "b", "page.html": "2"}),
    ]
    copy_parts(parts, tmp_path / "all", without=("page.html",))
    found = {
        path.relative_to(tmp_path / "all").as_posix(): path.read_text()
        for path in (tmp_path / "all").rglob("*")
        if path.is_file()
    }
    assert found == {"shop/a.txt": "a", "shop/b.txt": "b"}


def test_one_file_with_two_contents_is_refused(tmp_path: Path) -> None:
    parts = [part(tmp_path / name, {"same": "x", "own": name}) for name in ("1", "2")]
    copy_parts(parts, tmp_path / "some", without=("own",))
    with pytest.raises(UserError, match="differs"):
        copy_parts(parts, tmp_path / "all", without=())


def test_entries_are_joined_and_a_repeated_one_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "1" / "d.json", {"a": 1})
    write_json(tmp_path / "2" / "d.json", {"b": 2})
    assert joined_documents([tmp_path / "1", tmp_path / "2"], "d.json") == {"a": 1, "b": 2}
    with pytest.raises(UserError, match="has a again"):
        joined_documents([tmp_path / "1", tmp_path / "1"], "d.json")
    with pytest.raises(UserError, match="is missing"):
        joined_documents([tmp_path / "3"], "d.json")
