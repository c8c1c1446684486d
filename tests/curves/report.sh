#!/bin/sh
# report.sh ROOT: the judge, the tables and the charts of the scaling curves, out of figures that are made up: it finds what costs more than
# it may, and nothing else.
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)
report=$root/benchmarks/curves/report.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed() {
    echo "report: $*" >&2
    exit 1
}

# The results of five runs of each point, of which the given figures are the medians: figures on standard input.
results() {
    echo "curve,workers,x,process,part,outcome,ns,bytes,set,list_ns,p50,p99,p999,rss_mb,l2,cpu,cores,os,commit,date"
    awk '
        function of(s) { return s == "-" ? "" : s }
        !/^(#|$)/ {
            for (i = 1; i <= 5; ++i)
                print $1 "," $2 "," $3 "," i ",1,ok," $4 * (1 + (i - 3) / 10) ",64," of($5) "," of($6) "," $7 "," $8 "," $9 \
                    ",7.5,1000000,A <fast> CPU,2,An OS,abc1234,2026-01-02"
        }'
}
results < "$here/figures.txt" > "$work/results.csv"

judge() { # judge STATUS: what the judge says of figures on standard input, in $work/said
    results > "$work/judged.csv"
    status=0
    sh "$report" judge "$work/judged.csv" "$here/curves.txt" > "$work/said" || status=$?
    [ $status -eq "$1" ] || failed "exit code $status instead of $1: $(cat "$work/said")"
}
expect() { # expect TEXT: the judge has said that
    printf '%s' "$1" | diff - "$work/said" >&2 || failed "what costs more than it may"
}

# ---- the judge

judge 1 < "$here/figures.txt"
expect "flat 10, 2 workers: 20.1 ns, at most 20.0 (twice the least)
memory 10000, 2 workers: 401 ns, at most 400 (twice the list)
"
sed 's/20\.1/20.0/; s/401/400/' "$here/figures.txt" | judge 0
expect ""
# What costs less than before is the measure from then on; what is dearer at the beginning is none, and no fault.
printf 'flat 1 1 100 64 3\nflat 1 10 10 64 3\nflat 1 100 21 64 3\n' | judge 1
expect "flat 100, 1 worker: 21.0 ns, at most 20.0 (twice the least)
"
# Within the L2 the list counts for nothing; beyond it, it does if it takes longer than the least.
printf 'memory 1 100 10 60000 5\nmemory 1 1000 21 1000000 500\n' | judge 1
printf 'memory 1 100 10 60000 5\nmemory 1 1000 21 1000001 500\n' | judge 0
printf 'memory 1 100 10 60000 5\nmemory 1 1000 20 1000001 1\n' | judge 0
printf 'memory 1 100 10 60000 5\nmemory 1 1000 21 1000001 1\n' | judge 1
expect "memory 1000, 1 worker: 21.0 ns, at most 20.0 (twice the least)
"
# Of a message of more than 64 bytes each 64 count.
printf 'size 1 64 20 128 3\nsize 1 256 160 512 3\n' | judge 0
printf 'size 1 64 20 128 3\nsize 1 256 164 512 3\n' | judge 1
expect "size 256, 1 worker: 41.0 ns, at most 40.0 (twice the least)
"
# Workers are judged apart, and tails not at all.
printf 'flat 1 1 10 64 3\nflat 2 1 50 64 3\ntails 1 30 1 - - 1 1 1\ntails 1 70 9 - - 9 9 9\n' | judge 0
# The median is what counts, and a run without figures is a fault.
printf 'flat 1 1 10 64 3\nflat 1 10 19 64 3\n' | results | sed 's/^\(flat,1,10,5,1,ok\),[^,]*/\1,9999/' > "$work/one.csv"
sh "$report" judge "$work/one.csv" "$here/curves.txt" || failed "one slow run of five is taken for the figure"
sed 's/^flat,1,10,5,1,ok,.*/flat,1,10,5,1,time-out,,,,,,,,,1000000,A CPU,2,An OS,abc1234,2026-01-02/' "$work/one.csv" > "$work/lost.csv"
if sh "$report" judge "$work/lost.csv" "$here/curves.txt" > "$work/said"; then failed "a run without figures is overlooked"; fi
expect '`flat` 10, 1 worker, process 5: time-out
'
if sh "$report" judge "$here/curves.txt" "$here/curves.txt" > "$work/said" 2>&1; then failed "something else than results is taken"; fi
if sed 's/| list /| fast /' "$here/curves.txt" > "$work/curves.txt" &&
    sh "$report" judge "$work/results.csv" "$work/curves.txt" > "$work/said" 2>&1; then failed "a curve that nobody can judge is taken"; fi

