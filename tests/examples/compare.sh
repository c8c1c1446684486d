#!/bin/sh
# compare.sh PROGRAM BASE: runs the program and compares what it prints with the files BASE.*; see Examples.cmake.
set -u
program=$1
base=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -f "$base.args" ]; then
    # The words of the file are the arguments.
    set -- $(cat "$base.args")
else
    set --
fi
expected_exit=0
[ -f "$base.exit" ] && expected_exit=$(cat "$base.exit")

"$program" "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null
exit_code=$?

failed=0
if [ "$exit_code" -ne "$expected_exit" ]; then
    echo "exit code $exit_code, expected $expected_exit"
    failed=1
fi

cp "$base.expected" "$scratch/expected"
if [ -f "$base.unordered" ]; then
    LC_ALL=C sort "$base.expected" > "$scratch/expected"
    LC_ALL=C sort "$scratch/out" > "$scratch/sorted"
    mv "$scratch/sorted" "$scratch/out"
fi
if ! diff -u "$scratch/expected" "$scratch/out"; then
    echo "the standard output differs (- expected, + printed)"
    failed=1
fi

if [ -f "$base.stderr" ]; then
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        if ! grep -qF -e "$line" "$scratch/err"; then
            echo "standard error lacks: $line"
            failed=1
        fi
    done < "$base.stderr"
fi

if [ $failed -ne 0 ]; then
    echo "--- standard error:"
    cat "$scratch/err"
fi
exit $failed
