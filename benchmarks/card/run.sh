#!/bin/sh
# run.sh [OPTION...]: runs the card for every system of systems.txt, and writes what each run has shown.
#   --out FOLDER        results.csv, table.md, charts/ and the programs (build/bench)
#   --processes N       so many runs of each row (5)
#   --rows "NAME..."    these rows only
#   --systems "ID..."   these systems only
#   --workers "N..."    (1 2)
#   --scale N           sizes of about an N-th, for a quick look
#   --limit SECONDS     what a single run may take (120)
#   --tree NAME         the commit, as it is to be named
#   --list FILE, --card FILE    other systems than systems.txt, other rows than rows.txt
# Runs alternate: the first run of a row of each system, then the next row, and so on; when all had theirs, the second. The machine
# is measured at the beginning and at the end. A run that fails, takes too long or says something else than its figure is a
# record, too, and named at the end. Exit code 1: the first system (Bastion) has runs without a figure.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

out=build/bench
processes=5
only_rows=""
only_systems=""
workers="1 2"
scale=1
limit=120
tree=unknown
list=$here/systems.txt
card=$here/rows.txt

die() {
    echo "bench: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || die "$1 needs a value, or is no option; the head of benchmarks/card/run.sh lists them"
    case $1 in
    --out) out=$2 ;;
    --processes) processes=$2 ;;
    --rows) only_rows=$2 ;;
    --systems) only_systems=$2 ;;
    --workers) workers=$2 ;;
    --scale) scale=$2 ;;
    --limit) limit=$2 ;;
    --tree) tree=$2 ;;
    --list) list=$2 ;;
    --card) card=$2 ;;
    *) die "there is no option $1; the head of benchmarks/card/run.sh lists them" ;;
    esac
    shift 2
done
for number in "$processes" "$scale" "$limit" $workers; do
    case $number in
    '' | *[!0-9]* | 0*) die "'$number' is no positive number" ;;
    esac
done

mkdir -p "$out/programs"
results=$out/results.csv
messages=$out/messages.txt
: > "$messages"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

