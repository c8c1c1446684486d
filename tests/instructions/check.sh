#!/bin/sh
# check.sh PROGRAM RECORD ROW [RUNS]: counts the instructions of one operation of a row of bastion-bench, and compares with what RECORD says
# of it last. More than 3 % either way fails: then either something has become slower by mistake, or it is a change that has its reason, and
# RECORD gets a line of it. With RUNS it is counted so often, and each count must be the same, within half an instruction.
set -eu
program=$1
record=$2
row=$3
runs=${4:-1}

recorded=$(awk -F ' *[|] *' -v row="$row" '!/^#/ && $2 == row { n = $3 } END { print n }' "$record")
[ -n "$recorded" ] || {
    echo "check.sh: $record says nothing of $row" >&2
    exit 1
}
counts=""
i=0
while [ $i -lt "$runs" ]; do
    counts="$counts $(sh "$(dirname "$0")/count.sh" "$program" "$row")"
    i=$((i + 1))
done
echo "$counts" | tr ' ' '\n' | sed '/^$/d' | awk -v row="$row" -v recorded="$recorded" -v record="$record" '
    NR == 1 || $1 < least { least = $1 }
    NR == 1 || $1 > most { most = $1 }
    { sum += $1 }
    END {
        if (NR == 0) {
            printf "%s: nothing was counted\n", row
            exit 1
        }
        count = sum / NR
        part = 100 * (count - recorded) / recorded
        printf "%s: %.0f instructions, recorded %d (%+.1f %%)", row, count, recorded, part
        if (NR > 1) printf ", %d counts from %.2f to %.2f", NR, least, most
        printf "\n"
        if (most - least >= 0.5) {
            printf "%s: not the same each time\n", row
            exit 1
        }
        if (part <= 3 && part >= -3) exit 0
        printf "%s: more than 3 %% away. If that is meant, add a line with the reason to %s\n", row, record
        exit 1
    }'
