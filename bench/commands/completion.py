"""What a shell completes: verbs, flags, choices, names of studies and networks; files where nothing else is known."""

from collections.abc import Mapping, Sequence
from typing import Final

from hourglass_bench.architectures import defaults
from hourglass_bench.bench.commands.cli import EXIT_INPUT, Verbs, say, to_reader
from hourglass_bench.bench.commands.command_line import by_name, split
from hourglass_bench.bench.commands.parameters import parameters

SCRIPTS: Final = {
    "bash": """_{name}() {{
  local IFS=$'\\n'
  COMPREPLY=($({prog} --complete "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
}}
complete -o default -F _{name} {prog}""",
    "zsh": """(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}
_{name}() {{
  local -a found=("${{(@f)$({prog} --complete "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
  if [[ -n $found ]]; then compadd -a found; else _files; fi
}}
compdef _{name} {prog}""",
    "fish": "complete -c {prog} -a '({prog} --complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'",
}


Names = Mapping[str, Sequence[str]]
"""Flag or argument -> the names that it takes."""
NETWORKS: Final[Names] = {
    "arch": defaults.ARCHITECTURES,
    "archs": defaults.ARCHITECTURES,
    "preset": defaults.PRESETS,
}


def answer(prog: str, groups: Verbs, words: Sequence[str], names: Names) -> int:
    """`--completion SHELL` prints the script of a shell, which asks `--complete WORD ...`; the exit code."""
    if words[0] == "--complete":
        print("\n".join(complete(groups, words[1:], names)))
        return 0
    script = SCRIPTS.get("".join(words[1:]))
    if script is None:
        say(f"{prog}: --completion must be one of {', '.join(SCRIPTS)}, got {' '.join(words[1:])!r}.")
        return EXIT_INPUT
    with to_reader():
        print(script.format(prog=prog, name=prog.replace("-", "_")))
    return 0


def complete(groups: Verbs, words: Sequence[str], names: Names) -> list[str]:
    """All that may stand in place of the last word, which has begun to be written; none where it is a file's."""
    names = {**names, **NETWORKS}
    *before, last = words or [""]
    verbs = by_name(groups)
    verb, given = split(before, verbs)
    if not verb:
        return [name for name in verbs if " " not in name and name.startswith(last)]
    if verb not in verbs:
        return []
    takes = list(parameters(verbs[verb]))
    flag = next((word for word in reversed(given) if word.startswith("--")), "")
    if last.startswith("-"):
        found = ["--help", *(one.flag for one in takes if one.flag)]
    elif flag:
        found = [name for one in takes if one.flag == flag for name in one.choices or names.get(one.name, ())]
    else:
        found = [name.partition(" ")[2] for name in verbs if name.startswith(f"{verb} ") and not given]
        found += [name for one in takes if not one.flag for name in names.get(one.name, ())]
    return [name for name in found if name.startswith(last)]
