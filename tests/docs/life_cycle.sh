#!/bin/sh
# life_cycle.sh ROOT: the table of docs/internals/life_cycle.md has the transitions of life_cycle.hpp, all and no others.
set -eu
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# From the page: "| `a`, `b` (why) | ... | ... | `c` or `d` | ..." is all of a, b to all of c, d.
awk -F '|' '
    function names(cell, to,    n) {
        n = 0
        while (match(cell, /`[a-z]+`/)) {
            to[++n] = substr(cell, RSTART + 1, RLENGTH - 2)
            cell = substr(cell, RSTART + RLENGTH)
        }
        return n
    }
    /^\| from / { inside = 1; next }
    inside && !/^\|/ { exit }
    inside && /`/ {
        froms = names($2, from); tos = names($5, to)
        for (i = 1; i <= froms; i++) for (j = 1; j <= tos; j++) print from[i], to[j]
    }' "$root/docs/internals/life_cycle.md" | LC_ALL=C sort -u > "$work/written"
sed -n 's/^ *{life::\([a-z]*\), life::\([a-z]*\)},$/\1 \2/p' "$root/include/bastion/process/life_cycle.hpp" |
    LC_ALL=C sort -u > "$work/known"
[ "$(wc -l < "$work/known")" -ge 20 ] || { echo "life_cycle.sh finds too few transitions in life_cycle.hpp"; exit 1; }
diff "$work/written" "$work/known" || {
    echo "docs/internals/life_cycle.md (<) and life_cycle.hpp (>) differ" >&2
    exit 1
}
