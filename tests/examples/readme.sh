#!/bin/sh
# readme.sh PROGRAM SCRATCH: the README's program prints what the README says, and is the one in the README.
set -eu
program=$1
scratch=$2
root=$(cd "$(dirname "$0")/../.." && pwd)

fail() {
    echo "$*"
    echo "--- standard output:"
    cat "$scratch/out"
    echo "--- standard error:"
    cat "$scratch/err"
    exit 1
}

status=0
"$program" > "$scratch/out" 2> "$scratch/err" < /dev/null || status=$?
[ $status -eq 0 ] || fail "exit code $status, expected 0"

# The second calculator hears the broadcast, too: at any time, or not at all when the program ends first.
cat > "$scratch/expected" <<'TEXT'
told: hello
heard: hello, everybody
1 / 0: panic: division by zero
9 / 3 = 3
TEXT
heard=$(grep -cxF 'heard: hello, everybody' "$scratch/out" || true)
{ [ "$heard" -eq 1 ] || [ "$heard" -eq 2 ]; } || fail "heard the broadcast $heard times, expected 1 or 2"
# Without one of the two (the first, or the second) the rest is in order.
matches() {
    awk -v "leave_out=$1" '$0 == "heard: hello, everybody" && ++n == leave_out { next } { print }' "$scratch/out" |
        cmp -s - "$scratch/expected"
}
if [ "$heard" -eq 1 ]; then
    cmp -s "$scratch/out" "$scratch/expected" || fail "the standard output is wrong or in the wrong order"
else
    matches 1 || matches 2 || fail "the standard output is wrong or in the wrong order"
fi
grep -qF 'division by zero' "$scratch/err" || fail "standard error does not name the reason of the panic"

awk '/^```cpp$/ { inside = 1; next } inside && /^```/ { exit } inside' "$root/README.md" > "$scratch/in_readme.cpp"
sed -n '/^#include/,$p' "$root/examples/04_readme.cpp" > "$scratch/in_examples.cpp"
[ -s "$scratch/in_readme.cpp" ] || { echo "README.md has no program"; exit 1; }
diff -u "$scratch/in_readme.cpp" "$scratch/in_examples.cpp" || { echo "README.md and examples/04_readme.cpp differ"; exit 1; }