among() { # among WORD LIST: an empty list holds every word
    [ -z "$2" ] && return 0
    case " $2 " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

# ---- the rows: name, N and op, one a line

awk -F '|' -v scale="$scale" '
    function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
    /^[ \t]*(#|$)/ { next }
    {
        n = trim($2)
        how = trim($3)
        if (how == "linear") { if (scale > 1) { n = int(n / scale); if (n < 10) n = 10 } }
        else if (how == "power") { for (k = 1; k < scale && n > 10; k *= 10) n = int(n / 10) }
        else if (how == "fib") { for (k = 1; k < scale && n > 10; k *= 1.618) --n }
        else { print "rows: " trim($1) " does not say how its N is made smaller" > "/dev/stderr"; exit 1 }
        print trim($1), n, trim($4)
    }' "$card" > "$scratch/all" || die "the rows cannot be read"
while read -r row n op; do
    if among "$row" "$only_rows"; then echo "$row $n $op"; fi
done < "$scratch/all" > "$scratch/rows"
for row in $only_rows; do
    grep -q "^$row " "$scratch/rows" || die "there is no row $row; there are: $(awk '{ print $1 }' "$scratch/all" | tr '\n' ' ')"
done
[ -s "$scratch/rows" ] || die "no rows"

# ---- records

plain() { tr ',"\n' ';  ' | sed 's/[[:space:]]*$//'; } # a field of a record

cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2> /dev/null | head -n 1 | plain)
[ -n "$cpu" ] || cpu=$(uname -m)
cores=$(nproc 2> /dev/null || echo 1)
os=$(. /etc/os-release 2> /dev/null && echo "${PRETTY_NAME:-}" | plain) || os=""
day=$(date -u +%Y-%m-%d)
header=system,name,version,compiler,cpu,cores,os,commit,date,row,workers,process,n,outcome,ns_per_op,rss_mb,more
echo "$header" > "$results"

record() { # record ID ROW WORKERS PROCESS N OUTCOME NS RSS MORE
    about=,,
    if [ -e "$scratch/about.$1" ]; then about=$(cat "$scratch/about.$1"); fi
    id=$1
    shift
    echo "$id,$about,$cpu,$cores,$os,$tree,$day,$1,$2,$3,$4,$5,$6,$7,$8" >> "$results"
}

# ---- the systems: what is there to run

first_system=""
while IFS='|' read -r id name script; do
    id=$(echo "$id" | tr -d ' \t')
    case $id in
    '' | '#'*) continue ;;
    esac
    among "$id" "$only_systems" || continue
    name=$(echo "$name" | sed 's/^ *//' | plain)
    script=$(echo "$script" | tr -d ' \t')
    case $script in
    /*) ;;
    *) script=$(dirname "$here")/$script ;;
    esac
    [ -n "$first_system" ] || first_system=$id
    status=0
    sh "$script" build "$out/programs/$id" > "$scratch/build" 2>&1 < /dev/null || status=$?
    if [ $status -eq 0 ]; then
        sh "$script" about "$out/programs/$id" > "$scratch/about" 2>> "$messages" < /dev/null || : > "$scratch/about"
        version=$(sed -n 1p "$scratch/about" | plain)
        compiler=$(sed -n 2p "$scratch/about" | plain)
        echo "$name,$version,$compiler" > "$scratch/about.$id"
        sh "$script" rows > "$scratch/rows.$id" < /dev/null || die "$id does not say which rows it has"
        echo "$id $script" >> "$scratch/systems"
        record "$id" "" "" "" "" ready "" "" ""
        echo "bench: $name ${version:-}"
        continue
    fi
    echo "$name,," > "$scratch/about.$id"
    outcome="build failed"
    why=$(grep . "$scratch/build" | tail -n 1 | plain)
    if [ $status -eq 3 ]; then
        outcome="not installed"
    else
        { echo "== build of $id" && cat "$scratch/build"; } >> "$messages"
    fi
    record "$id" "" "" "" "" "$outcome" "" "" "$why"
    echo "bench: $name: $outcome: $why"
done < "$list"
for id in $only_systems; do
    [ -e "$scratch/about.$id" ] || die "there is no system $id"
done
[ -s "$scratch/systems" ] || die "no system can be run"

# ---- a run

# The figure of a run out of what it printed: NS,RSS,MORE. Exit code 1: there is not one line with the figure of this run.
figure_of() { # figure_of FILE ROW WORKERS N
    awk -v row="$2" -v workers="$3" -v n="$4" '
        $1 !~ /^bench=/ { next }
        {
            ++lines
            for (i = 1; i <= NF; ++i) {
                at = index($i, "=")
                key = substr($i, 1, at - 1)
                value = substr($i, at + 1)
                if (key == "bench") right += value == row
                else if (key == "threads") right += value == workers
                else if (key == "n") right += value == n
                else if (key == "ns_per_op") { ns = value; right += value ~ /^[0-9]+(\.[0-9]+)?$/ && value > 0 }
                else if (key == "rss_mb") rss = value
                else more = more (more == "" ? "" : " ") $i
            }
        }
        END {
            gsub(/,/, ";", more)
            if (lines != 1 || right != 4) exit 1
            print ns "," rss "," more
        }' "$1"
}

run_one() { # run_one ID SCRIPT ROW WORKERS N PROCESS: a record; what it was, in $shown
    status=0
    started=$(date +%s)
    timeout --kill-after=5 "$limit" sh "$2" run "$out/programs/$1" "$3" "$4" "$5" \
        > "$scratch/out" 2> "$scratch/err" < /dev/null || status=$?
    if [ $status -eq 0 ] && found=$(figure_of "$scratch/out" "$3" "$4" "$5"); then
        shown=${found%%,*}
        rest=${found#*,}
        record "$1" "$3" "$4" "$6" "$5" ok "$shown" "${rest%%,*}" "${rest#*,}"
        return 0
    fi
    shown="exit code $status"
    if [ $status -eq 0 ]; then shown="no figure"; fi
    if [ $status -eq 124 ] || [ $status -eq 137 ]; then # of timeout, but also of what is killed
        if [ $(($(date +%s) - started)) -ge "$limit" ]; then shown="time-out"; fi
    fi
    record "$1" "$3" "$4" "$6" "$5" "$shown" "" "" "$(tail -n 1 "$scratch/err" | cut -c1-120 | plain)"
    {
        echo "== $1 $3 $4 $5: $shown"
        cat "$scratch/out" "$scratch/err"
    } >> "$messages"
    return 1
}

# What the machine charges: a record of the system "machine", as the first system says it.
measure_machine() { # measure_machine SCRIPT PROCESS
    n=$((10000000 / scale))
    status=0
    timeout --kill-after=5 "$limit" sh "$1" run "$out/programs/$first_system" machine 1 "$n" \
        > "$scratch/out" 2> "$scratch/err" < /dev/null || status=$?
    line=$(grep '^bench=machine .*hop_ns=[0-9]' "$scratch/out" | head -n 1) || line=""
    if [ $status -ne 0 ] || [ -z "$line" ]; then
        record machine machine 1 "$2" "$n" "exit code $status" "" "" ""
        echo "bench: the machine could not be measured: targets are not scaled"
        return 0
    fi
    load=$(cut -d ' ' -f 1 /proc/loadavg 2> /dev/null) || load=""
    hop=$(echo "$line" | sed 's/.*hop_ns=\([0-9.]*\).*/\1/')
    record machine machine 1 "$2" "$n" ok "$hop" "" "$(echo "$line" | sed 's/^bench=machine hop_ns=[0-9.]* *//') load=$load"
    echo "bench: $line load=$load"
}

