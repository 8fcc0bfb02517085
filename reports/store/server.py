"""Requests to a tracking server. Whatever goes wrong is a ValueError that names the server, without credentials."""

import base64
import http.client
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import Request, urlopen

PATIENCE_SECONDS = 60
"""For one answer: a busy server takes seconds to search a thousand runs."""

Item = TypeVar("Item")
Query = Sequence[tuple[str, str | int]]


class Server:
    """An MLflow server."""

    def __init__(self, url: str) -> None:
        """The server at a URL, which may hold user and password.

        Raises:
            ValueError: it is no URL of a server.
        """
        try:
            parts = urlsplit(url)
            named = bool(parts.hostname) and parts.port != 0
        except ValueError:
            named = False
        if not named:  # without the text: what does not parse may hold a password anywhere
            raise ValueError("tracking must be a URL such as http://host:5000, and cannot be read as one.")
        self.place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._authorization = _authorization(parts.username, parts.password)

    def post(self, path: str, body: Mapping[str, Any], name: str, read: Callable[[Any], Item]) -> list[Item]:
        """What a REST endpoint lists under `name` in answer to a JSON body, on all its pages, each item `read`."""

        def ask(page: dict[str, str]) -> Request:
            headers = {"Content-Type": "application/json"}
            return Request(self._endpoint(path), json.dumps({**body, **page}).encode(), headers)

        return self._pages(ask, name, read)

    def get(self, path: str, query: Query, name: str, read: Callable[[Any], Item]) -> list[Item]:
        """What a REST endpoint lists under `name` in answer to a query, on all its pages, each item `read`."""

        def ask(page: dict[str, str]) -> Request:
            return Request(f"{self._endpoint(path)}?{urlencode([*query, *page.items()])}")

        return self._pages(ask, name, read)

    def file(self, run: str, name: str) -> bytes:
        """A file of a run, wherever the server keeps it.

        The path by which MLflow's clients load artifacts serves only those that were stored through the server.
        """
        return self._content(Request(f"{self.place}/get-artifact?{urlencode({'run_id': run, 'path': name})}"))

    def _endpoint(self, path: str) -> str:
        return f"{self.place}/api/2.0/mlflow/{path}"

    def _pages(self, ask: Callable[[dict[str, str]], Request], name: str, read: Callable[[Any], Item]) -> list[Item]:
        items: list[Item] = []
        page: dict[str, str] = {}
        while True:
            content = self._content(ask(page))
            try:
                answer = json.loads(content)
                items += [read(item) for item in _listed(answer, name)]
                page = {"page_token": token} if (token := answer.get("next_page_token")) else {}
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"{self.place} answers, but not as a tracking server of MLflow 3 does.") from error
            if not page:
                return items

    def _content(self, request: Request) -> bytes:
        if self._authorization:  # not for whoever the server redirects to
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            with urlopen(request, timeout=PATIENCE_SECONDS) as response:
                content: bytes = response.read()
                return content
        except HTTPError as error:
            with error:
                raise ValueError(self._refusal(error.code, error.reason, error.read())) from error
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            said = _sentence(str(reason) or type(reason).__name__)
            raise ValueError(f"{self.place} cannot be read: {said}") from error
        except ValueError:  # its text may repeat the credentials
            raise ValueError(
                f"{self.place} cannot be read: its address or the credentials for it hold what HTTP cannot send."
            ) from None

    def _refusal(self, code: int, reason: str, body: bytes) -> str:
        said = f"{self.place} cannot be read: {_sentence(f'{code} {reason}{_message(body)}')}"
        if code in (401, 403):
            names = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            return f"{said} Credentials come from the environment variables {names}."
        return f"{said} Is it a tracking server of MLflow 3?" if code == 404 else said


def _listed(answer: Any, name: str) -> list[Any]:
    """The list under a name; MLflow leaves out an empty one.

    Raises:
        TypeError: it is no answer of MLflow.
    """
    if not isinstance(answer, dict) or (name not in answer and answer.keys() - {"root_uri"}):
        raise TypeError
    items: list[Any] = answer.get(name, [])
    return items


def _authorization(user: str | None, password: str | None) -> str:
    """Credentials in the URL; if it names no user, those that MLflow's own clients take from the environment."""
    if user:
        return _basic(unquote(user), unquote(password or ""))
    # A file that a variable is filled from often ends with a line feed.
    user, password, token = (
        os.environ.get(f"MLFLOW_TRACKING_{name}", "").strip() for name in ("USERNAME", "PASSWORD", "TOKEN")
    )
    if user and password:
        return _basic(user, password)
    return f"Bearer {token}" if token else ""


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _message(body: bytes) -> str:
    """What MLflow says about an error, after a colon; nothing of other servers' pages."""
    try:
        return f": {json.loads(body)['message']}"
    except (ValueError, TypeError, KeyError):
        return ""


def _sentence(text: str) -> str:
    """On one line, with a full stop."""
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!")) else f"{line}."
