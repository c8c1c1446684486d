#!/bin/sh
# apply.sh SOURCE-TREE: every planted bug still stands in the file that it is for, exactly once.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
for bug in "$1"/tests/planted/bugs/*.bug "$1"/tests/differential/planted/*.bug; do
    sh "$1/tests/planted/plant.sh" "$bug" "$1" "$scratch/planted" || status=1
done
exit $status
