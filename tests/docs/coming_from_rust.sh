#!/bin/sh
# coming_from_rust.sh ROOT [write]: docs/coming_from_rust.md is what coming_from_rust.awk makes of coming_from_rust.cpp; or it
# becomes so. And a row that says nothing would be found.
set -eu
root=$1
here=$root/tests/docs
page=$root/docs/coming_from_rust.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -f "$here/coming_from_rust.awk" "$here/coming_from_rust.cpp" > "$work/page"
if [ "${2:-}" = write ]; then
    cp "$work/page" "$page"
    exit
fi
cmp "$page" "$work/page" || {
    echo "$page is not what tests/docs/coming_from_rust.cpp says: sh tests/docs/coming_from_rust.sh . write" >&2
    exit 1
}
refused() { # refused WHAT LINE...: of such lines no page is made
    what=$1
    shift
    printf '%s\n' "$@" > "$work/lines"
    if awk -f "$here/coming_from_rust.awk" "$work/lines" > "$work/refused" 2>&1; then
        echo "coming_from_rust.awk takes $what" >&2
        exit 1
    fi
}
refused "a row without a counterpart" '//| item | remark' '//.'
refused "a counterpart that is none" '//- item | why' 'code();'
refused "no reason why" '//- item |' '//.'
refused "an item twice" '//- item | why' '//- item | why'
refused "an unknown mark" '//! item | why'
