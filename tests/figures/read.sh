#!/bin/sh
# read.sh NAME LOG: what a run of `./dev NAME` has shown, as lines "NAME.figure value", out of its output. First which tree it
# was, and when: a run that does not say so leaves no figures.
set -eu
awk -v name="$1" '
    /^== of commit .*, [0-9]+-[0-9]+-[0-9]+$/ {
        sub(/^== of commit /, "")
        printf "%s.commit %s\n%s.date %s\n", name, substr($0, 1, length($0) - 12), name, $NF
        found = 1
        exit
    }
    END { exit !found }' "$2"
case $1 in
seeds) # one report for each share
    awk '
        / seeds, each twice, / { seeds += $1; steps += $5; next }
        /^==/ { next }
        /^[a-z].*: [0-9]+$/ {
            n = $NF
            sub(/: [0-9]+$/, "")
            if (!($0 in count)) order[++rows] = $0
            count[$0] += n
        }
        END {
            if (seeds == 0) exit 1
            printf "seeds.count %d\nseeds.steps %.0f\n", seeds, steps
            printf "seeds.failed %.0f\n", count["failed allocations"]
            for (i = 1; i <= rows; ++i) printf "seeds.table %s: %.0f\n", order[i], count[order[i]]
        }' "$2"
    ;;
model)
    awk '
        / interleavings of / { ++programs; all += $1; if ($4 + 0 > most) most = $4 + 0 }
        / interleavings and late reads / { all += $1 }
        /^[0-9]+ weakenings: / { tried = $1; caught = $3 }
        END {
            if (programs == 0 || tried == 0) exit 1
            printf "model.programs %d\nmodel.interleavings %.0f\nmodel.preemptions %d\n", programs, all, most
            printf "model.weakenings %d\nmodel.caught %d\n", tried, caught
        }' "$2"
    ;;
planted)
    awk '/ planted bugs are caught$/ { printf "planted.caught %d\nplanted.bugs %d\n", $1, $3; found = 1 } END { exit !found }' "$2"
    ;;
soak)
    awk '
        /^round [0-9]+: / { messages += $3; questions += $5; panics += $7; processes += $9 }
        /^soaked / { minutes = $2 }
        /^slowest answer of a supervisor: / { slowest = $6 }
        /^resident: / { second = $4; last = $8; growth = substr($10, 2) }
        END {
            if (minutes == 0) exit 1
            printf "soak.minutes %d\nsoak.messages %.0f\nsoak.questions %.0f\nsoak.panics %.0f\nsoak.processes %.0f\n",
                minutes, messages, questions, panics, processes
            printf "soak.slowest %s ms\n", slowest
            printf "soak.second %s MB\nsoak.last %s MB\nsoak.growth %s %%\n", second, last, growth
        }' "$2"
    ;;
faults)
    awk '
        / spawned = exited \+ alive / { processes += $(NF - 5) }
        /^injected / { count = $2 }
        END { if (count == 0) exit 1; printf "faults.count %.0f\nfaults.processes %.0f\n", count, processes }' "$2"
    ;;
fuzz)
    awk '/^Done [0-9]+ runs in/ { runs += $2 } END { if (runs == 0) exit 1; printf "fuzz.runs %.0f\n", runs }' "$2"
    ;;
arm) # of CTest
    awk '/^100% tests passed, 0 tests failed out of [0-9]+/ { printf "arm.passed %d\n", $NF; found = 1 } END { exit !found }' "$2"
    ;;
*)
    echo "read.sh: no figures are known of '$1'" >&2
    exit 2
    ;;
esac
