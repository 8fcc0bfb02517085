"""Where the images and masks of a folder lie, told by the names of its folders, or of its files if one holds both."""

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from hourglass_bench.bench.data.files.pictures import SUFFIXES, list_no_files, list_pictures
from hourglass_bench.bench.data.folder.names import ROLES, SHORT_ROLES, is_plain, kind_of, role_of, words_of
from hourglass_bench.bench.fields import is_text
from hourglass_bench.bench.files import FOLDER, reading, what_is

SECOND_CHOICE = frozenset(["nd", "object", "instance", "instances", "color", "colour", "visualization", "overlay"])
"""Words of mask folders that lie beside better ones: a second annotator's (2nd), of objects, or to be looked at."""


class Home(NamedTuple):
    """What the folders around a file say of it; those around an image and its mask say the same."""

    role: str
    """`train`, `val`, `test` or nothing."""
    place: str
    """Folders that speak of neither kind nor role, such as a scene's, joined by `/`."""


class File(NamedTuple):
    """A file of pictures."""

    path: Path
    home: Home
    name: str
    """Without suffix, composed (NFC) so that names which look alike are alike."""

    @property
    def stem(self) -> str:
        """Its name with its place."""
        return f"{self.home.place}/{self.name}" if self.home.place else self.name


class Layout(NamedTuple):
    """The files of a folder."""

    root: Path
    """The folder in which all of them lie, at or below the one that was given."""
    images: list[File]
    masks: list[File]
    """Empty where no folder is called so: the masks, if there are any, lie among the images."""
    passed_over: list[str]
    """Folders with pictures that are neither."""
    unread: Counter[str]
    """How many files there are of each suffix that is not read."""
    no_files: frozenset[Path]
    """Of the images and masks, what is only named as one: links to files that are gone, folders, FIFOs."""


def find_layout(folder: Path, images: str = "", masks: str = "", *, pairs: bool = True) -> Layout:
    """Tell images from masks.

    Args:
        images: the images' folder below `folder`, or the end of the paths of several; "" finds it by its name.
        masks: as `images`, of the masks.
        pairs: whether each image is to have one mask; else several folders of masks are as good as one.

    Raises:
        ValueError: there is no such folder, no picture in it, or more than one that could be meant.
    """
    tree = _Tree.of(folder)
    named = tree.named(images, "images") if images else []
    labels = tree.named(masks, "masks") if masks else tree.of_kind("mask", besides=named)
    if pairs and not masks:
        labels = tree.settle(labels, "masks")
    pictures = named or tree.of_kind("image", besides=labels) or tree.of_kind("", besides=labels)
    if labels and not named:
        pictures = tree.settle(pictures, "images")
    used = {choice.parts for choice in (*pictures, *labels)}
    passed_over = ["/".join(parts) or "." for parts in tree.pictures if parts not in used]
    if labels and labels != pictures:
        found = tree.files(pictures), tree.files(labels)
        if not {file.home for file in found[0]} & {file.home for file in found[1]}:
            found = _without_common_place(found[0]), _without_common_place(found[1])
    else:
        found = tree.files(named or [choice._replace(says=range(0)) for choice in pictures]), []
    return Layout(tree.root, *found, passed_over, tree.unread, frozenset(tree.no_files))


class _Choice(NamedTuple):
    """A folder with pictures of one kind."""

    parts: tuple[str, ...]
    """Its path below the root."""
    says: range
    """Which of its parts say the kind."""
    has_role_outside: bool
    """Whether the first part says the role besides other words, as stage1_train does; it is no scene's folder then."""

    def home(self) -> Home:
        words = [words_of(part) for part in self.parts]
        speaks = [index in self.says or is_plain(words[index]) for index in range(len(words))]
        if self.has_role_outside:
            speaks[0] = True
        role = next((role for said, role in zip(speaks, map(role_of, words), strict=True) if said and role), "")
        rest = [part for said, part in zip(speaks, self.parts, strict=True) if not said]
        return Home(role, unicodedata.normalize("NFC", "/".join(rest)))

    def label(self) -> str:
        """Of the parts that say the kind."""
        return "/".join(self.parts[index] for index in self.says) or "."

    def family(self) -> frozenset[str]:
        """Words of the kind; folders of one family belong together, as imagesTr and imagesTs do."""
        return frozenset(word for word in words_of(self.label()) if word not in ROLES and word not in SHORT_ROLES)


