# Writes a chart of each curve to the folder `out`, both axes logarithmic, and prints their names. After results.awk.

# The greatest of 1, 2 and 5 times a power of ten that is at most x, and the next one; where it would be too many, of the powers alone.
function mark_below(x,    step) {
    step = exp(int(log(x) / log(10) - (x < 1)) * log(10))
    if (step * 10 <= x * 1.000001) step *= 10
    if (coarse) return step
    return step * 5 <= x * 1.000001 ? step * 5 : step * 2 <= x * 1.000001 ? step * 2 : step
}
function mark_after(x) {
    if (coarse) return x * 10
    return substr(sprintf("%e", x * 1.000001), 1, 1) == 2 ? x * 2.5 : x * 2
}

function mark(x) { return x < 0.995 ? sprintf("%g", x) : thousands(sprintf("%.0f", x)) }

function across(x) { return left + (high_x > low_x ? log(x / low_x) / log(high_x / low_x) : 0.5) * (right - left) }
function down(y) { return bottom - log(y / low_y) / log(high_y / low_y) * (bottom - top) }

# Takes a figure into the range of the chart.
function include(value) {
    if (value <= 0) return
    if (low_y == 0 || value < low_y) low_y = value
    if (value > high_y) high_y = value
}

# The curve of what is measured; `shown`: its words at its end.
function draw(what, c, w, class, shown,    j, x, value, path, k, at_x, at_y) {
    path = ""
    for (j = 1; j <= x_count[c]; ++j) {
        x = xs[c, j]
        value = median(what, c, w, x)
        if (value <= 0) continue
        at_x = across(x)
        at_y = down(value)
        path = path sprintf("%s%.1f %.1f", path == "" ? "M" : "L", at_x, at_y)
        k = order(what, c, w, x)
        if (k > 1) printf "<path class=\"whisker\" d=\"M%.1f %.1fV%.1f\"/>\n", at_x, down(ordered[1] > 0 ? ordered[1] : value), down(ordered[k]) > file
        printf "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", class, at_x, at_y > file
        if (what != "ns" || kind[c] == "tail") continue
        judge(c, w, x)
        if (verdict == "miss") printf "<circle class=\"miss\" cx=\"%.1f\" cy=\"%.1f\" r=\"7\"/>\n", at_x, at_y > file
    }
    if (path == "") return
    printf "<path class=\"line %s\" d=\"%s\"/>\n", class, path > file
    if (shown != "") put_text(at_x + 10, at_y + 4, "plain", "start", shown)
}

# Where what is visited no longer fits the L2, between two points; 0: nowhere.
function leaves_l2(c, w,    j, x, set, before_x, before) {
    for (j = 1; j <= x_count[c]; ++j) {
        x = xs[c, j]
        set = median("set", c, w, x)
        if (set <= 0) continue
        if (set > l2) return before > 0 ? exp(log(before_x) + log(l2 / before) / log(set / before) * log(x / before_x)) : 0
        before_x = x
        before = set
    }
    return 0
}

function legend(at, class, words) {
    printf "<rect class=\"%s\" x=\"%d\" y=\"56\" width=\"12\" height=\"12\"/>\n", class, at > file
    put_text(at + 17, 66, "soft", "start", words)
    return at + 32 + 6.4 * length(words)
}

