# Prints the results as Markdown. After results.awk.

# The figure of a system, with how many runs it is of where some are missing; or why there is none.
function cell(what, row, s, w,    k, text) {
    if (s in why_not) return "not run"
    k = samples[what, s, w] + 0
    if (k == 0) return lost[row, s, w] == "" ? "–" : lost[row, s, w]
    text = readable(median(what, s, w))
    if (k < processes) text = text " (" k " of " processes ")"
    return text
}

# How many times as long the other takes; in bold where it is ahead.
function ratio(what, beside_what, s, w,    mine, other, r) {
    mine = median(what, systems[1], w)
    other = median(beside_what, s, w)
    if (mine <= 0 || other <= 0) return ""
    r = other / mine
    ++compared
    if (r < 1) {
        behind[++behind_count] = "`" what "` with " workers_of(w) ": " name[s] " takes " sprintf("%.2f", r) " times as long"
        return " · **" sprintf("%.2f", r) "×**"
    }
    return " · " (r < 9.95 ? sprintf("%.1f", r) : sprintf("%.0f", r)) "×"
}

function summary_line(what, row, w, goal,    i, s, k, line, them) {
    s = systems[1]
    line = "| `" what "` | " w " | "
    k = order(what, s, w)
    if (k == 0) line = line cell(what, row, s, w) " | "
    else line = line "**" cell(what, row, s, w) "** (" readable(ordered[1]) "–" readable(ordered[k]) ") | "
    if (goal >= 0) {
        line = line readable(goal)
        if (k > 0) {
            ++goals
            if (median(what, s, w) <= goal * 1.0001) { ++goals_met; line = line " ✓" }
            else {
                line = line " ✗"
                missed[++missed_count] = "`" what "` with " workers_of(w) ": " readable(median(what, s, w)) " for " readable(goal)
            }
        }
    }
    line = line " |"
    for (i = 2; i <= system_count; ++i) {
        s = systems[i]
        if (s in why_not) continue
        them = what == "idle_bytes" ? what : beside[row]
        line = line " " cell(them, them == "idle_bytes" ? row : them, s, w) ratio(what, them, s, w) " |"
    }
    print line
}

function full_line(what, row, s, w,    k, i, line) {
    k = samples[what, s, w] + 0
    if (k == 0 && lost[row, s, w] == "") return
    line = "| `" what "` | " w " | " name[s] " |"
    for (i = 1; i <= k; ++i) line = line " " readable(sample[what, s, w, i])
    if (losses[row, s, w] > 0) line = line (k ? ", " : " ") losses[row, s, w] "× " lost[row, s, w]
    print line " | " (k ? readable(median(what, s, w)) : "–") " |"
}

function list(title, items, count,    i) {
    if (count == 0) return
    print ""
    print title
    print ""
    for (i = 1; i <= count; ++i) print "* " items[i]
}

END {
    if (broken) exit 1
    whole = processes >= 5
    for (i = 1; i <= rows_known; ++i) if (size[all_rows[i]] != card_n[all_rows[i]]) whole = 0
    if (!whole) {
        print "**A part of the card, or of a smaller size: for a look, not for a comparison.**"
        print ""
    }
    print "Commit " commit ", " day ". " (cpu == "" ? "" : cpu ", ") cores " core" (cores == 1 ? "" : "s") (os == "" ? "" : ", " os) ". " \
        (processes == 1 ? "One process" : processes " processes") " of each row and system, in turn."
    print ""
    print "| system | version | compiler |"
    print "|---|---|---|"
    for (i = 1; i <= system_count; ++i) {
        s = systems[i]
        print "| " name[s] " | " (s in why_not ? why_not[s] : version[s]) " | " compiler[s] " |"
    }
    print ""
    if (machines > 0) {
        print "The machine at the beginning and at the end:"
        print ""
        print "```text"
        for (i = 1; i <= machines; ++i) print machine_line[i]
        print "```"
        print ""
        printf "Targets are those of the card, times %.2f (`hop_ns` / 10.3, at least 1 and at most 1.5).\n", factor()
    } else print "The machine was not measured: targets are not scaled."
    print ""
    print "Nanoseconds per op: the median (fastest–slowest) of " name[systems[1]] ", its target, and the medians of the others with how many times as"
    print "long they take; bold: where one is ahead. `idle_bytes` is bytes per process. –: no such row."
    print ""
    line = "| row | workers | " name[systems[1]] " | target |"
    rule = "|---|---|---|---|"
    for (i = 2; i <= system_count; ++i) {
        if (systems[i] in why_not) continue
        line = line " " name[systems[i]] " |"
        rule = rule "---|"
    }
    print line
    print rule
    for (r = 1; r <= row_count; ++r) {
        for (c = 1; c <= count_count; ++c) summary_line(rows[r], rows[r], counts[c], target(rows[r], counts[c]))
        if (rows[r] == "idle")
            for (c = 1; c <= count_count; ++c)
                summary_line("idle_bytes", "idle", counts[c], counts[c] <= 2 ? 512 : -1)
    }
    if (compared > 0) {
        print ""
        printf "%s is ahead in %d of %d comparisons", name[systems[1]], compared - behind_count, compared
        if (goals > 0) printf ", and meets %d of %d targets", goals_met, goals
        print "."
    }
    list("Not ahead:", behind, behind_count)
    list("Targets that are missed:", missed, missed_count)
    list("Runs without a figure:", problems, problem_count)
    if (full == "") exit 0
    print ""
    print "<details><summary>Every run</summary>"
    print ""
    print "| row | workers | system | runs | median |"
    print "|---|---|---|---|---|"
    for (r = 1; r <= row_count; ++r)
        for (c = 1; c <= count_count; ++c)
            for (i = 1; i <= system_count; ++i) full_line(rows[r], rows[r], systems[i], counts[c])
    for (c = 1; c <= count_count; ++c)
        for (i = 1; i <= system_count; ++i) full_line("idle_bytes", "idle", systems[i], counts[c])
    print ""
    print "</details>"
}
