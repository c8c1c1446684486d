#!/bin/sh
# rows.sh ROOT RECORDS [write]: after a run of all tests, which left what it has shown in the folder RECORDS: every row of rows.txt
# has a test that passed and asserted something, but for those that are left to a component to come, and docs/acceptance.md
# is the table of them; or it becomes so.
set -eu
root=$1
records=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$root/tests/acceptance
page=$root/docs/acceptance.md

table() { # table RECORDS: the page; fails when a row is not shown
    cat "$1"/* 2> "$work/none" | LC_ALL=C sort -u > "$work/records"
    awk -f "$here/rows.awk" "$work/records" "$here/rows.txt"
}

table "$records" > "$work/page" || exit 1
if [ "${3:-}" = write ]; then
    cp "$work/page" "$page"
else
    cmp "$page" "$work/page" || {
        echo "$page is not what this run has shown: sh tests/acceptance/rows.sh . build/dev/acceptance write" >&2
        exit 1
    }
fi

# What would be found: a row that no test shows, one that asserts nothing, one that failed, an id that does not exist.
cp -R "$records" "$work/altered"
broken() { # broken WHAT: with the altered records no table is made
    if table "$work/altered" > "$work/refused" 2>&1; then
        echo "rows.sh takes $1" >&2
        exit 1
    fi
    rm -rf "$work/altered"
    cp -R "$records" "$work/altered"
}
sed '/^B4	/d' "$records"/* > "$work/rest"
rm "$work"/altered/* && cp "$work/rest" "$work/altered/all"
broken "a row without a test"
awk -F '\t' -v OFS='\t' '$1 == "B4" { $3 = 0 } { print }' "$records"/* > "$work/rest"
rm "$work"/altered/* && cp "$work/rest" "$work/altered/all"
broken "a row without an assertion"
printf 'B4\tmailbox.fails\t3\t1\n' > "$work/altered/failed"
broken "a row with a failed test"
printf 'B99\tmailbox.unknown\t3\t0\n' > "$work/altered/unknown"
broken "a row that does not exist"

echo "acceptance: $(grep -c '^| [A-Z][0-9]' "$work/page") rows, $(grep -c 'to come: ' "$work/page") of them to come"
