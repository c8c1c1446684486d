# The page of OTP's cases: first file what the tests' runs have written (Catch2's XML), second cases.txt.
function problem(what) { print "otp: " what > "/dev/stderr"; bad = 1 }
FNR == NR {
    if (match($0, /<TestCase name="[^"]*" filename="[^"]*"/)) {
        split(substr($0, RSTART, RLENGTH), part, "\"")
        test = name = part[2]
        sub(/:.*/, "", name)
        sub(/.*\/tests\//, "", part[4])
        if (test == name) exact[name] = 1
        count[name]++
        passed[part[4] "|" test] = 1
    }
    if ($0 ~ /<OverallResult success="false"/) problem("the test \"" test "\" has failed")
    next
}
FNR == 1 {
    print "# OTP's own tests of supervisors, here\n"
    print "The 93 cases of Erlang/OTP's `supervisor_SUITE`, and what becomes of them. Each has a test of the same name in `tests/supervision/otp/`, which asserts"
    print "what the case asserts, but for what is said here. P: as it is; what is left out is said. A: with other means, which are said, and above the test at length."
    print "N: it is about something that is not here. In all of them OTP's exit reason `shutdown` is `stopped`; of a supervisor that gave up it is `intensity`, which"
    print "names the child and why that failed. This page is made from a run of the tests; `./dev test` fails when a case has no test that passes, or when this page"
    print "says something else.\n"
    print "| # | case | class | what it is about | here |\n|---|---|---|---|---|"
    FS = " *[|] *"
    $0 = $0
}
/^#/ { next }
$1 == "+" {
    if (!beyond++) {
        print "\n" total["P"] " P, " total["A"] " A, " total["N"] " N."
        print "\n## Beside the suite\n"
        print "What was executed on OTP beside its suite, and the matrix of its exit signals; from the same run.\n"
        print "| what OTP does | test | in |\n|---|---|---|"
    }
    if (!passed[$3 "|" $4]) problem("no test \"" $4 "\" in " $3 " has passed")
    print "| " $2 " | " $4 " | `tests/" $3 "` |"
    next
}
{
    none = $3 == "N"
    if (none && exact[$2]) problem($2 " has a test, and is said to have none")
    if (!none && !exact[$2]) problem($2 " has no test that passed")
    if ($3 != "P" && $5 == "") problem($2 " is of class " $3 ", and nothing says why")
    others = count[$2] - 1
    shown = "shown" (others > 0 ? ", and " others " more" : "")
    print "| " $1 " | `" $2 "` | " $3 " | " $4 " | " (none ? $5 : shown ($5 != "" ? "; " $5 : "")) " |"
    total[$3]++
}
END {
    if (!beyond) problem("nothing beside the suite")
    exit bad
}
