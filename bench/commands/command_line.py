"""From the words of a command line to a command: verbs by group, their flags by tyro, help on one screen."""

import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, cast

from hourglass_bench.architectures.bounds import shown
from hourglass_bench.bench import terminal
from hourglass_bench.bench.commands.cli import EXIT_INPUT, Command, Verbs, refuse, run, to_reader
from hourglass_bench.bench.commands.parameters import parameters
from hourglass_bench.bench.commands.refused_words import in_sentences
from hourglass_bench.bench.commands.typed import meant

if TYPE_CHECKING:
    from tyro.constructors import ConstructorRegistry

FORMER: Final = {"run": "sweep", "build": "report"}
"""Verbs by what they were called before, which goes on to work."""


def main(prog: str, about: str, groups: Verbs, arguments: Sequence[str] | None = None) -> int:
    """Parse, run and print, see `bench.commands.cli.run`.

    Raises:
        SystemExit: help was asked for (0) or the arguments are none of these commands' (2).
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--version"]:
        from importlib.metadata import version

        with to_reader():
            print(f"hourglass-bench {version('hourglass-bench')}")
        return 0
    return run(prog, words, partial(parse, prog, about, groups))


def parse(prog: str, about: str, groups: Verbs, words: Sequence[str]) -> Command:
    """The command that the words ask for.

    Raises:
        SystemExit: help was asked for (0), or the words are no command (2).
    """
    verbs = by_name(groups)
    verb, rest = split(words, verbs)
    if verb in ("", "-h", "--help"):
        _show(prog, about, groups, failed=not verb)
    if verb not in verbs:
        near = meant(verb, [*verbs, *FORMER])
        said = f"verb must be one of {', '.join(verbs)}, got {shown(verb)}{near}"
        _refuse(prog, f"{said} {prog} --help says what each does.")
    import tyro
    from tyro import conf

    style = (
        conf.OmitArgPrefixes,
        conf.OmitSubcommandPrefixes,
        conf.FlagCreatePairsOff,
        conf.DisallowNone,
        conf.PositionalMetavarFromFieldName,
        conf.HelptextFromCommentsOff,
    )
    tyro._experimental_options["ansi_codes"] = all(map(terminal.is_wanted, (sys.stdout, sys.stderr)))
    see = f"See {prog} {verb} --help."
    with in_sentences(rest, parameters(verbs[verb]), lambda said: _refuse(prog, f"{said} {see}")):
        command: Command = tyro.cli(verbs[verb], prog=f"{prog} {verb}", args=rest, config=style, registry=_rules())
    return command


def _refuse(prog: str, said: str) -> NoReturn:
    refuse(prog, said)
    raise SystemExit(EXIT_INPUT)


def _say_default(value: str) -> str:
    """What the help says of a default: nothing of an empty one, whose meaning is in its text."""
    return "" if value in ("", "''", "None", "False") else f"(default: {value})"


def _rules() -> "ConstructorRegistry":
    """Tyro's rules, by which the help says of the default of every flag what `_say_default` says, and paths have names.

    An empty path would be the current folder, which a variable without a value does not mean.
    """
    from tyro.conf import arg
    from tyro.constructors import (
        ConstructorRegistry,
        PrimitiveConstructorSpec,
        PrimitiveTypeInfo,
        StructConstructorSpec,
        StructTypeInfo,
    )

    rules, hint = ConstructorRegistry(), arg(help_behavior_hint=_say_default)

    @rules.struct_rule
    def with_hint(info: StructTypeInfo) -> StructConstructorSpec | None:
        if hint in info.markers:
            return None  # asked below
        usual = ConstructorRegistry.get_struct_spec(replace(info, markers=(*info.markers, hint)))
        if not isinstance(usual, StructConstructorSpec):
            return None
        fields = [replace(of, type=cast(Any, Annotated[of.type, hint])) for of in usual.fields]
        return replace(usual, fields=tuple(fields))

    @rules.primitive_rule
    def with_name(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Path] | None:
        if info.type is not Path:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="PATH",
            instance_from_str=_read_path,
            is_instance=lambda value: isinstance(value, Path),
            str_from_instance=lambda path: [str(path)],
        )

    return rules


def _read_path(words: list[str]) -> Path:
    if not words[0]:
        raise ValueError("a path must have a name")
    return Path(words[0])


def split(words: Sequence[str], verbs: Mapping[str, type[Command]]) -> tuple[str, list[str]]:
    """The verb as it is called today, and the words after it."""
    if len(words) > 1 and " ".join(words[:2]) in verbs:
        return " ".join(words[:2]), [*words[2:]]
    verb, rest = "".join(words[:1]), [*words[1:]]
    verb = FORMER.get(verb, verb.replace("data-import", "data import"))
    return verb, _of_today(rest) if verb == "report" else rest


def _of_today(words: Sequence[str]) -> list[str]:
    """Words of `report`, of which the study was a flag before, and the page had to be asked for."""
    parts = (word.split("=", 1) if word.startswith("--study=") else [word] for word in words)
    words = [word for part in parts for word in part if word != "--html"]
    if "--study" not in words[:-1]:
        return words
    place = words.index("--study")
    return [words[place + 1], *words[:place], *words[place + 2 :]]


def by_name(groups: Verbs) -> dict[str, type[Command]]:
    """The commands by their verbs: `data import` is DataImport, beside `data`."""
    commands = (command for group in groups.values() for command in group)
    return {" ".join(re.findall("[A-Z][a-z]*", command.__name__)).lower(): command for command in commands}


def _show(prog: str, about: str, groups: Verbs, *, failed: bool) -> NoReturn:
    """All verbs, with the first sentence of each; as an answer, or because there was no verb."""
    stream = sys.stderr if failed else sys.stdout
    columns = min(shutil.get_terminal_size().columns, 100)
    wide = max(map(len, by_name(groups)))
    lines = [f"usage: {prog} VERB ..., and VERB --help for its flags", "", *textwrap.wrap(about, columns)]
    for title, commands in groups.items():
        lines += ["", terminal.paint(title, terminal.BOLD, stream)]
        for verb, command in by_name({title: commands}).items():
            first = re.split(r"(?<=[.?])\s", (command.__doc__ or "").strip())[0]
            lines += textwrap.wrap(
                first, columns, initial_indent=f"  {verb:{wide}}  ", subsequent_indent=" " * (wide + 4)
            )
    lines += ["", f"{prog} --version prints the version."]
    print("\n".join(lines), file=stream)
    raise SystemExit(EXIT_INPUT if failed else 0)
