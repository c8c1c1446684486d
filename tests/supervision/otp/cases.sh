#!/bin/sh
# cases.sh ROOT TESTS [write]: runs the program TESTS; every case of cases.txt has a test of its name that passes and asserts something,
# but for those that say why not, and docs/otp_cases.md is the table of them; or it becomes so. What stands beside the suite may be shown
# by tests of bastion-test-supervision, in the same folder.
set -eu
root=$1
tests=$2
here=$root/tests/supervision/otp
page=$root/docs/otp_cases.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$tests" -w NoAssertions -r xml > "$work/run" || true
sed -n 's/^+ |.*| supervision\/[a-z_]*\.cpp | //p' "$here/cases.txt" | sed 's/,/\\,/g' > "$work/beside"
"$(dirname "$tests")/bastion-test-supervision" -w NoAssertions -r xml -f "$work/beside" >> "$work/run" || true

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

# What would be found: a case without a test, one whose test fails, one that has a test and is said to have none, one that does not say
# what is different, and a row beside the suite that nothing shows.
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
sed '/| child_adm |/s/| P |/| N |/' "$here/cases.txt" > "$work/none_needed"
refused "$work/run" "$work/none_needed" "a test of a case that needs none"
sed '/| code_change |/s/ | [^|]*$//' "$here/cases.txt" > "$work/unexplained"
refused "$work/run" "$work/unexplained" "a case with other means that says nothing of them"
sed 's/TestCase name="An exit signal by order/TestCase name="Another/' "$work/run" > "$work/without_matrix"
refused "$work/without_matrix" "$here/cases.txt" "a row beside the suite without a test"

echo "otp: $(grep -c '^| [0-9]' "$work/page") cases, $(grep -c '^+' "$here/cases.txt") rows beside them"
