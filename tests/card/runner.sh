#!/bin/sh
# runner.sh ROOT: the runner of the benchmark card with systems that are small scripts: what it runs, in which order, and what it
# makes of a system that is not there, fails, hangs or says something else than its figure.
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed() {
    echo "runner: $*" >&2
    exit 1
}

# ---- systems

system() { # system NAME: what `run` does, on standard input
    {
        cat << 'TEXT'
case $1 in
build) mkdir -p "$2" ;;
about) printf '1.2\ncc, fast\n' ;;
rows) printf 'short\ntree\ncalls\n' ;;
esac
[ "$1" = run ] || exit 0
row=$3
workers=$4
n=$5
TEXT
        echo "echo \"$1 \$row \$workers \$n\" >> '$work/order'"
        cat
    } > "$work/$1.sh"
}
system good << 'TEXT'
if [ "$row" = machine ]; then echo "bench=machine hop_ns=12.36 throw_ns=1000"; exit; fi
echo "bench=$row threads=$workers n=$n ns_per_op=$((10 + workers)).5 rss_mb=7.0 cores=1.00"
TEXT
system other << 'TEXT'
echo "a word on the way" >&2
echo "bench=$row threads=$workers n=$n ns_per_op=100 rss_mb=8 bytes_per_actor=77"
TEXT
system failing << 'TEXT'
if [ "$row" = tree ]; then echo "check failed: the sum" >&2; exit 3; fi
echo "bench=$row threads=$workers n=$n ns_per_op=5 rss_mb=8"
TEXT
system hanging << 'TEXT'
sleep 30
TEXT
system silent << 'TEXT'
TEXT
system wrong_row << 'TEXT'
echo "bench=another threads=$workers n=$n ns_per_op=5 rss_mb=8"
TEXT
system wrong_n << 'TEXT'
echo "bench=$row threads=$workers n=1 ns_per_op=5 rss_mb=8"
TEXT
system no_number << 'TEXT'
echo "bench=$row threads=$workers n=$n ns_per_op=nan rss_mb=8"
TEXT
system twice << 'TEXT'
echo "bench=$row threads=$workers n=$n ns_per_op=5 rss_mb=8"
echo "bench=$row threads=$workers n=$n ns_per_op=6 rss_mb=8"
TEXT
cat > "$work/missing.sh" << 'TEXT'
echo "looking"
echo "no compiler for it"
exit 3
TEXT
cat > "$work/broken.sh" << 'TEXT'
echo "error: does not compile"
exit 1
TEXT

card() { # card SYSTEM... -- OPTION...: the runner with these; its output is in $work/said, its exit code in $status
    echo "# systems" > "$work/systems"
    while [ "$1" != -- ]; do
        echo "$1 | The $1 one | $work/$1.sh" >> "$work/systems"
        shift
    done
    shift
    : > "$work/order"
    status=0
    sh "$root/benchmarks/card/run.sh" --out "$work/out" --list "$work/systems" --card "$work/rows" --tree abc "$@" \
        > "$work/said" 2>&1 || status=$?
    results=$work/out/results.csv
}

cat > "$work/rows" << 'TEXT'
short | 5000 | linear | hop | 10 | 11 | | quick ones
tree | 10000 | power | process | throw+400 | | | a tree
calls | 30 | fib | call | | | | calls
TEXT

# Records of a system and a row, as "workers process n outcome ns more".
records() { awk -F, -v id="$1" -v row="$2" '$1 == id && $10 == row { print $11, $12, $13, $14, $15, $17 }' "$results"; }
expect() { # expect WHAT TEXT: the text is on standard input
    cat > "$work/got"
    printf '%s\n' "$2" > "$work/expected"
    diff "$work/expected" "$work/got" >&2 || failed "$1"
}

# ---- all is well

