# What tables and charts share: the rows of the card (variable `card`: rows.txt) and the records of results.csv.
# After this, in END:
#   rows[1..row_count], op[row], wanted[row,w], beside[row], work[row], card_n[row]
#   systems[1..system_count] (the first is compared with the others), name[s], version[s], compiler[s], why_not[s]
#   counts[1..count_count]: the numbers of workers
#   sample[what,s,w,1..samples[what,s,w]] in order of their runs, of what: a row, or "idle_bytes"
#   lost[row,s,w]: what the runs without a figure were instead; problems[1..problem_count]

function order(what, s, w) { return order_of(what SUBSEP s SUBSEP w) }
function median(what, s, w) { return median_of(what SUBSEP s SUBSEP w) }

# 12.3, 123, 1,234
function readable(x) {
    x += 0
    if (x < 99.95) return sprintf("%.1f", x)
    return thousands(sprintf("%.0f", x))
}

# What a system has shown of what this row stands beside.
function row_of(row, s) { return s == systems[1] ? row : beside[row] }

# The factor of the targets, and the target of a row; -1: none.
function factor(    f) {
    if (machines == 0) return 1
    f = hop / machines / 10.3
    return f < 1 ? 1 : f > 1.5 ? 1.5 : f
}
function target(row, w,    t) {
    t = wanted[row, w]
    if (t == "") return -1
    if (t !~ /^throw\+/) return t * factor()
    if (machines == 0) return -1
    sub(/^throw\+/, "", t)
    return thrown / machines + t * factor()
}

BEGIN {
    FS = ","
    while ((getline line < card) > 0) {
        if (line ~ /^[ \t]*(#|$)/) continue
        split(line, field, "|")
        row = trim(field[1])
        known[row] = ++rows_known
        all_rows[rows_known] = row
        card_n[row] = trim(field[2])
        op[row] = trim(field[4])
        wanted[row, 1] = trim(field[5])
        wanted[row, 2] = trim(field[6])
        beside[row] = trim(field[7]) == "" ? row : trim(field[7])
        work[row] = trim(field[8])
    }
    if (rows_known == 0) {
        print "no rows in " card > "/dev/stderr"
        broken = 1
        exit 1
    }
}

FNR == 1 {
    if ($1 != "system" || $17 != "more") {
        print FILENAME ": not the results of a run of the card" > "/dev/stderr"
        broken = 1
        exit 1
    }
    next
}

{
    system_id = $1
    if (cpu == "") { cpu = $5; cores = $6; os = $7; commit = $8; day = $9 }
    if ($10 == "machine") {
        if ($14 == "ok") {
            ++machines
            hop += $15
            machine_line[machines] = "hop_ns=" $15 " " $17
            if (match($17, /throw_ns=[0-9.]+/)) thrown += substr($17, RSTART + 9, RLENGTH - 9)
        }
        next
    }
    if (!(system_id in name)) {
        systems[++system_count] = system_id
        name[system_id] = $2
        version[system_id] = $3
        compiler[system_id] = $4
    }
    if ($10 == "") {
        if ($14 != "ready") why_not[system_id] = $14 ($17 == "" ? "" : ": " $17)
        next
    }
    row = $10
    w = $11
    if (!(row in known)) next
    if (!(row in seen_row)) seen_row[row] = 1
    if (!(w in seen_count)) { seen_count[w] = 1; counts[++count_count] = w }
    if ($12 + 0 > processes) processes = $12 + 0
    size[row] = $13
    ran[row, system_id] = 1
    if ($14 == "ok") {
        sample[row, system_id, w, ++samples[row, system_id, w]] = $15
        if (match($17, /bytes_per_actor=[0-9.]+/))
            sample["idle_bytes", system_id, w, ++samples["idle_bytes", system_id, w]] = substr($17, RSTART + 16, RLENGTH - 16)
    } else {
        ++losses[row, system_id, w]
        if (index(lost[row, system_id, w], $14) == 0) lost[row, system_id, w] = lost[row, system_id, w] (lost[row, system_id, w] == "" ? "" : ", ") $14
        problems[++problem_count] = name[system_id] ", `" row "`, " w " worker" (w == 1 ? "" : "s") ", process " $12 ": " $14 ($17 == "" ? "" : " (" $17 ")")
    }
}

END {
    if (broken) exit 1
    for (i = 1; i <= rows_known; ++i)
        if (all_rows[i] in seen_row) rows[++row_count] = all_rows[i]
    if (row_count > 0 && system_count == 0) exit 1
    # Bytes are no times: their target is not scaled.
    op["idle_bytes"] = "process"
    beside["idle_bytes"] = "idle_bytes"
    work["idle_bytes"] = "live memory of each process that waits"
}
