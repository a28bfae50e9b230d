"""A dataset that was read in shards is the one that a single pod would have read."""

from pathlib import Path

import pandas as pd
import pytest

from components.errors import UserError
from components.ingestion.config import IngestionConfig
from components.ingestion.gather import gather
from components.ingestion.stage import run
from components.progress import Progress
from components.workload.shard import shards_of
from tests.telemetry_folders import KEYS, write_telemetry_folder


def read(telemetry: Path, output: Path, shard: str = "1/1") -> None:
    run(IngestionConfig(telemetry=str(telemetry), shard=shard), output, Progress("ingestion"))


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def in_shards(telemetry: Path, folder: Path, size: int) -> list[Path]:
    shards = shards_of(len(KEYS), size)
    for index, shard in enumerate(shards):
        read(telemetry, folder / str(index), shard)
    return [folder / str(index) for index in range(len(shards))]


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_telemetry_folder(tmp_path_factory.mktemp("recorded") / "telemetry", steps=40)


@pytest.mark.parametrize("size", [1, 2])
def test_the_gathered_dataset_is_the_whole_one_byte_for_byte(
    telemetry: Path, tmp_path: Path, size: int
) -> None:
    read(telemetry, tmp_path / "whole")
    summary = gather(in_shards(telemetry, tmp_path, size), tmp_path / "gathered")
    assert summary.usable == KEYS
    assert files(tmp_path / "gathered") == files(tmp_path / "whole")


def test_a_shard_without_a_usable_workload_starves_no_other(
    telemetry: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "telemetry"
    write_telemetry_folder(broken, steps=40)
    (broken / f"{KEYS[1]}.parquet").unlink()
    summary = gather(in_shards(broken, tmp_path, 1), tmp_path / "gathered")
    assert summary.usable == (KEYS[0], KEYS[2])
    assert "is absent" in summary.excluded[KEYS[1]]


def test_no_usable_workload_in_any_shard_is_the_users_mistake(
    telemetry: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "telemetry"
    write_telemetry_folder(broken, steps=40)
    for key in KEYS:
        path = broken / f"{key}.parquet"
        pd.read_parquet(path).assign(request_rate_per_s=0.0).to_parquet(path)
    parts = in_shards(broken, tmp_path, 2)
    with pytest.raises(UserError, match="none of the 3 workloads is usable"):
        gather(parts, tmp_path / "gathered")
