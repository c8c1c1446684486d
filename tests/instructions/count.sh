#!/bin/sh
# count.sh PROGRAM ROW: how many instructions one operation of that row of bastion-bench takes its worker, by callgrind.
#
# The row is run twice, with few and with many operations; the difference is divided by how many more there were, so that neither the start of
# the program nor what is done once counts; how often the worker has looked for work before the first and after the last operation is left, some
# thousand instructions in all. Only the worker's thread is looked at: the second, the first that a runtime with one worker starts.
set -eu
program=$1
row=$2

# FEW and MANY: N of the row, as bastion-bench takes it. EACH: the operations for each 1 of N.
case $row in
pingpong) few=2000 many=102000 each=2 ;;
ask | spawn | timers) few=2000 many=102000 each=1 ;;
restart_error) few=500 many=20500 each=1 ;;
broadcast) few=1 many=6 each=10000 ;;
*)
    echo "count.sh: nobody has said how much of '$row' is to be run" >&2
    exit 2
    ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

worker() { # worker N: the instructions of the worker's thread
    rm -f "$work"/out.*
    valgrind --tool=callgrind --separate-threads=yes --callgrind-out-file="$work/out.%p" \
        "$program" "$row" 1 "$1" > "$work/said" 2>&1 || {
        cat "$work/said" >&2
        echo "count.sh: $row $1 failed under valgrind" >&2
        exit 1
    }
    sed -n 's/^totals: //p' "$work"/out.*-02
}

least=$(worker $few)
most=$(worker $many)
[ -n "$least" ] && [ -n "$most" ] || {
    echo "count.sh: callgrind has counted no second thread" >&2
    exit 1
}
awk -v least="$least" -v most="$most" -v ops=$(((many - few) * each)) 'BEGIN { printf "%.2f\n", (most - least) / ops }'
