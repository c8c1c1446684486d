# Exit code 1, and why on standard error: the results are not of a whole run. After results.awk.

END {
    if (broken) exit 1
    if (whole) exit 0
    print "not a whole run: " (partial ? "a part of the operations" : missing_count " points, such as " missing[1]) > "/dev/stderr"
    exit 1
}
