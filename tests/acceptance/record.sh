#!/bin/sh
# record.sh NAME ROWS COMMAND...: runs a test that is a command; if it passes, it shows the rows ("E9 E10"). Such a test is
# counted as one assertion. Written as tests/support/main.cpp does.
set -u
name=$1
rows=$2
shift 2
status=0
"$@" || status=$?
if [ $status -eq 0 ] && [ -n "${TEST_ACCEPTANCE:-}" ]; then
    mkdir -p "$TEST_ACCEPTANCE"
    for row in $rows; do printf '%s\t%s\t1\t0\n' "$row" "$name"; done > "$TEST_ACCEPTANCE/$name"
fi
exit $status
