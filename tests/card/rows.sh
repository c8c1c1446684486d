#!/bin/sh
# rows.sh ROOT PROGRAM: the rows of the card are rows of bastion-bench, with the same N; and what a peer says that it has are rows
# of the card.
set -eu
root=$1
program=$2
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" list | sed -n 's/^\([a-z_]*\) *N=\([0-9]*\) .*/\1 \2/p' > "$work/program"
sed -n 's/^\([a-z_]*\) *| *\([0-9]*\) .*/\1 \2/p' "$root/benchmarks/card/rows.txt" > "$work/card"
[ -s "$work/card" ] || { echo "rows.txt has no rows" >&2 && exit 1; }
while read -r row n; do
    grep -qx "$row $n" "$work/program" && continue
    echo "rows.txt: $row with N = $n is no row of bastion-bench" >&2
    failed=1
done < "$work/card"
for system in erlang go caf; do
    sh "$root/benchmarks/peers/$system/system.sh" rows > "$work/rows"
    [ -s "$work/rows" ] || { echo "$system has no rows" >&2 && exit 1; }
    while read -r row; do
        grep -q "^$row " "$work/card" && continue
        echo "$system: $row is no row of the card" >&2
        failed=1
    done < "$work/rows"
done
exit $failed