# ---- the page, with the tables: what is expected was checked by hand

printf '# Page\n\n<!--curves-->\nold\n<!--/curves-->\n\nend\n' > "$work/in.md"
sh "$report" page "$work/results.csv" "$here/curves.txt" "$work/in.md" pictures > "$work/page" || failed "no page"
diff "$here/page.expected.md" "$work/page" >&2 || failed "the page; if it is right, it becomes tests/curves/page.expected.md"
sh "$report" page "$work/results.csv" "$here/curves.txt" "$work/page" pictures | cmp - "$work/page" || failed "a page made of a page"
sh "$report" page "$work/none.csv" "$here/curves.txt" "$work/in.md" pictures | grep -q 'No whole run' || failed "a page without results"
echo '<!--curves-->' > "$work/open.md"
if sh "$report" page "$work/results.csv" "$here/curves.txt" "$work/open.md" pictures > "$work/said" 2>&1; then
    failed "a page whose mark has no end is taken"
fi
sh "$report" table "$work/lost.csv" "$here/curves.txt" | grep -qF ' (15.2–20.9), 4 of 5 |' || failed "the table does not say how many runs there are"

# ---- the charts

sh "$report" charts "$work/results.csv" "$here/curves.txt" "$work/charts" || failed "no charts"
diff "$here/memory.expected.svg" "$work/charts/memory.svg" >&2 ||
    failed "the chart; if it is right, it becomes tests/curves/memory.expected.svg"
for curve in flat size alone tails; do [ -s "$work/charts/$curve.svg" ] || failed "no chart of $curve"; done
[ "$(grep -c 'class="miss"' "$work/charts/flat.svg")" -eq 2 ] || failed "the point that costs too much is not marked, or others are" # and the legend
grep -q 'beyond the L2' "$work/charts/memory.svg" || failed "the chart does not say where the L2 ends"
if grep -q 'beyond the L2' "$work/charts/flat.svg"; then failed "a chart whose points all fit the L2 says that some do not"; fi
if grep -q '2 workers' "$work/charts/alone.svg"; then failed "a chart of one worker names two"; fi
# Twice as much is as far on the axis everywhere: the first point with 1 worker is at 50 ns, the last at 400.
awk -F '"' '
    /^<text .*>(50|100|200|500)<\/text>/ && /text-anchor="end"/ { label = $0; sub(/<\/text>/, "", label); sub(/.*>/, "", label); y[label] = $4 - 4 }
    /class="dot a1"/ { dot[++dots] = $6 }
    END {
        decade = y[50] - y[500]
        off = dot[1] - dot[3] - decade * log(8) / log(10)
        if (dots != 3 || decade <= 0 || off < -0.5 || off > 0.5) { print dots " points, the last " off " off"; exit 1 }
    }' "$work/charts/memory.svg" >&2 || failed "the points of memory"
if command -v xmllint > /dev/null; then
    for chart in "$work"/charts/*.svg; do xmllint --noout "$chart" || failed "$chart is no XML"; done
fi

# ---- whether it is a whole run

sh "$report" whole "$work/results.csv" "$here/curves.txt" || failed "the whole is taken for a part"
not_whole() { # not_whole WHAT: the results are on standard input
    cat > "$work/part.csv"
    if sh "$report" whole "$work/part.csv" "$here/curves.txt" 2> "$work/why"; then failed "the whole: $1"; fi
    sh "$report" table "$work/part.csv" "$here/curves.txt" | grep -q '^\*\*A part' || failed "the table does not say that it is a part: $1"
}
grep -v '^size,2,64,5,' "$work/results.csv" | not_whole "with a run less"
grep -v '^tails,' "$work/results.csv" | not_whole "with a curve less"
sed 's/^\(flat,1,1,1\),1,/\1,10,/' "$work/results.csv" | not_whole "with a part of the operations"
