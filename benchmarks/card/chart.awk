# Writes a bar chart of each row to the folder `out`, and prints their names. After results.awk.

# The distance of the marks of an axis that ends at `most`: 1, 2 or 5 times a power of ten, four to eight marks.
function step_of(most,    step) {
    step = 1
    while (step * 8 < most) step *= 10
    while (step * 8 >= most * 10) step /= 10
    if (step / 5 * 8 >= most) step /= 5
    else if (step / 2 * 8 >= most) step /= 2
    return step
}

function mark(x) { return x == int(x) ? thousands(sprintf("%d", x)) : sprintf("%g", x) }

function chart(what, row, unit,    i, c, s, w, k, most, step, x, y, top, bottom, left, right, bar, gap, tall, value, them, words, rows_here, end, middle, low, high) {
    left = 118
    right = 640
    top = 78
    bar = 13
    gap = 12
    most = 0
    middle = 0
    rows_here = 0
    for (i = 1; i <= system_count; ++i) {
        s = systems[i]
        them = what == "idle_bytes" ? what : row_of(row, s)
        for (c = 1; c <= count_count; ++c) {
            k = order(them, s, counts[c])
            if (k > 0 && ordered[k] > most) most = ordered[k]
            if (k > 0 && median(them, s, counts[c]) > middle) middle = median(them, s, counts[c])
        }
        ++rows_here
    }
    if (most == 0) return 0
    # A single slow run is not to make all bars short: its line leaves the chart.
    if (most > 1.5 * middle) most = 1.5 * middle
    step = step_of(most)
    end = step * int(most / step + 0.999999)
    tall = count_count * (bar + 2) - 2
    bottom = top + rows_here * (tall + gap)
    file = out "/" what ".svg"
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 %d\" width=\"760\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n", \
        bottom + 52, bottom + 52, escaped(what ": " work[what == "idle_bytes" ? what : row]) > file
    print "<style>" > file
    print "text { font: 12px system-ui, sans-serif; fill: #1f2328 }" > file
    print ".title { font-size: 16px; font-weight: 600 } .soft { fill: #59636e } .first { font-weight: 600 }" > file
    print ".page { fill: #ffffff } .grid { stroke: #d1d9e0 } .whisker { stroke: #1f2328 }" > file
    print ".a1 { fill: #0969da } .a2 { fill: #80b8f5 } .b1 { fill: #6e7781 } .b2 { fill: #b8c0c8 }" > file
    print "@media (prefers-color-scheme: dark) {" > file
    print "text { fill: #f0f6fc } .soft { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #3d444d } .whisker { stroke: #f0f6fc }" > file
    print ".a1 { fill: #4493f8 } .a2 { fill: #1f5aa8 } .b1 { fill: #9198a1 } .b2 { fill: #565e67 }" > file
    print "}" > file
    print "</style>" > file
    printf "<rect class=\"page\" width=\"760\" height=\"%d\"/>\n", bottom + 52 > file
    put_text(16, 26, "title", "start", what)
    put_text(16, 46, "soft", "start", work[what == "idle_bytes" ? what : row] "; shorter is better")
    # Which bar is which.
    x = 16
    for (c = 1; c <= count_count; ++c) {
        printf "<rect class=\"b%d\" x=\"%d\" y=\"56\" width=\"12\" height=\"12\"/>\n", (c > 2 ? 2 : c), x > file
        words = counts[c] " worker" (counts[c] == 1 ? "" : "s")
        put_text(x + 17, 66, "soft", "start", words)
        x += 90
    }
    put_text(x, 66, "soft", "start", "line: fastest to slowest of the runs")
    for (value = 0; value <= end * 1.0001; value += step) {
        x = left + value / end * (right - left)
        printf "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x, top, x, bottom - gap / 2 > file
        put_text(x, bottom + 10, "soft", "middle", mark(value))
    }
    put_text((left + right) / 2, bottom + 34, "soft", "middle", unit)
    y = top + gap / 2
    for (i = 1; i <= system_count; ++i) {
        s = systems[i]
        them = what == "idle_bytes" ? what : row_of(row, s)
        put_text(left - 10, y + tall / 2 + 4, i == 1 ? "first" : "plain", "end", name[s])
        words = ""
        if (s in why_not) { words = why_not[s]; sub(/: .*/, "", words) }
        else if (!((what == "idle_bytes" ? row : them, s) in ran)) words = "no such row"
        if (words != "") put_text(left + 6, y + tall / 2 + 4, "soft", "start", words)
        else for (c = 1; c <= count_count; ++c) {
            w = counts[c]
            k = order(them, s, w)
            x = y + (c - 1) * (bar + 2)
            if (k == 0) {
                put_text(left + 6, x + bar - 2, "soft", "start", lost[them, s, w])
                continue
            }
            value = median(them, s, w)
            printf "<rect class=\"%s%d\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n", \
                (i == 1 ? "a" : "b"), (c > 2 ? 2 : c), left, x, value / end * (right - left), bar > file
            low = left + ordered[1] / end * (right - left)
            high = left + (k > 1 ? ordered[k] : value) / end * (right - left)
            if (k > 1)
                printf "<path class=\"whisker\" d=\"M%.1f %.1fv6M%.1f %.1fH%.1f%s\"/>\n", low, x + bar / 2 - 3, low, x + bar / 2, \
                    (high > right ? right : high), (high > right ? "" : sprintf("M%.1f %.1fv6", high, x + bar / 2 - 3)) > file
            if (high > right) high = right
            words = readable(value)
            if (k < processes) words = words " (" k " of " processes ")"
            put_text(high + 6, x + bar - 2, i == 1 ? "first" : "plain", "start", words)
        }
        y += tall + gap
    }
    print "</svg>" > file
    close(file)
    print what
    return 1
}

END {
    if (broken) exit 1
    for (r = 1; r <= row_count; ++r) {
        chart(rows[r], rows[r], "ns per " op[rows[r]])
        if (rows[r] == "idle") chart("idle_bytes", "idle", "bytes per process")
    }
}
