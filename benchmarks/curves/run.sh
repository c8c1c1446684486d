#!/bin/sh
# run.sh [OPTION...]: runs the scaling curves, and writes what each run has shown.
#   --out FOLDER        results.csv, table.md, charts and messages.txt (build/curves)
#   --processes N       so many runs of each point (5)
#   --curves "NAME..."  these curves only
#   --workers "N..."    (1 2)
#   --most X            no point beyond X
#   --part N            an N-th of the operations of each point, for a quick look
#   --l2 BYTES          of a core's second-level cache, where the system does not tell
#   --limit SECONDS     what a single run may take (300)
#   --tree NAME         the commit, as it is to be named
#   --program FILE      another bastion-curves than that of the release preset
#   --card FILE         other curves than curves.txt
#   --quick             two points of each curve, one process, a thousandth of the operations: whether it runs, not how fast
# All points have their first run, then all their second. A run that fails, takes too long or says something else than its figures is a record, too.
# Exit code 1: a run has no figures, or a point costs more than it may; a part of the operations shows nothing, and is not judged.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

out=build/curves
processes=5
only=""
workers="1 2"
most=0
part=1
l2=""
limit=300
tree=unknown
program=$root/build/release/benchmarks/bastion-curves
card=$here/curves.txt
quick=""

die() {
    echo "curves: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    if [ "$1" = --quick ]; then
        quick=yes
        part=1000
        processes=1
        shift
        continue
    fi
    [ $# -ge 2 ] || die "$1 needs a value, or is no option; the head of benchmarks/curves/run.sh lists them"
    case $1 in
    --out) out=$2 ;;
    --processes) processes=$2 ;;
    --curves) only=$2 ;;
    --workers) workers=$2 ;;
    --most) most=$2 ;;
    --part) part=$2 ;;
    --l2) l2=$2 ;;
    --limit) limit=$2 ;;
    --tree) tree=$2 ;;
    --program) program=$2 ;;
    --card) card=$2 ;;
    *) die "there is no option $1; the head of benchmarks/curves/run.sh lists them" ;;
    esac
    shift 2
done
[ -n "$workers" ] || die "no number of workers"
for number in "$processes" "$part" "$limit" $workers; do
    case $number in
    '' | *[!0-9]* | 0*) die "'$number' is no positive number" ;;
    esac
done
case $most in
'' | *[!0-9]*) die "'$most' is no number" ;;
esac
[ -x "$program" ] || die "$(basename "$program") is not built"

mkdir -p "$out"
results=$out/results.csv
messages=$out/messages.txt
: > "$messages"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# ---- the points: curve, x and numbers of workers, one a line

awk -F '|' -v only="$only" -v workers="$workers" -v most="$most" -v quick="$quick" '
    function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
    BEGIN {
        all = split(only, name, " ")
        for (i = 1; i <= all; ++i) wanted[name[i]] = 1
    }
    /^[ \t]*(#|$)/ { next }
    {
        curve = trim($1)
        if (all > 0 && !(curve in wanted)) next
        seen[curve] = 1
        some = trim($3) == "" ? workers : trim($3)
        k = split(trim($2), x, " ")
        for (i = 1; i <= k && !(quick != "" && i > 2); ++i)
            if (most + 0 == 0 || x[i] + 0 <= most + 0) print curve, x[i], some
    }
    END {
        for (i = 1; i <= all; ++i) if (!(name[i] in seen)) { print "curves: there is no curve " name[i] > "/dev/stderr"; exit 1 }
    }' "$card" > "$scratch/points" || die "see benchmarks/curves/curves.txt"
[ -s "$scratch/points" ] || die "no points"

# ---- records

plain() { tr ',"\n' ';  ' | sed 's/[[:space:]]*$//'; } # a field of a record

level_two() { # the bytes of the L2 of a core
    for cache in /sys/devices/system/cpu/cpu0/cache/index*; do
        if [ "$(cat "$cache/level" 2> /dev/null)" = 2 ]; then
            awk '{ n = $1 + 0; if ($1 ~ /K$/) n *= 1024; if ($1 ~ /M$/) n *= 1048576; print n }' "$cache/size" && return
        fi
    done
    getconf LEVEL2_CACHE_SIZE 2> /dev/null || echo 0
}

[ -n "$l2" ] || l2=$(level_two)
case $l2 in
'' | *[!0-9]* | 0*)
    [ "$part" -ne 1 ] || die "the size of the L2 is not known: --l2 says it"
    l2=1 # nothing is judged
    ;;
