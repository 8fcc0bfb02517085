"""`bench COMMAND`. The check of a machine is read apart from the others: it must run where torch and numpy are all."""

import sys
from collections.abc import Sequence

from hourglass_bench.bench.check.command import parse
from hourglass_bench.bench.commands import cli


def main(arguments: Sequence[str] | None = None, prog: str = "bench") -> int:
    """Parse, run and print, see `bench.commands.cli.run`."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["check"]:
        return cli.run(prog, words[1:], parse)
    from hourglass_bench.bench.commands import command_line
    from hourglass_bench.bench.commands.verbs import COMMANDS

    return command_line.main(prog, "Measure one encoder-decoder.", COMMANDS, words)


if __name__ == "__main__":
    sys.exit(main())
