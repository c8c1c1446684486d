#!/bin/sh
# size.sh FOLDER: every example has fewer than 120 lines, and a number of its own: 1, 2, 3...
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
numbers=$(cd "$1" && ls -- *.cpp | sed 's/_.*//')
wanted=$(seq -f %02.0f "$(echo "$numbers" | wc -l)")
[ "$numbers" = "$wanted" ] || { echo "the numbers of the examples are not 01, 02, 03..."; status=1; }
exit $status