esac
cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2> /dev/null | head -n 1 | plain)
[ -n "$cpu" ] || cpu=$(uname -m)
cores=$(nproc 2> /dev/null || echo 1)
os=$(. /etc/os-release 2> /dev/null && echo "${PRETTY_NAME:-}" | plain) || os=""
day=$(date -u +%Y-%m-%d)
echo "curve,workers,x,process,part,outcome,ns,bytes,set,list_ns,p50,p99,p999,rss_mb,l2,cpu,cores,os,commit,date" > "$results"

# The figures of a run out of what it printed. Exit code 1: there is not one line with those of this run.
figures_of() { # figures_of FILE CURVE WORKERS X
    awk -v curve="$2" -v workers="$3" -v x="$4" '
        function positive(s) { return s ~ /^[0-9]+(\.[0-9]+)?$/ && s > 0 }
        $1 !~ /^curve=/ { next }
        {
            ++lines
            for (i = 1; i <= NF; ++i) {
                at = index($i, "=")
                said[substr($i, 1, at - 1)] = substr($i, at + 1)
            }
        }
        END {
            if (lines != 1 || said["curve"] != curve || said["workers"] != workers || said["x"] != x) exit 1
            if (!positive(said["ns"]) || !positive(said["list_ns"]) && !positive(said["p999"])) exit 1
            print said["ns"] "," said["bytes"] "," said["set"] "," said["list_ns"] "," said["p50"] "," said["p99"] "," \
                said["p999"] "," said["rss_mb"]
        }' "$1"
}

run_one() { # run_one CURVE X WORKERS PROCESS: a record; what it was, in $shown
    status=0
    started=$(date +%s)
    timeout --kill-after=5 "$limit" "$program" "$1" "$2" "$3" "$part" > "$scratch/out" 2> "$scratch/err" < /dev/null || status=$?
    about=$l2,$cpu,$cores,$os,$tree,$day
    if [ $status -eq 0 ] && found=$(figures_of "$scratch/out" "$1" "$3" "$2"); then
        shown="${found%%,*} ns"
        echo "$1,$3,$2,$4,$part,ok,$found,$about" >> "$results"
        return 0
    fi
    shown="exit code $status"
    if [ $status -eq 0 ]; then shown="no figures"; fi
    if [ $status -eq 124 ] || [ $status -eq 137 ]; then # of timeout, but also of what is killed
        if [ $(($(date +%s) - started)) -ge "$limit" ]; then shown="time-out"; fi
    fi
    echo "$1,$3,$2,$4,$part,$shown,,,,,,,,,$about" >> "$results"
    {
        echo "== $1 $2 $3: $shown"
        cat "$scratch/out" "$scratch/err"
    } >> "$messages"
    return 1
}

# ---- all of them

all=$(awk -v processes="$processes" '{ n += NF - 2 } END { print n * processes }' "$scratch/points")
done_runs=0
without=0
begin=$(date +%s)
process=1
while [ $process -le "$processes" ]; do
    while read -r curve x some <&3; do
        for count in $some; do
            done_runs=$((done_runs + 1))
            if [ -e "$scratch/slow.$curve.$x.$count" ]; then
                shown="not run after a time-out"
                echo "$curve,$count,$x,$process,$part,$shown,,,,,,,,,$l2,$cpu,$cores,$os,$tree,$day" >> "$results"
                without=$((without + 1))
            elif ! run_one "$curve" "$x" "$count" "$process"; then
                without=$((without + 1))
                if [ "$shown" = "time-out" ]; then : > "$scratch/slow.$curve.$x.$count"; fi
            fi
            printf '[%d/%d, %d s] %s %s, %s worker(s): %s\n' $done_runs "$all" $(($(date +%s) - begin)) "$curve" "$x" "$count" "$shown"
        done
    done 3< "$scratch/points"
    process=$((process + 1))
done

sh "$here/report.sh" table "$results" "$card" > "$out/table.md"
sh "$here/report.sh" charts "$results" "$card" "$out"
echo
cat "$out/table.md"
echo
echo "curves: $results, $out/table.md, $out/*.svg; what failed has said: $messages"
if [ $without -ne 0 ]; then
    echo "curves: $without runs have no figures" >&2
    exit 1
fi
[ "$part" -eq 1 ] || exit 0
sh "$here/report.sh" judge "$results" "$card" > /dev/null || exit 1
