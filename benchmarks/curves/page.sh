#!/bin/sh
# page.sh write ROOT: docs/curves.md and its charts, out of docs/curves/results.csv.
# page.sh check ROOT: they are what these results give.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$2
results=$root/docs/curves/results.csv
page=$root/docs/curves.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/charts"
sh "$here/report.sh" page "$results" "$here/curves.txt" "$page" curves > "$work/page"
if [ -e "$results" ]; then sh "$here/report.sh" charts "$results" "$here/curves.txt" "$work/charts"; fi

case $1 in
write)
    cp "$work/page" "$page"
    rm -f "$root"/docs/curves/*.svg
    if [ -e "$results" ]; then cp "$work"/charts/*.svg "$root/docs/curves/"; fi
    ;;
check)
    cmp "$work/page" "$page" || {
        echo "$page is not what its results give; ./dev figures writes it" >&2
        exit 1
    }
    for chart in "$work"/charts/*.svg "$root"/docs/curves/*.svg; do
        [ -e "$chart" ] || continue
        cmp "$work/charts/$(basename "$chart")" "$root/docs/curves/$(basename "$chart")" || {
            echo "$chart: not the chart that the results give; ./dev figures writes it" >&2
            exit 1
        }
    done
    ;;
*) exit 2 ;;
esac
