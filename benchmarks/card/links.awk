# Prints what shows the charts in a page. After results.awk. `charts`: their folder as seen from the page.

function show(what, row) { print "\n![" what ": " work[row == what ? row : what] "](" charts "/" what ".svg)" }

END {
    if (broken) exit 1
    print "### Charts"
    print ""
    print "One for each row: the medians, with a line from the fastest to the slowest run. Bars of different charts have different scales."
    for (r = 1; r <= row_count; ++r) {
        show(rows[r], rows[r])
        if (rows[r] == "idle") show("idle_bytes", "idle")
    }
}
