#!/bin/sh
# weaken.sh PROGRAM [TESTS [FILE]]: weakens every order that the programs of the model meet, one at a time. Each must be caught
# by one of them: an order that is not needed is made weaker in the code, with the proof in docs/internals/model.md.
# PROGRAM: bastion-test-model. TESTS: which of its tests; FILE: only orders that stand in this file (then TESTS must be all that
# are about it).
set -eu
program=$1
tests=${2:-model:*}
file=${3:-}
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# A program that fails as it is catches nothing.
BASTION_MODEL=weaken "$program" "$tests" > "$found" || {
    cat "$found"
    echo "weaken.sh: a program fails with nothing weakened, or all of them stopped early"
    exit 1
}

# A weakening is its place (file and line: equal statements are two places) and its two orders; it survives if no
# program catches it.
awk -F ' :: ' -v only="$file" '
    $1 != "weakened" || (only != "" && index($2, only ":") != 1) { next }
    {
        key = $2 FS $5 FS $6
        if (!(key in fate)) { order[++n] = key; fate[key] = "survives"; told[key] = $2 FS $3 FS $4 FS $5 FS $6 }
        if ($7 != "survives") fate[key] = "caught"
    }
    END {
        for (i = 1; i <= n; ++i) {
            ++count[fate[order[i]]]
            if (fate[order[i]] == "survives") print "survives: " told[order[i]]
        }
        if (n == 0) print "nothing was weakened"
        printf "%d weakenings: %d caught, %d survive\n", n, count["caught"], count["survives"]
        exit n == 0 || count["survives"] > 0
    }' "$found"
