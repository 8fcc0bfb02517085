"""`hourglass-bench dashboard`: optuna-dashboard over the trials of all studies in a storage."""

from collections.abc import Collection, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from hourglass_bench.bench.commands import serve
from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.studies import storage

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def serve_dashboard(runs: Path, storage_url: str, where: serve.Serve) -> Answer:
    """Serve until Ctrl-C.

    Raises:
        ValueError: there is no such store, or optuna-dashboard is not installed.
    """
    url = storage.storage_url(runs, storage_url)
    serve.require_store(url, runs)
    storage.require_storage(url)
    try:
        from optuna_dashboard import wsgi
    except ImportError as error:
        raise ValueError(f'the dashboard needs pip install "hourglass-bench[dashboard]" ({error}).') from error
    host, port = where.address()
    address = serve.base_url(host, port) + "/dashboard"
    with serve.until_interrupted():
        pages = _of_hosts(wsgi(storage.open_storage(url)), where.hosts(port))
        with make_server(host, port, pages, server_class=_Server, handler_class=_Handler) as server:
            where.announce("Optuna's dashboard", address)
            server.serve_forever()
    return Answer({"url": address}, "ended")


def _of_hosts(pages: "WSGIApplication", hosts: Collection[str]) -> "WSGIApplication":
    """The pages for requests with one of these Host headers; empty: for all."""

    def answer(request: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if hosts and request.get("HTTP_HOST") not in hosts:
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"Invalid Host header"]
        return pages(request, start)

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at a time: a browser keeps a connection open that it does not use yet."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    """Says nothing about requests."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
