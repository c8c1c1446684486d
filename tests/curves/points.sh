#!/bin/sh
# points.sh ROOT PROGRAM: curves.txt names the curves of bastion-curves with their points, and the program takes no others.
set -eu
root=$1
program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -F '|' '!/^[ \t]*(#|$)/ { print $1, $2 }' "$root/benchmarks/curves/curves.txt" | awk '{ $1 = $1; print }' > "$work/card"
"$program" list | awk '{ $1 = $1; print }' > "$work/program"
[ -s "$work/card" ] || { echo "curves.txt has no curves" >&2 && exit 1; }
diff "$work/card" "$work/program" || { echo "curves.txt (<) and bastion-curves list (>) do not agree" >&2 && exit 1; }
for wrong in '' 'none 1' 'size 0' 'size 1x' 'size 100000' 'live_spawn' 'live_spawn 100 0' 'live_spawn 100 1 0' 'live_spawn 100 1 1 1' 'list 1'; do
    status=0
    # shellcheck disable=SC2086  # several arguments
    "$program" $wrong > "$work/said" 2>&1 || status=$?
    [ $status -eq 2 ] || { echo "exit code $status of bastion-curves $wrong" >&2 && exit 1; }
done
