#!/bin/sh
# weaken.sh PROGRAM SURVIVORS [TESTS [FILE]]: weakens every order that the programs of the model meet, one at a time, and
# compares what survives in all of them with the list of those that may, each with its reason. PROGRAM: bastion-test-model.
# TESTS: which of its tests; FILE: only orders that stand in this file (then TESTS must be all that are about it).
set -eu
program=$1
list=$2
tests=${3:-model:*}
file=${4:-}
found=$(mktemp)
trap 'rm -f "$found"' EXIT

BASTION_MODEL=weaken "$program" "$tests" | grep '^weakened :: ' > "$found" || {
    echo "weaken.sh: nothing was weakened"
    exit 1
}

# A weakening is its place and its two orders; it survives if no program catches it.
grep -v -e '^#' -e '^$' "$list" | awk -F ' :: ' -v only="$file" '
    NR == FNR {
        if (only != "" && $1 != only) next
        if (NF != 6) { print "not six fields: " $0; bad = 1 }
        allowed[$1 FS $2 FS $3 FS $4 FS $5] = 1
        next
    }
    {
        if (only != "" && $2 != only) next
        key = $2 FS $3 FS $4 FS $5 FS $6
        if (!(key in fate)) { order[++n] = key; fate[key] = "survives" }
        if ($7 != "survives") fate[key] = "caught"
    }
    END {
        for (i = 1; i <= n; ++i) {
            key = order[i]
            ++count[fate[key]]
            if (fate[key] == "survives" && !(key in allowed)) { print "survives, and is not listed: " key; bad = 1 }
            if (fate[key] == "caught" && key in allowed) { print "is caught, and listed: " key; bad = 1 }
        }
        for (key in allowed)
            if (!(key in fate)) { print "listed, and met by no program: " key; bad = 1 }
        if (n == 0) { print "nothing was weakened"; bad = 1 }
        printf "%d weakenings: %d caught, %d survive\n", n, count["caught"], count["survives"]
        exit bad
    }' - "$found"
