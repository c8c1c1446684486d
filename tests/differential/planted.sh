#!/bin/sh
# planted.sh BUILD-TREE JOBS COUNT [NAME...]: builds bastion-differential with each planted difference (or those named) and says at which
# script it is found; fails unless each is within so many. `./dev differential planted` calls this.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$1
jobs=$2
count=$3
shift 3
if [ $# -eq 0 ]; then
    for bug in "$here"/planted/*.bug; do set -- "$@" "$(basename "$bug" .bug)"; done
fi
targets=""
for name in "$@"; do
    targets="$targets bastion-differential-$name"
done
# shellcheck disable=SC2086  # several words
cmake --build "$tree" -j "$jobs" --target $targets > "$tree/tests/differential/build.log" 2>&1 ||
    { cat "$tree/tests/differential/build.log" && exit 1; }

missed=0
for name in "$@"; do
    what=$(sed -n 's/^what: //p' "$here/planted/$name.bug")
    status=0
    said=$("$tree/tests/bastion-differential-$name" "$tree/tests/differential" "$count" --as-it-is 2>&1) || status=$?
    at=$(printf '%s\n' "$said" | sed -n 's/^script [0-9]*, the \([0-9]*\)\. of this run.*/\1/p')
    if [ $status -eq 1 ] && [ -n "$at" ]; then
        echo "$name: found by script $at. $what"
    elif [ $status -gt 128 ]; then # the script that was under way lies in now.txt
        echo "$name: found, since it hangs or crashes. $what"
    else
        echo "$name: NOT FOUND ($status). $what"
        missed=$((missed + 1))
    fi
done
echo "$(($# - missed)) of $# planted differences are found within $count scripts"
[ $missed -eq 0 ]
