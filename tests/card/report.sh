#!/bin/sh
# report.sh ROOT: the tables and the charts of the benchmark card, out of results that are stored here: five runs of each, a peer
# that is not installed, one that fails once and one that takes too long, one that is ahead.
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)
report=$root/benchmarks/card/report.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed() {
    echo "report: $*" >&2
    exit 1
}

# ---- the page, with the table: what is expected was checked by hand

sh "$report" page "$here/results.csv" "$here/rows.txt" "$here/page.in.md" pictures > "$work/page" || failed "no page"
diff "$here/page.expected.md" "$work/page" >&2 || failed "the page; if it is right, it becomes tests/card/page.expected.md"
sh "$report" page "$here/results.csv" "$here/rows.txt" "$work/page" pictures | cmp - "$work/page" || failed "a page made of a page"
sh "$report" page "$work/none.csv" "$here/rows.txt" "$here/page.in.md" pictures | grep -q 'No run of the whole card' ||
    failed "a page without results"
echo '<!--card-->' > "$work/open.md"
if sh "$report" page "$here/results.csv" "$here/rows.txt" "$work/open.md" pictures > "$work/page" 2>&1; then
    failed "a page whose mark has no end is taken"
fi
if sh "$report" table "$here/rows.txt" "$here/rows.txt" > "$work/page" 2>&1; then failed "something else than results is taken"; fi

# ---- the charts

sh "$report" charts "$here/results.csv" "$here/rows.txt" "$work/charts" || failed "no charts"
diff "$here/pingpong.expected.svg" "$work/charts/pingpong.svg" >&2 ||
    failed "the chart; if it is right, it becomes tests/card/pingpong.expected.svg"
for chart in idle idle_bytes restart_panic pingpong_handlers; do
    [ -s "$work/charts/$chart.svg" ] || failed "no chart of $chart"
done
# A bar is as long as its figure: widths by figures are the same for all bars of a chart.
awk -F '"' '
    /<rect class="[ab][12]" x="118"/ { width[++bars] = $8 }
    /class="(first|plain)" text-anchor="start"/ {
        figure = $0
        sub(/<\/text>/, "", figure)
        sub(/.*>/, "", figure)
        gsub(/,/, "", figure)
        value[++figures] = figure + 0
    }
    END {
        if (bars != 4 || figures != 4) { print bars " bars, " figures " figures"; exit 1 }
        for (i = 2; i <= bars; ++i) {
            off = width[i] / value[i] / (width[1] / value[1]) - 1
            if (off < -0.01 || off > 0.01) { print "a bar of " width[i] " for " value[i]; exit 1 }
        }
    }' "$work/charts/restart_panic.svg" >&2 || failed "the bars of restart_panic"
for words in 'bytes per process' '>512<\|>423<' 'not installed' 'no such row'; do
    grep -q "$words" "$work/charts/idle_bytes.svg" || failed "the chart of idle_bytes does not say '$words'"
done
grep -q '>404 (4 of 5)<' "$work/charts/pingpong_handlers.svg" || failed "pingpong_handlers does not stand beside pingpong"
if command -v xmllint > /dev/null; then
    for chart in "$work"/charts/*.svg; do xmllint --noout "$chart" || failed "$chart is no XML"; done
fi

# ---- whether it is the whole card

sh "$report" whole "$here/results.csv" "$here/rows.txt" || failed "the whole is taken for a part"
not_whole() { # not_whole WHAT: the results are on standard input
    cat > "$work/part.csv"
    if sh "$report" whole "$work/part.csv" "$here/rows.txt" 2> "$work/why"; then failed "the whole: $1"; fi
}
grep -v ',idle,2,5,' "$here/results.csv" | not_whole "with a run less"
sed 's/,idle,2,5,100,/,idle,2,5,10,/' "$here/results.csv" | not_whole "with a smaller size"
grep -v ',machine,1,2,' "$here/results.csv" | not_whole "with the machine measured once"
sed 's/,idle,\([12]\),5,100,ok,[^,]*,/,idle,\1,5,100,time-out,,/' "$here/results.csv" > "$work/slow.csv"
sh "$report" whole "$work/slow.csv" "$here/rows.txt" || failed "a run without a figure is a run"
