"""Links that lead out of a folder are not written through."""

from pathlib import Path

import pytest

from hourglass_bench.bench.files import require_inside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "runs" / "inside").mkdir(parents=True)
    (tmp_path / "users").mkdir()
    return tmp_path / "runs"


def test_a_folder_that_is_a_link_and_links_within_it_are_fine(folder: Path) -> None:
    (folder / "within").symlink_to("inside")
    (folder.parent / "link").symlink_to(folder)
    for root in (folder, folder.parent / "link"):
        require_inside(root, root)
        require_inside(root, root / "new" / "file")
        require_inside(root, root / "within" / "file")


@pytest.mark.parametrize("target", ["../users", "../users/none", "/", "inside/../../users"])
@pytest.mark.parametrize("place", ["link", "inside/link"])
def test_a_link_that_leads_out_is_refused(folder: Path, target: str, place: str) -> None:
    (folder / place).symlink_to(target if place == "link" or target == "/" else f"../{target}")
    wanted = rf"{folder / place} must not be a link that leads out of {folder}, got one to .*; remove the link"
    for path in (folder / place, folder / place / "deeper" / "file"):
        with pytest.raises(ValueError, match=wanted):
            require_inside(folder, path)


def test_a_link_beside_a_link_is_no_way_out(folder: Path) -> None:
    """The folder's own link does not make other links of its parent a part of it."""
    (folder.parent / "runs-of-others").mkdir()
    (folder / "link").symlink_to("../runs-of-others")
    with pytest.raises(ValueError, match="must not be a link that leads out of"):
        require_inside(folder, folder / "link")


def test_a_loop_leads_nowhere(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    require_inside(folder, folder / "loop")
    with pytest.raises(OSError, match="Too many levels"):
        (folder / "loop").touch()
