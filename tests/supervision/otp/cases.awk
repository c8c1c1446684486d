# The page of OTP's cases: first file what the tests' run has written (Catch2's XML), second cases.txt.
function problem(what) { print "otp: " what > "/dev/stderr"; bad = 1 }
FNR == NR {
    if (match($0, /<TestCase name="[^"]*"/)) {
        test = substr($0, RSTART + 16, RLENGTH - 17)
        name = test
        sub(/:.*/, "", name)
        if (test == name) exact[name] = 1
        count[name]++
    }
    if ($0 ~ /<OverallResult success="false"/) problem("the test \"" test "\" has failed")
    next
}
FNR == 1 {
    print "# OTP's own tests of supervisors, here\n"
    print "The 93 cases of Erlang/OTP's `supervisor_SUITE`, and what becomes of them. Each has a test of the same name in `tests/supervision/otp/`, which asserts"
    print "what the case asserts. P: as it is. A: with other means, said above the test. N: it is about something that is not here. This page is made from a run of"
    print "the tests; `./dev test` fails when a case has no test that passes, or when this page says something else.\n"
    print "| # | case | class | what it is about | here |\n|---|---|---|---|---|"
    FS = " *[|] *"
    $0 = $0
}
/^#/ { next }
{
    if ($5 != "" && exact[$2]) problem($2 " has a test, and is said to have none")
    if ($5 == "" && !exact[$2]) problem($2 " has no test that passed")
    others = count[$2] - 1
    print "| " $1 " | `" $2 "` | " $3 " | " $4 " | " ($5 != "" ? $5 : "shown" (others > 0 ? ", and " others " more" : "")) " |"
    total[$3]++
}
END {
    print "\n" total["P"] " P, " total["A"] " A, " total["N"] " N."
    exit bad
}
