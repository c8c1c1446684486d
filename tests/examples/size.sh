#!/bin/sh
# size.sh FOLDER: every example has fewer than 120 lines.
set -eu
status=0
for file in "$1"/*.cpp "$1"/*.hpp; do
    [ -e "$file" ] || continue
    lines=$(wc -l < "$file")
    if [ "$lines" -ge 120 ]; then
        echo "$file has $lines lines; an example has fewer than 120"
        status=1
    fi
done
exit $status
