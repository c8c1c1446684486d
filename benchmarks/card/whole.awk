# Exit code 1, and why on standard error: the results are not of the whole card. After results.awk.

END {
    if (broken) exit 1
    why = ""
    for (i = 1; i <= rows_known; ++i) {
        row = all_rows[i]
        if (size[row] != card_n[row]) why = why " " row " (N)"
        else for (w = 1; w <= 2; ++w)
            if (samples[row, systems[1], w] + losses[row, systems[1], w] < 5) why = why " " row " (runs)"
    }
    if (machines < 2) why = why " machine"
    if (why == "") exit 0
    print "not the whole card:" why > "/dev/stderr"
    exit 1
}
