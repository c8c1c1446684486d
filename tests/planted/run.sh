#!/bin/sh
# run.sh BUILD-TREE JOBS [NAME...]: builds the library with each planted bug (or those named) and says which test catches it.
# The build tree is one of the preset dev. `./dev planted` calls this. Writes the table of docs/internals/planted.md to
# <build tree>/tests/planted/results.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$1
jobs=$2
shift 2
if [ $# -eq 0 ]; then
    for bug in "$here"/bugs/*.bug; do set -- "$@" "$(basename "$bug" .bug)"; done
fi

targets=""
for name in "$@"; do
    if [ ! -f "$here/bugs/$name.bug" ]; then
        echo "there is no planted bug '$name'; there are:" >&2
        ls "$here/bugs" | sed 's/\.bug$//' >&2
        exit 2
    fi
    targets="$targets bastion-planted-$name"
    rm -f "$tree/tests/bastion-planted-$name"
done

# All that can be built is built; what does not is told below, by its name.
results=$tree/tests/planted
mkdir -p "$results"
echo "building $# planted bugs"
# shellcheck disable=SC2086  # several words
cmake --build "$tree" -j "$jobs" --target $targets -- -k 0 > "$results/build.log" 2>&1 ||
    grep -E 'error:|its old lines' "$results/build.log" >&2 || true

status=0
printf '%s\n' "$@" | xargs -P "$jobs" -n 1 sh -c '
    sh "$0/caught.sh" "$0/bugs/$2.bug" "$1/tests/bastion-planted-$2" > "$1/tests/planted/$2.result" || failed=1
    cat "$1/tests/planted/$2.result"
    exit ${failed:-0}' "$here" "$tree" || status=1

{
    echo "| area | bug | what it does | caught by |"
    echo "|---|---|---|---|"
    for name in "$@"; do
        bug=$here/bugs/$name.bug
        area=$(sed -n 's/^area: //p' "$bug")
        what=$(sed -n 's/^what: //p' "$bug")
        test=$(sed -n 's/^test: //p' "$bug")
        caught=$(sed -n 's/^[^:]*: caught by //p; s/^[^:]*: \([A-Z].*\)/\1/p' "$results/$name.result")
        echo "| $area | \`$name\` | $what | ${test%%/*}: $caught |"
    done | LC_ALL=C sort
} > "$results/results.md"
caught=$(grep -l ': caught by ' $(for name in "$@"; do echo "$results/$name.result"; done) | wc -l)
echo "$caught of $# planted bugs are caught"
exit $status
