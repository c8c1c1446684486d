#!/bin/sh
# callbacks.sh ROOT: the output that docs/callbacks.md shows is what its example is expected to print (tests/examples).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/^```text$/,/^```$/p' "$1/docs/callbacks.md" | sed '1d;$d' > "$work/shown"
diff "$1/tests/examples/callbacks.expected" "$work/shown" || {
    echo "docs/callbacks.md does not show what examples/callbacks.cpp prints" >&2
    exit 1
}
