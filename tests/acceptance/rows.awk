# The page of the acceptance table: first file the records (row, test, assertions passed, failed), second rows.txt.
BEGIN { FS = "\t"; sections["A"] = "Programs"; sections["B"] = "What the original never got right"
    sections["C"] = "What its users asked for"; sections["D"] = "Tests of the original" }
function problem(what) { print "acceptance: " what > "/dev/stderr"; bad = 1 }
FNR == NR {
    if ($4 > 0) problem("a test of row " $1 " has failed: " $2)
    else if ($3 == 0) problem("a test of row " $1 " asserts nothing: " $2)
    else shown[$1] = shown[$1] (shown[$1] == "" ? "" : "<br>") $2
    unknown[$1] = $2
    next
}
FNR == 1 {
    print "# What is shown by which test\n"
    print "What whoever knows Rust's Bastion may expect of this library, row by row, and the tests that show it: programs of the original,"
    print "what it never got right, what its users asked for, and its own tests. This page is made from a run of all tests, each of which says itself"
    print "which rows it shows; `./dev test` fails when a row has no test that passes, or when this page says something else."
    FS = " *[|] *"
    $0 = $0
}
/^# [A-D]: / {
    letter = substr($0, 3, 1)
    print "\n## " sections[letter] "\n\n| row | what | shown by |\n|---|---|---|"
    next
}
/^#/ { next }
{
    delete unknown[$1]
    if ($3 != "" && shown[$1] != "") problem("row " $1 " is left to others, and shown by " shown[$1])
    if ($3 == "" && shown[$1] == "") problem("row " $1 " has no test that passed: " $2)
    print "| " $1 " | " $2 " | " ($3 != "" ? "to come: " $3 : shown[$1]) " |"
}
END {
    for (row in unknown) problem("there is no row " row ", which " unknown[row] " shows")
    exit bad
}
