#!/bin/sh
# lint.sh ROOT: looks for the co_await forms that g++ 12 compiles wrongly (docs/pitfalls.md), in the sources, tests,
# examples and benchmarks below ROOT and in the C++ blocks of its documentation.
# lint.sh --files FILE...: the same for the files named.
# A line that ends in `// lint-allow: <reason>` may hold such a form.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if [ "${1:-}" = --files ]; then
    shift
    exec awk -f "$here/lint.awk" "$@"
fi

cd "$1"
files=$(find include src tests examples benchmarks cmake -type f \( -name '*.hpp' -o -name '*.cpp' \) | LC_ALL=C sort)
documents=$(find docs README.md -type f -name '*.md' | LC_ALL=C sort)
# shellcheck disable=SC2086  # no file name of the project holds blanks
exec awk -f "$here/lint.awk" $files $documents
