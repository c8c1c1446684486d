#!/bin/sh
# include.sh COMPILER ROOT (memory MOST_MB | seconds [PAIRS]): what `#include <bastion/bastion.hpp>` adds to a translation unit that includes the
# headers of the standard library and of the system that Bastion's use. memory: the compiler's own count of the memory that it takes, which
# is the same in each run, is at most so many megabytes more. seconds: the processor's time, of so many pairs (7) that are compiled in turn.
set -eu
compiler=$1
root=$2
what=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep -rhoE '^#include <[^>]+>' "$root/include" | grep -v '<bastion/' | LC_ALL=C sort -u > "$work/without.cpp"
{ cat "$work/without.cpp" && echo '#include <bastion/bastion.hpp>'; } > "$work/with.cpp"
compile() { "$compiler" -std=c++20 -O2 -I "$root/include" -c "$work/$1.cpp" -o "$work/$1.o" "$2"; }

case $what in
memory)
    most=$4
    for unit in without with; do
        compile $unit -ftime-report 2>&1 | sed -n 's/^ TOTAL .* \([0-9]*\)M$/\1/p' > "$work/$unit"
        [ -s "$work/$unit" ] || {
            echo "include.sh: $compiler says nothing of its memory"
            exit 1
        }
    done
    added=$(($(cat "$work/with") - $(cat "$work/without")))
    echo "bastion.hpp: $added MB more than the standard headers' $(cat "$work/without") MB, at most $most"
    [ $added -le "$most" ]
    ;;
seconds)
    pairs=${4:-7}
    cat > "$work/time.sh" <<'TEXT'
"$@"
times
TEXT
    i=0
    while [ $i -lt "$pairs" ]; do
        for unit in without with; do
            # The children's user and system time, e.g. 0m1.540s 0m0.180s.
            sh "$work/time.sh" "$compiler" -std=c++20 -O2 -I "$root/include" -c "$work/$unit.cpp" -o "$work/$unit.o" | tail -n 1 |
                awk -v unit=$unit '{ s = 0; for (i = 1; i <= 2; ++i) { split($i, t, /[ms]/); s += 60 * t[1] + t[2] } print unit, s }'
        done
        i=$((i + 1))
    done | LC_ALL=C sort -k 1,1 -k 2,2n | awk '
        { n[$1]++; of[$1, n[$1]] = $2 }
        function median(unit) { return of[unit, int((n[unit] + 1) / 2)] }
        END {
            printf "bastion.hpp: %.2f s more than the standard headers'"'"' %.2f s (medians of %d; least %.2f and %.2f)\n", median("with") - median("without"),
                median("without"), n["with"], of["with", 1] - of["without", 1], of["without", 1]
        }'
    ;;
*)
    echo "include.sh: '$what' is neither memory nor seconds" >&2
    exit 2
    ;;
esac
