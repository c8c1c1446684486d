#!/bin/sh
# rows.sh ROOT [names|check]: which planted bugs bring back the faults of the original, by the rows of "Behaviour the original
# never got right" (B1 to B15; B12, of NUMA, needs a machine and is no bug to plant). Prints a table, or only the names of
# the bugs; or checks that the page says the same. Fails when a row has no bug, or a bug names no row.
set -eu
bugs=$1/tests/planted/bugs
what=${2:-table}
status=0
rows="B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B13 B14 B15"
for bug in $(grep -l '^row: ' "$bugs"/*.bug); do
    row=$(sed -n 's/^row: //p' "$bug")
    case " $rows " in
    *" $row "*) ;;
    *) echo "$bug: there is no row '$row'" >&2 && status=1 ;;
    esac
    # The test case that is to catch it says that it shows the row.
    case=$(sed -n 's/^case: //p' "$bug")
    test=$(sed -n 's/^test: //p' "$bug")
    awk -v case="TEST_CASE(\"$case\"" -v row="test::acceptance(\"$row\")" '
        index($0, "TEST_CASE(") { inside = index($0, case) }
        inside && index($0, row) { found = 1 }
        END { exit !found }' "$1/tests/$test.cpp" || {
        echo "$bug: tests/$test.cpp has no test case \"$case\" that shows row $row" >&2
        status=1
    }
done
[ "$what" = names ] || lines="| row | bug | what it does | tests |
|---|---|---|---|"
names=""
for row in $rows; do
    found=$(grep -lx "row: $row" "$bugs"/*.bug) || {
        echo "row $row has no planted bug" >&2
        status=1
        continue
    }
    for bug in $found; do
        name=$(basename "$bug" .bug)
        names="$names $name"
        [ "$what" = names ] || lines="$lines
| $row | \`$name\` | $(sed -n 's/^what: //p' "$bug") | $(sed -n 's/^test: //p' "$bug") |"
    done
done
case $what in
names) echo "$names" ;;
check)
    echo "$lines" | while IFS= read -r line; do
        grep -qxF "$line" "$1/docs/internals/planted.md" || {
            echo "docs/internals/planted.md does not say '$line'; ./dev planted --rows prints the table" >&2
            exit 1
        }
    done || status=1
    # And a row without a bug would be found.
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/tests/planted/bugs"
    for folder in "$1"/tests/*/; do ln -s "$(cd "$folder" && pwd)" "$work/tests/" 2> "$work/there" || true; done
    grep -Lx 'row: B4' "$bugs"/*.bug | while IFS= read -r bug; do cp "$bug" "$work/tests/planted/bugs"; done
    if sh "$0" "$work" names > "$work/names" 2>&1 || [ "$(head -n 1 "$work/names")" != "row B4 has no planted bug" ]; then
        cat "$work/names" >&2
        echo "rows.sh does not miss the bugs of row B4" >&2
        status=1
    fi
    ;;
*) echo "$lines" ;;
esac
exit $status
