"""Optuna's dashboard answers this machine's own names, and no page of another site that pretends to be one."""

from collections.abc import Iterable
from typing import Any

import pytest

from hourglass_bench.bench.commands.serve import Serve
from hourglass_bench.studies.dashboard import _of_hosts


def pages(_: Any, start: Any) -> Iterable[bytes]:
    start("200 OK", [])
    return [b"studies"]


@pytest.mark.parametrize(
    ("where", "host", "status"),
    [
        (Serve(), "127.0.0.1:5000", "200 OK"),
        (Serve(), "localhost:5000", "200 OK"),
        (Serve(), "[::1]:5000", "200 OK"),
        (Serve(host="127.0.0.7"), "127.0.0.7:5000", "200 OK"),
        (Serve(), "evil.example:5000", "403 Forbidden"),
        (Serve(), "127.0.0.1.evil.example:5000", "403 Forbidden"),
        (Serve(), "localhost:80", "403 Forbidden"),
        (Serve(), None, "403 Forbidden"),
        (Serve(host="0.0.0.0", share=True), "machine.example:5000", "200 OK"),
    ],
)
def test_hosts_of_requests(where: Serve, host: str | None, status: str) -> None:
    said: list[str] = []
    answer = _of_hosts(pages, where.hosts(5000))(
        {} if host is None else {"HTTP_HOST": host}, lambda status, _: said.append(status)
    )
    assert said == [status]
    assert (list(answer) == [b"studies"]) == (status == "200 OK")
