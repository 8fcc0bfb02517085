"""`hourglass-bench COMMAND`: the verbs of `bench`, `studies` and `reports` in one command line.

It is installed as a script, so that nothing in the working directory, such as a `bench.py`, is taken for this project.
"""

import sys
from collections.abc import Sequence

from hourglass_bench.bench.__main__ import main as bench


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run and print, see `bench.commands.cli.main`."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["check"]:  # torch and numpy may be all there is
        return bench(words)
    from hourglass_bench.bench.commands import cli
    from hourglass_bench.bench.commands.verbs import COMMANDS
    from hourglass_bench.reports.__main__ import COMMANDS as REPORTS
    from hourglass_bench.studies.__main__ import COMMANDS as STUDIES

    about = "Which encoder-decoder, how deep, how wide, under which memory budget?"
    return cli.main("hourglass-bench", about, (*STUDIES, *REPORTS, *COMMANDS), words)


if __name__ == "__main__":
    sys.exit(main())
