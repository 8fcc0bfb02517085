"""The functions behind `hourglass_bench`, which is where they are to be imported from."""

from hourglass_bench.bench.commands.cli import prepare_process

prepare_process()  # before torch is imported
