#!/bin/sh
# fill.sh FIGURES PAGE: prints the page with its figures as the file FIGURES gives them.
#   <!--NAME-->...<!---->                               in a line: the figure
#   <!--table NAME--> and <!--/table-->, on lines alone: around a table of all that NAME lists
# A name without a figure is an error: the run that gives it has not been made.
set -eu
awk '
    function readable(s,    head, n) { # 1234567 -> 1,234,567
        if (s !~ /^[0-9]+$/ || name ~ /\.commit$/) return s
        for (n = length(s); n > 3; n -= 3) { head = "," substr(s, n - 2, 3) head }
        return substr(s, 1, n) head
    }
    FNR == NR {
        name = $1
        value = substr($0, length(name) + 2)
        if (!(name in figure)) figure[name] = value
        list[name, ++length_of[name]] = value
        next
    }
    /^<!--table / {
        print
        name = $0
        sub(/^<!--table /, "", name)
        sub(/-->$/, "", name)
        if (!(name in figure)) { print FILENAME ": no figure " name > "/dev/stderr"; bad = 1 }
        print "| what | times |"
        print "|---|---|"
        for (i = 1; i <= length_of[name]; ++i) {
            row = list[name, i]
            n = row
            sub(/.*: /, "", n)
            sub(/: [0-9]+$/, "", row)
            print "| " row " | " readable(n) " |"
        }
        skipping = 1
        next
    }
    /^<!--\/table-->/ { skipping = 0 }
    skipping { next }
    {
        rest = $0
        line = ""
        while (match(rest, /<!--[a-z]+\.[a-z]+-->/)) {
            name = substr(rest, RSTART + 4, RLENGTH - 7)
            line = line substr(rest, 1, RSTART + RLENGTH - 1)
            rest = substr(rest, RSTART + RLENGTH)
            end = index(rest, "<!---->")
            if (end == 0 || !(name in figure)) { print FILENAME ": no figure, or no end of " name > "/dev/stderr"; bad = 1 }
            line = line readable(figure[name])
            rest = substr(rest, end)
        }
        print line rest
    }
    END { exit bad }' "$1" "$2"
