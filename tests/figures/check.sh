#!/bin/sh
# check.sh ROOT: the figures in the pages are those of docs/figures.txt; and a wrong one would be found.
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
sed 's/^\(planted.bugs\) .*/\1 1000000/' "$root/docs/figures.txt" > "$work/figures"
sh "$here/fill.sh" "$work/figures" "$page" | grep -q '1,000,000' || {
    echo "fill.sh does not fill" >&2
    exit 1
}
