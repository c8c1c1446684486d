#!/bin/sh
# caught.sh BUG PROGRAM: runs the tests of a program with a planted bug until one of them fails, and prints which one; only
# the test case that the bug names, if it does. Fails if all pass. What does not come to an end within a minute is caught, too: it hangs.
set -u
unset TEST_ACCEPTANCE # it shows nothing
name=$(basename "$1" .bug)
if [ ! -x "$2" ]; then
    echo "$name: DOES NOT BUILD"
    exit 1
fi
log=$2.log
status=0
case=$(sed -n 's/^case: //p' "$1" | sed 's/[],[]/\\&/g') # they mean something to Catch2
TEST_SEEDS=${TEST_SEEDS:-500} timeout -k 5 60 "$2" ${case:+"$case"} --abort --reporter xml > "$log" 2>&1 || status=$?

# The test begun last, as the report names it.
test=$(sed -n 's/^ *<TestCase name="\([^"]*\)".*/\1/p' "$log" | tail -n 1 |
    sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g')
seed=$(sed -n 's/.*\(seed [0-9][0-9]*\) fails.*/, \1/p' "$log" | head -n 1)
how=""
if [ $status -eq 124 ]; then
    how=" (hangs)"
elif [ $status -ge 128 ]; then
    how=" (ended by signal $((status - 128)))"
fi

if [ $status -eq 0 ]; then
    echo "$name: NOT CAUGHT"
    exit 1
elif [ -z "$test" ]; then
    echo "$name: NO TEST BEGAN, see $log"
    exit 1
fi
echo "$name: caught by \"$test\"$seed$how"
