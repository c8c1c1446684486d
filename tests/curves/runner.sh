#!/bin/sh
# runner.sh ROOT: the runner of the curves with a program that is a small script: what it runs, in which order, and what it makes of one
# that fails, hangs or says something else than its figures.
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed() {
    echo "runner: $*" >&2
    exit 1
}

cat > "$work/curves.txt" << 'TEXT'
even  | 1 10 100 | | list | senders | message | the same whatever x
alone | 5        | 1 | list | timers | timer | with one worker
late  | 30 70    | | tail | load | ask | how late at most
TEXT
cat > "$work/program" << TEXT
#!/bin/sh
echo "\$1 \$2 \$3 \$4" >> "$work/order"
. "$work/does"
TEXT
chmod +x "$work/program"

figures='if [ "$1" = late ]; then echo "curve=$1 workers=$3 x=$2 ns=9 ops=1 p50=1 p99=2 p999=3 rss_mb=7"
else echo "curve=$1 workers=$3 x=$2 ns=20.5 ops=1 bytes=64 set=$2 list_ns=3.5 rss_mb=7"; fi'
run() { # run WHAT-THE-PROGRAM-DOES OPTION...: its output is in $work/said, its exit code in $status
    echo "$1" > "$work/does"
    shift
    : > "$work/order"
    status=0
    sh "$root/benchmarks/curves/run.sh" --out "$work/out" --card "$work/curves.txt" --program "$work/program" --tree abc "$@" > "$work/said" 2>&1 ||
        status=$?
}
expect() { # expect WHAT TEXT: the text is on standard input
    cat > "$work/got"
    printf '%s\n' "$2" > "$work/expected"
    diff "$work/expected" "$work/got" >&2 || failed "$1"
}
outcomes() { cut -d, -f 1-6 "$work/out/results.csv" | sed 1d; }

# ---- all is well

run "$figures" --processes 2
[ $status -eq 0 ] || failed "exit code $status: $(cat "$work/said")"
head -n 12 "$work/order" | expect "the order of the runs" "even 1 1 1
even 1 2 1
even 10 1 1
even 10 2 1
even 100 1 1
even 100 2 1
alone 5 1 1
late 30 1 1
late 30 2 1
late 70 1 1
late 70 2 1
even 1 1 1"
[ "$(wc -l < "$work/order")" -eq 22 ] || failed "the number of runs"
[ -z "$(awk -F, 'NF != 20' "$work/out/results.csv")" ] || failed "a record that has not 20 fields"
sed -n 2p "$work/out/results.csv" | cut -d, -f 1-14 | expect "a record" "even,1,1,1,1,ok,20.5,64,1,3.5,,,,7"
sed -n 9p "$work/out/results.csv" | cut -d, -f 1-14 | expect "a record of a tail" "late,1,30,1,1,ok,9,,,,1,2,3,7"
for file in table.md even.svg late.svg; do [ -s "$work/out/$file" ] || failed "no $file"; done

# ---- parts

run "$figures" --quick
expect "the points of a quick run" "even 1 1 1000
even 1 2 1000
even 10 1 1000
even 10 2 1000
alone 5 1 1000
late 30 1 1000
late 30 2 1000
late 70 1 1000
late 70 2 1000" < "$work/order"
run "$figures" --processes 1 --curves even --workers 2 --most 10 --part 7 --l2 4096
expect "a part" "even 1 2 7
even 10 2 7" < "$work/order"
grep -q 'L2 of 4.0 KiB' "$work/out/table.md" || failed "the size of the L2 that was given"

# ---- runs without figures, and points that cost too much

run 'if [ $2 = 10 ]; then echo "check failed: the sum" >&2; exit 3; fi; '"$figures" --processes 1 --curves even --workers 1
[ $status -eq 1 ] || failed "exit code $status when a run fails"
outcomes | expect "one that fails" "even,1,1,1,1,ok
even,1,10,1,1,exit code 3
even,1,100,1,1,ok"
grep -q '^check failed: the sum' "$work/out/messages.txt" || failed "what it said is not kept"
grep -qF '* `even` 10, 1 worker, process 1: exit code 3' "$work/out/table.md" || failed "the table does not list the failure"
for wrong in 'true' 'echo "curve=other workers=1 x=1 ns=5 list_ns=1"' 'echo "curve=even workers=1 x=2 ns=5 list_ns=1"' \
    'echo "curve=even workers=1 x=1 ns=nan list_ns=1"' 'echo "curve=even workers=1 x=1 ns=5"' \
    'echo "curve=even workers=1 x=1 ns=5 list_ns=1"; echo "curve=even workers=1 x=1 ns=5 list_ns=1"'; do
    run "$wrong" --processes 1 --curves even --workers 1 --most 1
    [ $status -eq 1 ] || failed "exit code $status of $wrong"
    outcomes | expect "$wrong" "even,1,1,1,1,no figures"
done
run 'sleep 30' --processes 2 --curves even --workers 1 --most 1 --limit 1
outcomes | expect "who hangs" "even,1,1,1,1,time-out
even,1,1,2,1,not run after a time-out"
dear='echo "curve=$1 workers=$3 x=$2 ns=$((2 * $2)) bytes=64 set=$2 list_ns=3.5"'
run "$dear" --processes 1 --curves even --workers 1
[ $status -eq 1 ] || failed "exit code $status when a point costs too much"
grep -qF '* `even` 100 with 1 worker: 200 for 4.00, 50.0 times as much as it may' "$work/out/table.md" || failed "the table does not list it"
run "$dear" --processes 1 --curves even --workers 1 --part 2
[ $status -eq 0 ] || failed "a part of the operations is judged"

# ---- wrong options

for wrong in '--processes 0' '--part x' '--curves none' '--colour blue' '--limit' '--most 0x' '--program /none'; do
    # shellcheck disable=SC2086  # an option and its value
    run "$figures" $wrong
    [ $status -eq 2 ] || failed "exit code $status of $wrong"
done
