#!/bin/sh
# distributed_write.sh PROGRAM SCRATCH: what it prints, and what its file holds.
set -eu
program=$1
file=$2/digits.txt
rm -f "$file"
"$program" "$file" > "$2/out" 2> "$2/err" < /dev/null || { echo "exit code $?"; cat "$2/err"; exit 1; }
echo "written: 2468024680" | diff -u - "$2/out"
printf 2468024680 | cmp - "$file" || { echo "the file holds: $(cat "$file")"; exit 1; }
# A file that cannot be made is said so.
if "$program" "$2/no/such/folder" > "$2/out" 2> "$2/err"; then
    echo "a file that cannot be made goes unnoticed"
    exit 1
fi
grep -qF "cannot write to $2/no/such/folder" "$2/err"
