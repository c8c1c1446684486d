#!/bin/sh
# check.sh ROOT: the figures in the pages are those of docs/figures.txt, and those that are counted are right; and a wrong one
# would be found. A run says at which commit it was: no run need be repeated for this.
set -eu
root=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for page in "$root/docs/reliability.md" "$root/docs/internals/model.md" "$root/docs/internals/planted.md"; do
    sh "$here/fill.sh" "$root/docs/figures.txt" "$page" > "$work/page"
    cmp "$page" "$work/page" || {
        echo "$page: a figure is not that of docs/figures.txt; ./dev figures writes them" >&2
        exit 1
    }
done
sh "$here/count.sh" "$root" | while IFS= read -r counted; do
    grep -qx "$counted" "$root/docs/figures.txt" || {
        echo "docs/figures.txt does not say '$counted'; ./dev figures writes it" >&2
        exit 1
    }
done
for bug in "$root"/tests/planted/bugs/*.bug; do
    grep -q "^| [a-z -]* | \`$(basename "$bug" .bug)\` |" "$root/docs/internals/planted.md" || {
        echo "docs/internals/planted.md does not list $bug; ./dev planted prints its row" >&2
        exit 1
    }
done
for run in model planted seeds soak faults fuzz arm; do
    for what in commit date; do
        grep -q "^$run\.$what " "$root/docs/figures.txt" || {
            echo "docs/figures.txt has no $what of the run '$run'" >&2
            exit 1
        }
    done
done
sed 's/^\(planted.bugs\) .*/\1 1000000/' "$root/docs/figures.txt" > "$work/figures"
sh "$here/fill.sh" "$work/figures" "$page" | grep -q '1,000,000' || {
    echo "fill.sh does not fill" >&2
    exit 1
}