# ---- all of them

all=0
while read -r id script; do
    for row in $(awk '{ print $1 }' "$scratch/rows"); do
        if grep -qx "$row" "$scratch/rows.$id"; then all=$((all + 1)); fi
    done
done < "$scratch/systems"
all=$((all * processes * $(echo "$workers" | wc -w)))

machine_script=$(awk -v id="$first_system" '$1 == id { print $2 }' "$scratch/systems")
[ -z "$machine_script" ] || measure_machine "$machine_script" 1
done_runs=0
without=0
first_without=0
begin=$(date +%s)
process=1
while [ $process -le "$processes" ]; do
    while read -r row n op <&3; do
        for count in $workers; do
            while read -r id script <&4; do
                grep -qx "$row" "$scratch/rows.$id" || continue
                done_runs=$((done_runs + 1))
                if [ -e "$scratch/slow.$id.$row.$count" ]; then
                    shown="not run after a time-out"
                    record "$id" "$row" "$count" "$process" "$n" "$shown" "" "" ""
                    good=1
                else
                    good=0
                    run_one "$id" "$script" "$row" "$count" "$n" "$process" || good=1
                    if [ "$shown" = "time-out" ]; then : > "$scratch/slow.$id.$row.$count"; fi
                fi
                if [ $good -ne 0 ]; then
                    without=$((without + 1))
                    [ "$id" != "$first_system" ] || first_without=$((first_without + 1))
                fi
                printf '[%d/%d, %d s] %s, %s worker(s), %s: %s\n' $done_runs $all $(($(date +%s) - begin)) \
                    "$row" "$count" "$id" "$shown"
            done 4< "$scratch/systems"
        done
    done 3< "$scratch/rows"
    process=$((process + 1))
done
[ -z "$machine_script" ] || measure_machine "$machine_script" 2

sh "$here/report.sh" table "$results" "$card" > "$out/table.md"
sh "$here/report.sh" charts "$results" "$card" "$out/charts"
echo
cat "$out/table.md"
echo
echo "bench: $results, $out/table.md, $out/charts/*.svg; what failed has said: $messages"
[ $without -eq 0 ] || echo "bench: $without runs have no figure"
if [ $first_without -ne 0 ] || [ -z "$machine_script" ]; then
    echo "bench: $first_system, which the others are compared with, has runs without a figure" >&2
    exit 1
fi
