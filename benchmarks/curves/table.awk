# Prints the results as Markdown. `charts`: where the charts lie, as seen from the page; empty: nowhere. After results.awk.

function list_of(title, items, count,    i) {
    if (count == 0) return
    print ""
    print title
    print ""
    for (i = 1; i <= count; ++i) print "* " items[i]
}

# The median, and the fastest and the slowest run.
function range(what, c, w, x,    k, text) {
    k = order(what, c, w, x)
    if (k == 0) return lost[c, w, x] == "" ? "–" : lost[c, w, x]
    text = readable(median(what, c, w, x))
    if (k > 1) text = text " (" readable(ordered[1]) "–" readable(ordered[k]) ")"
    if (k < runs[c, w, x]) text = text ", " k " of " runs[c, w, x]
    return text
}

function tail_line(c, w, x) {
    print "| " thousands(x) " | " w " | " range("ns", c, w, x) " | " range("p50", c, w, x) " | " range("p99", c, w, x) " | " range("p999", c, w, x) " |"
}

function line_of(c, w, x,    text) {
    judge(c, w, x)
    text = "| " thousands(x) " | " w " | " range("ns", c, w, x) " |"
    if (cost < 0) {
        print text (kind[c] == "bytes" ? " |" : "") " | | | |"
        return
    }
    if (kind[c] == "bytes") text = text " " readable(cost) " |"
    ++judged
    if (verdict == "ok") ++met
    else
        missed[++missed_count] = "`" c "` " thousands(x) " with " workers_of(w) ": " readable(cost) " for " readable(limit) ", " sprintf("%.1f", cost / limit) \
            " times as much as it may" (fits ? "" : "; the list takes " readable(list))
    if (falls)
        dear[++dear_count] = "`" c "` " thousands(x) " with " workers_of(w) ": " readable(cost)
    print text " " readable(list) " | " readable_bytes(median("set", c, w, x)) (fits ? "" : ", beyond the L2") " | " readable(limit) " (2 × " by ") | " \
        (verdict == "ok" ? "✓" : "✗") " |"
}

END {
    if (broken) exit 1
    if (!whole) {
        print "**A part of the points, of their operations or of five runs: for a look, not for a judgement.**"
        print ""
    }
    print "Commit " commit ", " day ". " (cpu == "" ? "" : cpu ", ") cores " core" (cores == 1 ? "" : "s") (os == "" ? "" : ", " os) ", L2 of " readable_bytes(l2) ". " \
        (processes == 1 ? "One process" : processes " processes") " of each point, in turn. Nanoseconds per op: the median (fastest–slowest)."
    for (r = 1; r <= curve_count; ++r) {
        c = curves[r]
        print ""
        print "### `" c "`"
        print ""
        print toupper(substr(work[c], 1, 1)) substr(work[c], 2) ". The op is " (op[c] ~ /^[aeiou]/ ? "an " : "a ") op[c] "."
        print ""
        if (charts != "") {
            print "![" c ": " work[c] "](" charts "/" c ".svg)"
            print ""
        }
        if (kind[c] == "tail") {
            print "| " xname[c] " | workers | mean | p50 | p99 | p99.9 |"
            print "|---|---|---|---|---|---|"
        } else {
            print "| " xname[c] " | workers | ns |" (kind[c] == "bytes" ? " each 64 bytes |" : "") " the list | visited in turn | at most | |"
            print "|---|---|---|" (kind[c] == "bytes" ? "---|" : "") "---|---|---|---|"
        }
        for (m = 1; m <= count_count; ++m)
            for (j = 1; j <= x_count[c]; ++j) {
                if (!((c, counts[m], xs[c, j]) in runs)) continue
                if (kind[c] == "tail") tail_line(c, counts[m], xs[c, j])
                else line_of(c, counts[m], xs[c, j])
            }
    }
    print ""
    print "### Judgement"
    print ""
    print met + 0 " of " judged + 0 " points cost no more than they may."
    list_of("Those that do:", missed, missed_count)
    list_of("More than twice as much as with a larger x, where few share a fixed cost; not counted above:", dear, dear_count)
    list_of("Runs without figures:", problems, problem_count)
}
