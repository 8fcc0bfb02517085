"""`hourglass-bench ui` answers this machine alone: no request by another name, as after DNS rebinding."""

from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

pytestmark = pytest.mark.slow


def test_a_request_by_a_foreign_name_is_refused(ui: str) -> None:
    place = urlsplit(ui)
    assert place.hostname == "127.0.0.1"
    page = f"http://{place.netloc}/api/2.0/mlflow/experiments/search?max_results=1"
    for host in (place.netloc, f"localhost:{place.port}"):
        with urlopen(Request(page, headers={"Host": host}), timeout=60) as answer:
            assert answer.status == 200
    for host in ("evil.example", f"evil.example:{place.port}", "192.168.0.1", f"10.0.0.1:{place.port}"):
        with pytest.raises(HTTPError, match="403"):
            urlopen(Request(page, headers={"Host": host}), timeout=60)
