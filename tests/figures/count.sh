#!/bin/sh
# count.sh ROOT: figures that are counted in the tree, not left by a run.
set -eu
echo "tree.bugs $(find "$1/tests/planted/bugs" -name '*.bug' | wc -l)"
