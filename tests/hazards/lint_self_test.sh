#!/bin/sh
# lint_self_test.sh: in fixtures/ each line with `// bad: <rule>...` must be flagged by exactly these rules, and no other
# line may be flagged.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$here/fixtures"

sh "$here/lint.sh" --files ./* > "$scratch/out" && { echo "the lint accepts the bad fixtures"; exit 1; }
sed -E 's/^([^:]*:[0-9]+): \[([a-z-]+)\].*/\1 \2/' "$scratch/out" | LC_ALL=C sort > "$scratch/found"
awk '/\/\/ bad: / {
    rules = $0
    sub(/.*\/\/ bad: /, "", rules)
    n = split(rules, rule, " ")
    for (i = 1; i <= n; i++) print FILENAME ":" FNR " " rule[i]
}' ./* | LC_ALL=C sort > "$scratch/wanted"

if ! diff -u "$scratch/wanted" "$scratch/found"; then
    echo "the lint differs from the fixtures (- wanted, + found)"
    exit 1
fi
echo "$(wc -l < "$scratch/wanted") bad forms found"