function chart(c,    j, m, q, x, w, value, at, words, end, beyond) {
    left = 82
    right = 690
    top = 84
    bottom = 384
    low_x = high_x = low_y = high_y = 0
    for (j = 1; j <= x_count[c]; ++j)
        for (m = 1; m <= count_count; ++m) {
            x = xs[c, j]
            w = counts[m]
            if (median("ns", c, w, x) <= 0) continue
            if (low_x == 0) low_x = x
            high_x = x
            for (q = 1; q <= quantities; ++q)
                if (quantity[q] != "list_ns" || m == 1) {
                    end = order(quantity[q], c, w, x)
                    if (end > 0) { include(ordered[1]); include(ordered[end]) }
                }
        }
    if (low_x == 0) return
    coarse = high_y > 10000 * low_y
    low_y = mark_below(low_y)
    end = mark_below(high_y)
    high_y = end < high_y * 0.9999 ? mark_after(end) : end
    if (high_y <= low_y) high_y = mark_after(low_y)
    file = out "/" c ".svg"
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 440\" width=\"760\" height=\"440\" role=\"img\" aria-label=\"%s\">\n", escaped(c ": " work[c]) > file
    print "<style>" > file
    print "text { font: 12px system-ui, sans-serif; fill: #1f2328 }" > file
    print ".title { font-size: 16px; font-weight: 600 } .soft { fill: #59636e }" > file
    print ".page { fill: #ffffff } .grid { stroke: #d1d9e0 } .whisker { stroke: #59636e } .mark { stroke: #59636e; stroke-dasharray: 4 4 }" > file
    print ".a1 { fill: #0969da; stroke: #0969da } .a2 { fill: #80b8f5; stroke: #80b8f5 } .b1 { fill: #6e7781; stroke: #6e7781 }" > file
    print ".line { fill: none; stroke-width: 2 } .miss { fill: none; stroke: #cf222e; stroke-width: 2 }" > file
    print "@media (prefers-color-scheme: dark) {" > file
    print "text { fill: #f0f6fc } .soft { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #3d444d } .whisker, .mark { stroke: #9198a1 }" > file
    print ".a1 { fill: #4493f8; stroke: #4493f8 } .a2 { fill: #1f5aa8; stroke: #1f5aa8 } .b1 { fill: #9198a1; stroke: #9198a1 } .line { fill: none } .miss { stroke: #f85149 }" > file
    print "}" > file
    print "</style>" > file
    print "<rect class=\"page\" width=\"760\" height=\"440\"/>" > file
    put_text(16, 26, "title", "start", c)
    put_text(16, 46, "soft", "start", work[c] "; lower is better")
    at = 16
    for (m = 1; m <= count_count; ++m)
        if (own_workers[c] == "" || own_workers[c] == counts[m]) at = legend(at, m > 1 ? "a2" : "a1", workers_of(counts[m]))
    if (kind[c] != "tail") {
        at = legend(at, "b1", "the bare list")
        printf "<circle class=\"miss\" cx=\"%d\" cy=\"62\" r=\"6\"/>\n", at + 6 > file
        put_text(at + 17, 66, "soft", "start", "more than it may be")
    }
    for (value = low_y; value <= high_y * 1.0001; value = mark_after(value)) {
        printf "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", left, down(value), right, down(value) > file
        put_text(left - 8, down(value) + 4, "soft", "end", mark(value))
    }
    for (j = 1; j <= x_count[c]; ++j) {
        x = xs[c, j]
        if (x + 0 < low_x + 0 || x + 0 > high_x + 0) continue
        printf "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", across(x), top, across(x), bottom > file
        put_text(across(x), bottom + 18, "soft", "middle", mark(x))
    }
    put_text((left + right) / 2, bottom + 42, "soft", "middle", xname[c] "; ns per " op[c])
    beyond = leaves_l2(c, counts[1])
    if (beyond > 0) {
        printf "<line class=\"mark\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", across(beyond), top, across(beyond), bottom > file
        put_text(across(beyond) + 5, top + 12, "soft", "start", "beyond the L2")
    }
    if (kind[c] != "tail") draw("list_ns", c, counts[1], "b1", "")
    for (m = count_count; m >= 1; --m)
        if (kind[c] != "tail") draw("ns", c, counts[m], m > 1 ? "a2" : "a1", "")
        else {
            draw("p50", c, counts[m], m > 1 ? "a2" : "a1", "p50")
            draw("p99", c, counts[m], m > 1 ? "a2" : "a1", "p99")
            draw("p999", c, counts[m], m > 1 ? "a2" : "a1", "p99.9")
        }
    print "</svg>" > file
    close(file)
    print c
}

END {
    if (broken) exit 1
    for (r = 1; r <= curve_count; ++r) {
        if (kind[curves[r]] == "tail") quantities = split("p50 p99 p999", quantity, " ")
        else quantities = split("ns list_ns", quantity, " ")
        chart(curves[r])
    }
}
