#!/bin/sh
# word_count.sh PROGRAM SCRATCH: word_count counts what tr, sort and uniq count on the same files, with and without
# failures; its summary names the number of questions and failures that follow from the number of chunks.
#
# The files made here have 100 MB together; a program built with a sanitizer or without optimisation gets a few of them.
set -eu
program=$1
scratch=$2

files=16
if grep -qaE '__(asan|tsan|ubsan)_' "$program"; then files=2; fi
cache=$scratch/../../../CMakeCache.txt
if [ -f "$cache" ] && grep -q '^CMAKE_CXX_FLAGS_DEBUG:.*-O0' "$cache"; then files=4; fi

rm -rf "$scratch"
mkdir -p "$scratch"
trap 'rm -f "$scratch"/text*' EXIT # the counts stay for whoever looks into a failure

# Words of which a few are frequent and most are rare; each file turns the small letters of the one before by one more.
awk 'BEGIN {
    seed = 1
    for (n = 0; n < 1625000; n++) {
        seed = (seed * 69069 + 12345) % 4294967296
        u = seed / 4294967296
        k = int(8000 * u * u * u * u * u)
        word = ""
        do {
            word = word substr("etaoinshrdlucmfwypvbgkqjxz", k % 26 + 1, 1)
            k = int(k / 26)
        } while (k > 0)
        printf "%s%s", n % 11 == 0 ? "The" word "ing" : word, n % 13 == 12 ? ".\n" : n % 5 == 4 ? ", " : " "
    }
}' > "$scratch/text1"
n=1
while [ $n -lt $files ]; do
    tr 'a-z' 'b-za' < "$scratch/text$n" > "$scratch/text$((n + 1))"
    n=$((n + 1))
done
# Ends and beginnings of files part words; so does everything that is no letter, zeros and bytes above 127 included.
printf 'end' > "$scratch/text_a"
printf 'begin\000zero\377high caf\303\251 don'\''t Don'\''t\n\n' > "$scratch/text_b"
: > "$scratch/text_c"
# One word that is longer than a chunk, and the end of a file right after a word.
awk 'BEGIN { for (n = 0; n < 200000; n++) printf "x"; printf " tail" }' > "$scratch/text_d"
ls -l "$scratch" | awk '/text/ { bytes += $5; files++ } END { printf "%d files, %.1f MB\n", files, bytes / 1e6 }'

for file in "$scratch"/text*; do
    LC_ALL=C tr -cs A-Za-z '\n' < "$file"
    echo
done | grep . | LC_ALL=C sort | uniq -c > "$scratch/expected"

run() { # run NAME ARG...: runs word_count over all files, prints its time and compares its counts
    name=$1
    shift
    begin=$(date +%s)
    status=0
    "$program" "$scratch"/text* "$@" > "$scratch/out.$name" 2> "$scratch/err.$name" < /dev/null || status=$?
    summary=$(grep -E '^[0-9]+ questions, ' "$scratch/err.$name" || true)
    echo "$name: $(($(date +%s) - begin)) s; $summary"
    if [ $status -ne 0 ]; then
        echo "exit code $status, expected 0"
        tail -n 20 "$scratch/err.$name"
        exit 1
    fi
    cmp "$scratch/expected" "$scratch/out.$name" || exit 1
}

expect_summary() { # expect_summary QUESTIONS FAILURES
    if [ "$summary" != "$1 questions, $2 failures survived, $2 restarts" ]; then
        echo "expected: $1 questions, $2 failures survived, $2 restarts"
        exit 1
    fi
}

run plain
chunks=${summary%% *}
expect_summary "$chunks" 0
for every in 50 1000; do
    run "every$every" --fail-every $every
    # Every `every`-th question fails and is asked again, so the chunks are the questions in between.
    failures=$(((chunks - 1) / (every - 1)))
    expect_summary $((chunks + failures)) $failures
done

# What cannot be read is named, and the rest is counted.
status=0
"$program" "$scratch/text_b" "$scratch/text_missing" > "$scratch/out.missing" 2> "$scratch/err.missing" || status=$?
[ $status -eq 1 ] || { echo "exit code $status for a missing file, expected 1"; exit 1; }
grep -qF 'text_missing' "$scratch/err.missing" || { echo "standard error does not name the missing file"; exit 1; }
grep -qx ' *2 t' "$scratch/out.missing" || { echo "the other file is not counted"; exit 1; }