class _Tree(NamedTuple):
    """The folders with pictures below one."""

    top: Path
    root: Path
    pictures: dict[tuple[str, ...], list[Path]]
    """Of each folder, by the parts of its path below the root."""
    unread: Counter[str]
    no_files: set[Path]
    has_roles_outside: bool
    """Whether each outermost folder says a role."""

    @classmethod
    def of(cls, top: Path) -> "_Tree":
        if (there := what_is(top)) != FOLDER:
            raise ValueError(f"{top} must be a folder, got {there or 'a file; unpack it if it is an archive'}.")
        found: dict[tuple[str, ...], list[Path]] = {}
        unread, no_files = Counter[str](), set[Path]()
        for folder, names in _walk(top):
            others = list_no_files(folder)
            no_files.update(others)
            if files := sorted([*list_pictures(folder), *others], key=lambda path: path.name):
                _require_text(top, files)
                found[folder.relative_to(top).parts] = files
            read = {path.name for path in files}
            unread.update(_full_suffix(name) for name in names if name not in read)
        if not found:
            raise ValueError(f"{top} must hold images (PNG, JPEG, TIFF and more), got {count_suffixes(unread)}.")
        wrapper = os.path.commonprefix(list(found))
        pictures = {parts[len(wrapper) :]: paths for parts, paths in sorted(found.items())}
        outside = {parts[0] if parts else "" for parts in pictures}
        return cls(
            top, top.joinpath(*wrapper), pictures, unread, no_files, all(role_of(words_of(name)) for name in outside)
        )

    def named(self, name: str, flag: str) -> list[_Choice]:
        """The folders whose paths below the top hold the path `name`."""
        wanted, above = PurePath(name).parts, self.root.relative_to(self.top).parts
        choices = []
        for parts in self.pictures:
            path = (*above, *parts)
            starts = [at for at in range(len(path) - len(wanted) + 1) if path[at : at + len(wanted)] == wanted]
            if starts:
                start = starts[0] - len(above)
                choices.append(self.choice(parts, range(max(start, 0), max(start + len(wanted), 0))))
        if not choices:
            there = ", ".join("/".join((*above, *parts)) or "." for parts in self.pictures)
            raise ValueError(
                f"data.{flag} (--{flag}) must be a folder with pictures below {self.top}, got {name}; there are: "
                f"{there}."
            )
        return choices

    def of_kind(self, kind: str, besides: Sequence[_Choice]) -> list[_Choice]:
        """The folders whose paths speak of `kind`, but for those of `besides`."""
        taken = {choice.parts for choice in besides}
        kinds = {parts: _kind_at(parts) for parts in self.pictures if parts not in taken}
        return [self.choice(parts, says) for parts, (found, says) in kinds.items() if found == kind]

    def choice(self, parts: tuple[str, ...], says: range) -> _Choice:
        """A folder of which some parts say the kind."""
        return _Choice(parts, says, has_role_outside=self.has_roles_outside)

    def settle(self, choices: list[_Choice], flag: str) -> list[_Choice]:
        """Of folders that could hold the same frames' pictures, the first choice."""
        families = defaultdict(set)
        for choice in choices:
            families[choice.home()].add(choice.family())
        rivals = set().union(*(several for several in families.values() if len(several) > 1))
        by_hand = {family for family in rivals if "manual" in family}
        second = {family for family in rivals if family & SECOND_CHOICE or (by_hand and family <= {"mask", "masks"})}
        if rivals and len(rivals - second) != 1:
            labels = ", ".join(sorted({choice.label() for choice in choices if choice.family() in rivals}))
            raise ValueError(
                f"{self.top} holds several folders that could be the {flag}: {labels}; name one (--{flag} DIR)."
            )
        return [choice for choice in choices if choice.family() not in second]

    def files(self, choices: list[_Choice]) -> list[File]:
        """Of several folders, sorted by role, place and name."""
        found = []
        for choice in choices:
            home = choice.home()
            found += [File(path, home, unicodedata.normalize("NFC", path.stem)) for path in self.pictures[choice.parts]]
        return sorted(found, key=lambda file: (file.home, file.name, file.path.suffix))


def _walk(folder: Path, around: frozenset[str] = frozenset()) -> Iterator[tuple[Path, list[str]]]:
    """Each folder at or below `folder` with the names of what lies in it besides folders; hidden ones are left out.

    Args:
        around: the real paths of the folders that it lies in: a link to one of them leads in a circle.
    """
    around |= {os.path.realpath(folder)}
    with reading(folder), os.scandir(folder) as found:
        entries = [entry for entry in found if not entry.name.startswith((".", "__MACOSX"))]
    inner = {entry.name: entry for entry in entries if _is_folder(entry)}
    yield folder, [entry.name for entry in entries if entry.name not in inner]
    for entry in inner.values():
        is_loop = entry.is_symlink() and _leads_around(os.path.realpath(entry.path), around)
        if not is_loop and not entry.name.lower().endswith(SUFFIXES):
            yield from _walk(folder / entry.name, around)


def _require_text(top: Path, files: Sequence[Path]) -> None:
    """Stems and scenes stand in tables and reports, which hold text alone."""
    for file in files:
        if not is_text(name := file.relative_to(top).as_posix()):
            raise ValueError(
                f"{top} must hold files whose names are text, got {name}, with bytes that are no UTF-8; rename it "
                "(convmv -f latin1 -t utf8)."
            )


def _leads_around(target: str, around: frozenset[str]) -> bool:
    """Whether one of these folders is the target, or lies in it."""
    return any(os.path.commonpath((target, folder)) == target for folder in around)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """As the entry itself says, but for a link that leads to itself, of which it raises an error."""
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _full_suffix(name: str) -> str:
    suffixes = PurePath(name.lower()).suffixes
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:]) or name


def _without_common_place(files: Sequence[File]) -> list[File]:
    """Without the folders that are around all of them: only one kind lies in them."""
    places = [file.home.place.split("/") for file in files]
    common = 0
    while all(len(place) > common and place[common] == places[0][common] for place in places):
        common += 1
    return [
        file._replace(home=Home(file.home.role, "/".join(place[common:])))
        for file, place in zip(files, places, strict=True)
    ]


def _kind_at(parts: Sequence[str]) -> tuple[str, range]:
    """The kind that a path speaks of and where: the last part that says it alone, else the first that says it."""
    words = [words_of(part) for part in parts]
    speaking = [index for index in range(len(parts)) if kind_of(words[index])]
    alone = [index for index in speaking if is_plain(words[index])]
    if not speaking:
        return "", range(0)
    at = alone[-1] if alone else speaking[0]
    return kind_of(words[at]), range(at, at + 1)


def count_suffixes(unread: Counter[str]) -> str:
    """Such as `20 of .nii.gz, 1 of .json`."""
    return ", ".join(f"{count} of {suffix}" for suffix, count in unread.most_common(6)) or "none"
