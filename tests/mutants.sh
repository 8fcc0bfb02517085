#!/bin/sh
# Which small changes of the statistics, the metrics and the splits no test notices: `make mutants`, half an hour and more.
# mutmut writes its mutants into a copy, in which the package has folders instead of links.
set -eu
place=.venv/mutants
rm -rf "$place"
mkdir "$place"
cp -rL hourglass_bench "$place"
cp -r tests pyproject.toml "$place"
cd "$place"
OMP_NUM_THREADS=1 ../bin/python -m mutmut run --max-children 1
../bin/python -m mutmut results
