"""`hourglass-bench COMMAND`: the verbs of `bench`, `studies` and `reports` in one command line.

It is installed as a script, so that nothing in the working directory, such as a `bench.py`, is taken for this project.
"""

import sys
from collections.abc import Sequence

from hourglass_bench.bench.__main__ import main as bench

PROG = "hourglass-bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run and print, see `bench.commands.cli.run`."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["check"]:  # torch and numpy may be all there is
        return bench(words, PROG)
    from hourglass_bench.bench.commands import command_line
    from hourglass_bench.bench.commands.cli import Command
    from hourglass_bench.bench.commands.verbs import COMMANDS
    from hourglass_bench.reports.__main__ import COMMANDS as REPORTS
    from hourglass_bench.studies.__main__ import COMMANDS as STUDIES

    groups: dict[str, tuple[type[Command], ...]] = {}
    for title, commands in (*STUDIES.items(), *REPORTS.items(), *COMMANDS.items()):
        groups[title] = (*groups.pop(title, ()), *commands)  # where it comes last
    if words[:1] in (["--complete"], ["--completion"]):
        from hourglass_bench.bench.commands.completion import answer
        from hourglass_bench.studies.catalog import CATALOG

        return answer(PROG, groups, words, {"study": tuple(CATALOG)})
    about = (
        "Which encoder-decoder, how deep, how wide, under which memory budget? --completion bash (zsh, fish) prints "
        "what completes these words in that shell."
    )
    return command_line.main(PROG, about, groups, words)


if __name__ == "__main__":
    sys.exit(main())
