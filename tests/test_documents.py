"""The documents: every command in them is run as it is written, made short by one table, and the book is built."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.data.public_layouts import busi, glas, voc
from tests.documents import DOCUMENTS, ROOT, Command, answers, blocks, commands, files, inline
from tests.typed import Typist, check, prepare

NETWORKS, FAQ = ROOT / "docs" / "networks.md", ROOT / "docs" / "faq.md"
WITH_COMMANDS = [document for document in DOCUMENTS if commands(document) and document not in (NETWORKS, FAQ)]
BEFORE = {
    "report.md": ["make sweep", "make report"],
    "faq.md": ["make sweep", "hourglass-bench train --data mydata"],
    "export.md": ["hourglass-bench train"],
    "reproduce.md": ["hourglass-bench train"],
    "models.md": ["make sweep"],
}
"""What somebody has typed who reads there."""


@pytest.fixture
def typist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder_data: Path) -> Typist:
    """Works in a folder with everything that the documents speak of."""
    for name in ("mydata", "annotations"):
        shutil.copytree(folder_data, tmp_path / name)
    shutil.copytree(folder_data / "images", tmp_path / "newimages")
    for kind in ("images", "masks"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number, path in enumerate(sorted((folder_data / kind).iterdir())[:6]):
            shutil.copy(path, tmp_path / "photos" / kind / f"photo_{number:03d}.png")
    for name in ("a.jpg", "b.png"):
        shutil.copy(next((folder_data / "images").iterdir()), tmp_path / name)
    voc(tmp_path / "voc")
    busi(tmp_path / "Dataset_BUSI_with_GT")
    glas(tmp_path / "WARWICK")
    for name, text in files(NETWORKS).items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    prepare(monkeypatch)
    return Typist(tmp_path)


def read_until(document: Path, typist: Typist) -> None:
    """Type what the reader of a document has typed before."""
    for words in BEFORE.get(document.name, []):
        typist.type(Command(document.name, tuple(words.split())))


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda document: document.name)
def test_commands_as_documented(document: Path, typist: Typist) -> None:
    read_until(document, typist)
    for command in commands(document):
        typist.type(command)
    if document.name == "README.md":  # whose Python reads what its commands have written
        image = str(next(Path("mydata/images").glob("*")))
        for block in blocks(document):
            if block.language == "python":
                code = block.text.replace("epochs=30", "epochs=1, size=16, folds=3").replace("photo.png", image)
                subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_commands_in_the_prose_exist(document: Path) -> None:
    for command in inline(document):
        check(command)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["export.md", "zoo.md"])
def test_python_as_documented(name: str, typist: Typist) -> None:
    """Of blocks that are no file; a file's is run by the commands that name it, or compiled."""
    document = ROOT / "docs" / name
    read_until(document, typist)
    for block in blocks(document):
        code = block.text.replace("runs/.../state_dict.pt", typist.checkpoint)
        if block.language == "python":
            compile(code, block.where, "exec")
            if not block.title:
                subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_block_says_what_it_is() -> None:
    """One without a language would be passed over, or be taken for commands."""
    of_docs = [block for document in DOCUMENTS if document.parent != ROOT for block in blocks(document)]
    assert {block.language for block in of_docs} <= {"sh", "console", "python", "toml", "text"}
    whole = {document for document in DOCUMENTS for block in blocks(document) if block.language == "python"}
    assert {document.name for document in whole} == {
        *("README.md", "networks.md", "export.md", "zoo.md", "models.md", "api.md")
    }


def pattern(message: str) -> str:
    """Regular expression of a message in which `...` stands for anything."""
    return ".*".join(re.escape(" ".join(part.split())) for part in message.split("..."))


@pytest.mark.slow
def test_messages_of_the_faq_are_printed(typist: Typist) -> None:
    read_until(FAQ, typist)
    shown = answers(FAQ)
    assert len(shown) > 12
    for command, message in shown:
        assert re.search(pattern(message), " ".join(typist.refused(command).split())), command


def test_messages_of_the_faq_are_in_the_code() -> None:
    """Those that no command brings about everywhere."""
    code = [text for package in ("architectures", "bench", "studies", "reports") for text in texts(ROOT / package)]
    shown = [block for block in blocks(FAQ) if block.language == "text"]
    assert len(shown) > 5
    for block in shown:
        assert any(re.search(pattern(block.text), text) for text in code), block.where


def texts(package: Path) -> list[str]:
    """The strings of its code; what is filled in is a point."""
    trees = [ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    filled = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    plain = [[node] for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "." for part in parts)
        for parts in filled + plain
    ]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The docs folder, built as `make docs` builds it."""
    site = tmp_path_factory.mktemp("book")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    built = subprocess.run(
        build, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return site


def test_the_book_asks_no_other_host(book: Path) -> None:
    pages = list(book.rglob("*.html"))
    assert len(pages) > 15
    loaded = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=.?(?:https?:)?//[^>]*")
    assert [found[0] for page in pages for found in loaded.finditer(page.read_text())] == []


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium")
def test_the_book_is_searched_without_a_server(book: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((book / "index.html").as_uri())
        page.locator(".md-search__input").first.fill("Holm")
        page.locator(".md-search-result__item").first.wait_for()
        assert "holm" in page.locator(".md-search-result__item").first.inner_text().lower()
        browser.close()
    assert {url.partition(":")[0] for url in asked} <= {"file", "blob", "data"}
