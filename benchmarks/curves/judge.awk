# Prints the points that cost more than they may. Exit code 1: there are some, or runs without figures. After results.awk.

END {
    if (broken) exit 1
    for (r = 1; r <= curve_count; ++r) {
        c = curves[r]
        for (m = 1; m <= count_count; ++m)
            for (j = 1; j <= x_count[c]; ++j) {
                judge(c, counts[m], xs[c, j])
                if (verdict != "miss") continue
                print c " " xs[c, j] ", " workers_of(counts[m]) ": " readable(cost) " ns, at most " readable(limit) " (twice the " by ")"
                bad = 1
            }
    }
    for (i = 1; i <= problem_count; ++i) print problems[i]
    exit bad || problem_count > 0
}
