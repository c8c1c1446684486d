#!/bin/sh
# hello.sh PROGRAM [MOST]: a program with the static bastion and the system's shared libraries, stripped, has at most so many bytes (1 MiB).
set -eu
program=$1
most=${2:-1048576}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strip -o "$work/stripped" "$program"
if ldd "$program" | grep -q libbastion; then
    echo "hello.sh: $program uses a shared bastion: nothing is measured"
    exit 1
fi
bytes=$(wc -c < "$work/stripped")
echo "$(basename "$program"): $bytes bytes stripped, at most $most"
[ "$bytes" -le "$most" ] || {
    echo "hello.sh: too large; the largest functions are:"
    nm -CS --size-sort -r "$program" | head -n 20
    exit 1
}
