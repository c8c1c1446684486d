#!/bin/sh
# page.sh write ROOT: docs/benchmarks.md and its charts, out of docs/benchmarks/results.csv.
# page.sh check ROOT: they are what these results give.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$2
results=$root/docs/benchmarks/results.csv
page=$root/docs/benchmarks.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/charts"
sh "$here/report.sh" page "$results" "$here/rows.txt" "$page" benchmarks > "$work/page"
if [ -e "$results" ]; then sh "$here/report.sh" charts "$results" "$here/rows.txt" "$work/charts"; fi

case $1 in
write)
    cp "$work/page" "$page"
    rm -f "$root"/docs/benchmarks/*.svg
    if [ -e "$results" ]; then cp "$work"/charts/*.svg "$root/docs/benchmarks/"; fi
    ;;
check)
    cmp "$work/page" "$page" || {
        echo "$page is not what its results give; ./dev figures writes it" >&2
        exit 1
    }
    for chart in "$work"/charts/*.svg "$root"/docs/benchmarks/*.svg; do
        [ -e "$chart" ] || continue
        cmp "$work/charts/$(basename "$chart")" "$root/docs/benchmarks/$(basename "$chart")" || {
            echo "$chart: not the chart that the results give; ./dev figures writes it" >&2
            exit 1
        }
    done
    ;;
*) exit 2 ;;
esac
