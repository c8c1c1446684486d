#!/bin/sh
# program.sh PROGRAM BASE: runs a program of the documentation 200 times, with one worker and with two, and compares what it
# prints with BASE.expected: a reader who copies it must see the same, always.
set -u
compare=$(dirname "$0")/../examples/compare.sh
i=0
while [ $i -lt 100 ]; do
    for workers in 1 2; do
        BASTION_WORKERS=$workers sh "$compare" "$1" "$2" || { echo "(run $i, workers: $workers)"; exit 1; }
    done
    i=$((i + 1))
done
