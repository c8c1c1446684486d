#!/bin/sh
# run.sh FOLDER NODES [WORD...]: boots FOLDER/vmlinuz with FOLDER/initramfs on a machine of so many NUMA nodes, and shows the checks
# of the program in it as they come, then one line about all. The words are for the program (see guest.cpp). What the guest wrote is
# kept in FOLDER/NODES-nodes. NUMA_SECONDS: it is ended after so many (300).
set -eu
folder=$1
nodes=$2
shift 2
seconds=${NUMA_SECONDS:-300}
emulator=qemu-system-x86_64
kept=$folder/$nodes-nodes

# The machine: 8 CPUs, each node a package of its own, the cores of two CPUs where there is room for that; 2 GiB in all.
case $nodes in
1 | 2 | 4) threads=2 ;;
8) threads=1 ;;
*)
    echo "numa: a guest has 1, 2, 4 or 8 nodes, not $nodes" >&2
    exit 2
    ;;
esac
cpus=$((8 / nodes))
memory=$((2048 / nodes))

set -- -kernel "$folder/vmlinuz" -initrd "$folder/initramfs" \
    -append "console=ttyS0 rdinit=/init panic=-1 mitigations=off numa_balancing=disable -- $nodes $*"
# Several threads: workers are to run at once, as they do on a real machine.
set -- "$@" -accel tcg,thread=multi -cpu Nehalem -m 2048M -smp "8,sockets=$nodes,cores=$((cpus / threads)),threads=$threads"
node=0
while [ $node -lt "$nodes" ]; do
    set -- "$@" -object "memory-backend-ram,id=memory$node,size=${memory}M" \
        -numa "node,nodeid=$node,memdev=memory$node,cpus=$((node * cpus))-$((node * cpus + cpus - 1))"
    node=$((node + 1))
done
# They stand in a ring: the neighbours are at 21, the others farther, and none where a kernel would put it that was told nothing.
from=0
while [ $from -lt "$nodes" ]; do
    to=0
    while [ $to -lt "$nodes" ]; do
        apart=$((from < to ? to - from : from - to))
        [ $apart -le $((nodes / 2)) ] || apart=$((nodes - apart))
        [ $apart -eq 0 ] || set -- "$@" -numa "dist,src=$from,dst=$to,val=$((11 + 10 * apart))"
        to=$((to + 1))
    done
    from=$((from + 1))
done

rm -rf "$kept"
mkdir -p "$kept"
: > "$kept/console.log"
: > "$kept/report.log"
start=$(date +%s)
if command -v "$emulator" > /dev/null; then
    {
        status=0
        timeout --foreground -k 5 "$seconds" "$emulator" -nodefaults -no-user-config -no-reboot -display none -monitor none \
            -serial "file:$kept/console.log" -serial stdio "$@" < /dev/null 2> "$kept/emulator.log" || status=$?
        echo $status > "$kept/status"
    } | sed -u 's/\r$//' | tee "$kept/report.log" | grep --line-buffered -v '^guest: ' || true
    status=$(cat "$kept/status")
else
    status=127
fi
took=$(($(date +%s) - start))

# ---- what became of it

report=$kept/report.log
passed=$(grep -c '^ok ' "$report") || true
failed=$(grep -c '^FAILED ' "$report") || true
promised=$(sed -n 's/^guest: \([0-9]*\) checks$/\1/p' "$report")
ended=$(sed -n 's/^guest: ended with \([0-9]*\)$/\1/p' "$report")

if [ "$status" -eq 127 ]; then
    wrong="$emulator is missing (Debian's package qemu-system-x86)"
elif [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    wrong="it was still running, and was killed; $passed checks had passed"
elif [ "$status" -ne 0 ]; then
    wrong="the emulator ended with exit code $status: $(head -n 1 "$kept/emulator.log")"
elif [ -z "$ended" ]; then
    wrong="the guest has not reported how its program ended; $passed checks had passed"
elif [ "$failed" -gt 0 ]; then
    wrong="$failed of $((passed + failed)) checks"
elif [ "$ended" -gt 128 ]; then
    wrong="the program was ended by signal $((ended - 128)); $passed checks had passed"
elif [ "$ended" -ne 0 ]; then
    wrong="the program ended with exit code $ended; $passed checks had passed"
elif [ "$passed" -eq 0 ] || [ "$passed" != "$promised" ]; then
    wrong="$passed checks have passed, of ${promised:-an unknown number}"
else
    echo "numa $nodes nodes: $passed checks passed in $took s"
    exit 0
fi
if [ -s "$kept/console.log" ]; then
    echo "the last lines of the guest's console (all: $kept/console.log):"
    tail -n 15 "$kept/console.log" | sed 's/\r$//; s/^/    /'
fi
echo "numa $nodes nodes: FAILED after $took s: $wrong"
exit 1
