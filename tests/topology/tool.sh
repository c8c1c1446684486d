#!/bin/sh
# tool.sh PROGRAM: what bastion-topology prints, and what it refuses.
set -eu
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

prints() { # prints TEXT ARG...
    text=$1
    shift
    "$program" "$@" > "$work/out" || { echo "bastion-topology $*: failed" >&2 && exit 1; }
    grep -qF -- "$text" "$work/out" || { echo "bastion-topology $*: does not print: $text" >&2 && cat "$work/out" && exit 1; }
}
refuses() { # refuses TEXT ARG...
    text=$1
    shift
    if "$program" "$@" > "$work/out" 2> "$work/err"; then echo "bastion-topology $*: is not refused" >&2 && exit 1; fi
    [ ! -s "$work/out" ] || { echo "bastion-topology $*: prints, though it is refused" >&2 && exit 1; }
    grep -qF -- "$text" "$work/err" || { echo "bastion-topology $*: does not say: $text" >&2 && cat "$work/err" && exit 1; }
}

prints "worker   CPU"
prints "--spare-smt" --help
prints "2 packages, 2 NUMA nodes, 4 cores, 8 CPUs; it is only described" --machine "package:2 [numa] core:2 pu:2"
prints "     3     6     3     1     -         -  2 | 0 1" --machine "package:2 [numa] core:2 pu:2" --spare-smt
prints "<svg " --svg --machine "numa:2 core:1 pu:1"
prints "     1     3     3     1     -         -  0" --machine "numa:2 core:2 pu:1" --cpus 0-1,3 --workers-per-node 1
prints "     2     2     2     1     -         -  0 1" --machine "numa:2 core:2 pu:1" --cores-left-free 1
HWLOC_SYNTHETIC="numa:4 core:1 pu:1" prints "4 NUMA nodes, 4 cores, 4 CPUs; it is only described: nothing is pinned"

refuses "unknown option \"--what\"; see --help" --what
refuses "--workers needs a value" --workers
refuses "--workers needs a number from 1 on, not \"many\"" --workers many
refuses "--pinning: 5 workers, each on a CPU of its own: they may have 4 CPUs" --machine "core:4 pu:1" --workers 5 --pinning always
refuses "--cpus: there is no CPU 9: this process may use the CPUs 0-3" --machine "core:4 pu:1" --cpus 9
refuses "--cpus: \"3-1\" is no CPU and no range of them" --cpus 3-1
refuses "--cores-left-free: 4 cores left free of the 4 that workers may have" --machine "core:4 pu:1" --cores-left-free 4
refuses "--workers needs a number from 1 on" --workers 0
refuses "--pinning is never, automatic or always, not \"sometimes\"" --pinning sometimes
refuses "is no synthetic description of hwloc" --machine nonsense
