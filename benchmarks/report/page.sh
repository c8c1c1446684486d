#!/bin/sh
# page.sh write ROOT CARD: the page of the card (benchmarks/card/rows.txt) or of the curves (benchmarks/curves/curves.txt), and its charts, out of
# the results.csv in its folder: docs/benchmarks.md or docs/curves.md. page.sh check ROOT CARD: they are what these results give.
set -eu
root=$2
card=$root/benchmarks/$3
case $3 in
card/*) folder=benchmarks ;;
curves/*) folder=curves ;;
*) exit 2 ;;
esac
report=$(dirname "$card")/report.sh
results=$root/docs/$folder/results.csv
page=$root/docs/$folder.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/charts"
sh "$report" page "$results" "$card" "$page" $folder > "$work/page"
if [ -e "$results" ]; then sh "$report" charts "$results" "$card" "$work/charts"; fi

case $1 in
write)
    cp "$work/page" "$page"
    rm -f "$root/docs/$folder"/*.svg
    if [ -e "$results" ]; then cp "$work"/charts/*.svg "$root/docs/$folder/"; fi
    ;;
check)
    cmp "$work/page" "$page" || {
        echo "$page is not what its results give; ./dev figures writes it" >&2
        exit 1
    }
    for chart in "$work"/charts/*.svg "$root/docs/$folder"/*.svg; do
        [ -e "$chart" ] || continue
        cmp "$work/charts/$(basename "$chart")" "$root/docs/$folder/$(basename "$chart")" || {
            echo "$chart: not the chart that the results give; ./dev figures writes it" >&2
            exit 1
        }
    done
    ;;
*) exit 2 ;;
esac
