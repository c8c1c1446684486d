#!/bin/sh
# cases.sh ROOT TESTS [write]: runs the program TESTS; every case of cases.txt has a test of its name that passes and asserts something,
# but for those that say why not, and docs/otp_cases.md is the table of them; or it becomes so.
set -eu
root=$1
tests=$2
here=$root/tests/supervision/otp
page=$root/docs/otp_cases.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$tests" -w NoAssertions -r xml > "$work/run" || true

table() { # table RUN CASES: the page; fails when a case is not shown
    awk -f "$here/cases.awk" "$1" "$2"
}

table "$work/run" "$here/cases.txt" > "$work/page"
if [ "${3:-}" = write ]; then
    cp "$work/page" "$page"
else
    cmp "$page" "$work/page" || {
        echo "$page is not what this run has shown: sh tests/supervision/otp/cases.sh . $tests write" >&2
        exit 1
    }
fi

# What would be found: a case without a test, one whose test fails, and one that has a test and is said to have none.
refused() { # refused RUN CASES WHAT
    if table "$1" "$2" > "$work/none" 2>&1; then
        echo "cases.sh takes $3" >&2
        exit 1
    fi
}
sed 's/TestCase name="child_adm"/TestCase name="another"/' "$work/run" > "$work/without"
refused "$work/without" "$here/cases.txt" "a case without a test"
sed 's/OverallResult success="true"/OverallResult success="false"/' "$work/run" > "$work/failed"
refused "$work/failed" "$here/cases.txt" "a failed test"
sed '/| child_adm |/s/$/ | no reason/' "$here/cases.txt" > "$work/reasons"
refused "$work/run" "$work/reasons" "a test of a case that needs none"

echo "otp: $(grep -c '^| [0-9]' "$work/page") cases, $(grep -c 'to come: ' "$work/page") of them to come"