card good other missing broken -- --processes 2
[ $status -eq 0 ] || failed "exit code $status: $(cat "$work/said")"
grep -v machine "$work/order" | head -n 14 | expect "the order of the runs" "good short 1 5000
other short 1 5000
good short 2 5000
other short 2 5000
good tree 1 10000
other tree 1 10000
good tree 2 10000
other tree 2 10000
good calls 1 30
other calls 1 30
good calls 2 30
other calls 2 30
good short 1 5000
other short 1 5000"
{ sed -n 1p "$work/order" && sed -n '$p' "$work/order"; } | expect "the machine is measured first and last" "good machine 1 10000000
good machine 1 10000000"
[ "$(wc -l < "$work/order")" -eq 26 ] || failed "the number of runs"
records good short | expect "the records of a row" "1 1 5000 ok 11.5 cores=1.00
2 1 5000 ok 12.5 cores=1.00
1 2 5000 ok 11.5 cores=1.00
2 2 5000 ok 12.5 cores=1.00"
records other tree | head -n 1 | expect "further figures" "1 1 10000 ok 100 bytes_per_actor=77"
awk -F, '$1 == "machine" { print $12, $15, $17 }' "$results" | sed 's/ load=.*//' | expect "the machine" "1 12.36 throw_ns=1000
2 12.36 throw_ns=1000"
sed -n '3p' "$results" | awk -F, '{ print $1, $2, $3, $4, $8 }' | expect "what each record says" "other The other one 1.2 cc; fast abc"
[ -z "$(awk -F, 'NF != 17' "$results")" ] || failed "a record that has not 17 fields"
records missing "" | expect "who is not installed" "   not installed  no compiler for it"
records broken "" | expect "who cannot be built" "   build failed  error: does not compile"
for words in '| The missing one | not installed: no compiler for it |' '| The broken one | build failed: error: does not compile |' \
    '| `short` | 1 | **11.5** (11.5–11.5) | 12.0 ✓ | 100 · 8.7× |' '| `short` | 2 | **12.5** (12.5–12.5) | 13.2 ✓ | 100 · 8.0× |' \
    '| `tree` | 1 | **11.5** (11.5–11.5) | 1,480 ✓ |'; do
    grep -qF "$words" "$work/out/table.md" || failed "the table does not hold: $words
$(cat "$work/out/table.md")"
done
for chart in short tree calls; do [ -s "$work/out/charts/$chart.svg" ] || failed "no chart of $chart"; done
grep -q 'not installed' "$work/out/charts/short.svg" || failed "the chart does not say who is not installed"

# ---- runs without a figure

card good failing silent wrong_row wrong_n no_number twice -- --processes 1 --workers 1 --rows "short tree"
[ $status -eq 0 ] || failed "exit code $status when a peer fails"
records failing short | expect "the row that goes well" "1 1 5000 ok 5 "
records failing tree | expect "the row that fails" "1 1 10000 exit code 3  check failed: the sum"
for id in silent wrong_row wrong_n no_number twice; do
    records $id short | expect "$id" "1 1 5000 no figure  "
done
grep -qF '* The failing one, `tree`, 1 worker, process 1: exit code 3 (check failed: the sum)' "$work/out/table.md" ||
    failed "the table does not list the failure"
grep -q '^== failing tree 1 10000: exit code 3' "$work/out/messages.txt" || failed "what it said is not kept"
grep -q '11 runs have no figure' "$work/said" || failed "the number of runs without a figure: $(tail -n 3 "$work/said")"

# The first system is the one that must not fail.
card failing good -- --processes 1 --workers 1 --rows tree
[ $status -eq 1 ] || failed "exit code $status when the first system fails"
card missing good -- --processes 1 --workers 1 --rows tree
[ $status -eq 1 ] || failed "exit code $status when the first system is not there"
grep -q '| The missing one | not installed' "$work/out/table.md" || failed "the first system that is not there"

# A run that does not end is ended, and that row of the system is not tried again; the others go on. How long the others take
# is left open: the machine may be slow.
card good hanging -- --processes 2 --workers 1 --rows short --limit 1
records hanging short | expect "who hangs" "1 1 5000 time-out  
1 2 5000 not run after a time-out  "
[ "$(records good short | wc -l)" -eq 2 ] || failed "the others have not gone on"
grep -q 'time-out' "$work/out/charts/short.svg" || failed "the chart does not say who was too slow"

# ---- smaller sizes, parts, wrong options

card good other -- --processes 1 --workers 2 --scale 100 --systems good
grep -v machine "$work/order" | expect "smaller sizes of one system" "good short 2 50
good tree 2 100
good calls 2 20"
grep -q '^\*\*A part of the card' "$work/out/table.md" || failed "the table does not say that this is a part"
for wrong in '--processes 0' '--scale x' '--rows none' '--systems nobody' '--colour blue' '--limit'; do
    # shellcheck disable=SC2086  # an option and its value
    card good -- $wrong
    [ $status -eq 2 ] || failed "exit code $status of $wrong"
done
