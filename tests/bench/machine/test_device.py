"""Sizes of memory, as people write them and as the machine tells them."""

import sys
from pathlib import Path

import pytest
import torch

from hourglass_bench.bench.machine import device
from hourglass_bench.bench.machine.device import memory_limit
from hourglass_bench.bench.size import format_bytes, parse_bytes


@pytest.mark.parametrize(
    ("text", "size"), [("4096", 4096), ("2GiB", 2 * 2**30), ("1.5 MB", 1_500_000), ("64MiB", 2**26), (".5KiB", 512)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_bytes(text, "memory budget") == size


@pytest.mark.parametrize("text", ["", "GiB", "0", "-1GiB", "2GIB", "2 gigabytes", "1e9", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"memory budget must be a size such as 2GiB, in one of B, KB, .* got "):
        parse_bytes(text, "memory budget")


def test_sizes_are_written() -> None:
    assert [format_bytes(size) for size in (12, 1536, 2**26, 139_659_378_936)] == [
        "12 B",
        "1.5 KiB",
        "64 MiB",
        "130 GiB",
    ]


def test_memory_of_this_machine_is_what_is_free() -> None:
    assert 2**28 < memory_limit(torch.device("cpu")) < 2**50


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("1000\n")
    assert device._container_bytes(tmp_path) == sys.maxsize
    (tmp_path / "memory.max").write_text("max\n")
    assert device._container_bytes(tmp_path) == sys.maxsize
    (tmp_path / "memory.max").write_text("5000\n")
    assert device._container_bytes(tmp_path) == 4000
    (tmp_path / "memory.stat").write_text("anon 250\nfile 700\ninactive_file 500\nactive_file 200\n")
    assert device._container_bytes(tmp_path) == 4700
