#!/bin/sh
# plant.sh BUG SOURCE-TREE OUTPUT: writes the file that the bug is in, with the bug, to OUTPUT. Fails unless the old lines
# of the bug stand in it exactly once.
set -eu
bug=$1
file=$(sed -n 's/^file: //p' "$bug")
mkdir -p "$(dirname "$3")"
awk -v name="$bug" '
    FNR == NR {
        if ($0 == "---- old") part = "old"
        else if ($0 == "---- new") part = "new"
        else if (part == "old") old = old $0 "\n"
        else if (part == "new") new = new $0 "\n"
        next
    }
    { text = text $0 "\n" }
    END {
        text = "\n" text
        at = index(text, "\n" old)
        if (old == "" || at == 0) { print name ": its old lines are not in the file (any more)" > "/dev/stderr"; exit 1 }
        after = substr(text, at + 1 + length(old))
        if (index("\n" after, "\n" old) != 0) { print name ": its old lines are there more than once" > "/dev/stderr"; exit 1 }
        printf "%s%s%s", substr(text, 2, at - 1), new, after
    }' "$bug" "$2/$file" > "$3.new"
mv "$3.new" "$3"
