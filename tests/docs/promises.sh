#!/bin/sh
# promises.sh ROOT: the documentation says what a process is, what is promised and what is not; every page is listed, every link
# between pages leads to something, and every promise names what shows it.
set -eu
root=$1
status=0
fail() {
    echo "$*" >&2
    status=1
}
has() { # has PAGE LINE: a line that begins so
    grep -q "^$2" "$root/docs/$1" || fail "docs/$1 has no line that begins with '$2'"
}
has guide/01_a_process.md "# 1. A process"
has reliability.md "## Promises"
has reliability.md "## What is not promised"
has reliability.md "## What becomes of a fault"

for page in "$root"/docs/*.md; do
    name=$(basename "$page")
    [ "$name" = README.md ] || grep -qF "($name)" "$root/docs/README.md" || fail "docs/README.md does not list $name"
done

for page in "$root"/docs/guide/[0-9]*.md; do
    name=$(basename "$page")
    grep -qF "($name)" "$root/docs/guide/README.md" || fail "docs/guide/README.md does not list $name"
done

# Links to files of the project: [text](path) or [text](path#anchor).
for page in "$root"/README.md "$root"/CONTRIBUTING.md "$root"/docs/*.md "$root"/docs/*/*.md; do
    folder=$(dirname "$page")
    # Code between backquotes may look like a link.
    for link in $(sed 's/`[^`]*`//g' "$page" | grep -o '](\([^)#: ]*\)[)#]' | sed 's/^](//; s/[)#]$//' | LC_ALL=C sort -u); do
        [ -z "$link" ] || [ -e "$folder/$link" ] || fail "$page links to $link, which is not there"
    done
done
exit $status
