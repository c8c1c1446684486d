# What tables, charts and the judge share: the curves (variable `card`: curves.txt) and the records of results.csv.
# After this, in END:
#   curves[1..curve_count] that have records, work[c], op[c], xname[c], kind[c]
#   xs[c,1..x_count[c]], counts[1..count_count]: the numbers of workers
#   median(what, c, w, x) of what: ns, bytes, set, list_ns, p50, p99, p999; -1: none
#   judge(c, w, x): sets cost, list, fits, least, limit, by, verdict ("ok", "miss" or "") and falls

function order(what, c, w, x) { return order_of(what SUBSEP c SUBSEP w SUBSEP x) }
function median(what, c, w, x) { return median_of(what SUBSEP c SUBSEP w SUBSEP x) }

# 1.23, 12.3, 123, 1,234
function readable(x) {
    x += 0
    if (x < 9.995) return sprintf("%.2f", x)
    if (x < 99.95) return sprintf("%.1f", x)
    return thousands(sprintf("%.0f", x))
}

# 512 B, 64.0 KiB, 5.50 GiB
function readable_bytes(x) {
    if (x < 1024) return sprintf("%.0f B", x)
    if (x < 1048576) return sprintf("%.1f KiB", x / 1024)
    if (x < 1073741824) return sprintf("%.1f MiB", x / 1048576)
    return sprintf("%.2f GiB", x / 1073741824)
}

# What an operation is worth, in units of what is compared: beyond 64 bytes each 64 bytes of a message are one.
function units(c, x) { return kind[c] == "bytes" && x > 64 ? x / 64 : 1 }
function cost_of(c, w, x,    ns) {
    ns = median("ns", c, w, x)
    return ns < 0 ? -1 : ns / units(c, x)
}

function judge(c, w, x,    i, other) {
    verdict = ""
    falls = 0
    cost = cost_of(c, w, x)
    if (cost < 0 || kind[c] == "tail") return
    list = median("list_ns", c, w, x) / units(c, x)
    fits = median("set", c, w, x) <= l2
    least = cost
    for (i = 1; i <= x_count[c]; ++i) {
        other = cost_of(c, w, xs[c, i])
        if (other < 0) continue
        if (xs[c, i] + 0 < x + 0 && other < least) least = other
        if (kind[c] == "list" && xs[c, i] + 0 > x + 0 && cost > 2 * other) falls = 1
    }
    limit = 2 * least
    by = "least"
    if (!fits && list > least) {
        limit = 2 * list
        by = "list"
    }
    verdict = cost <= limit * 1.0001 ? "ok" : "miss"
}

BEGIN {
    FS = ","
    while ((getline line < card) > 0) {
        if (line ~ /^[ \t]*(#|$)/) continue
        split(line, field, "|")
        c = trim(field[1])
        all_curves[++curves_known] = c
        known[c] = 1
        x_count[c] = split(trim(field[2]), x, " ")
        for (i = 1; i <= x_count[c]; ++i) xs[c, i] = x[i]
        own_workers[c] = trim(field[3])
        kind[c] = trim(field[4])
        xname[c] = trim(field[5])
        op[c] = trim(field[6])
        work[c] = trim(field[7])
        if (kind[c] !~ /^(list|bytes|tail)$/) {
            print card ": " c " does not say how it is judged" > "/dev/stderr"
            broken = 1
        }
    }
    if (curves_known == 0) {
        print "no curves in " card > "/dev/stderr"
        broken = 1
    }
    if (broken) exit 1
}

FNR == 1 {
    if ($1 != "curve" || $20 != "date") {
        print FILENAME ": not the results of a run of the curves" > "/dev/stderr"
        broken = 1
        exit 1
    }
    next
}

{
    c = $1
    w = $2
    x_here = $3
    if (commit == "") { l2 = $15; cpu = $16; cores = $17; os = $18; commit = $19; day = $20 }
    if (!(c in known)) next
    seen_curve[c] = 1
    if (!(w in seen_count)) { seen_count[w] = 1; counts[++count_count] = w }
    if ($4 + 0 > processes) processes = $4 + 0
    if ($5 != 1) partial = 1
    ++runs[c, w, x_here]
    if ($6 == "ok") {
        for (i = 7; i <= 13; ++i)
            if ($i != "") {
                what = i == 7 ? "ns" : i == 8 ? "bytes" : i == 9 ? "set" : i == 10 ? "list_ns" : i == 11 ? "p50" : i == 12 ? "p99" : "p999"
                sample[what, c, w, x_here, ++samples[what, c, w, x_here]] = $i
            }
    } else {
        lost[c, w, x_here] = $6
        problems[++problem_count] = "`" c "` " x_here ", " workers_of(w) ", process " $4 ": " $6
    }
}

END {
    if (broken) exit 1
    for (i = 1; i <= curves_known; ++i)
        if (all_curves[i] in seen_curve) curves[++curve_count] = all_curves[i]
    # What is missing for the whole.
    for (i = 1; i <= curves_known; ++i)
        for (j = 1; j <= x_count[all_curves[i]]; ++j)
            for (k = 1; k <= 2; ++k) {
                c = all_curves[i]
                if (own_workers[c] != "" && own_workers[c] != k) continue
                if (!((c, k, xs[c, j]) in runs) || runs[c, k, xs[c, j]] < 5) missing[++missing_count] = c " " xs[c, j] " with " workers_of(k)
            }
    whole = missing_count == 0 && !partial
}
