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
prints "     3     6     3     1     -      no  2 | 0 1" --machine "package:2 [numa] core:2 pu:2" --spare-smt
prints "<svg " --svg --machine "numa:2 core:1 pu:1"
prints "     1     3     3     1     -      no  0" --machine "numa:2 core:2 pu:1" --cpus 0-1,3 --per-node 1
prints "     2     2     2     1     -      no  0 1" --machine "numa:2 core:2 pu:1" --leave-free 1
HWLOC_SYNTHETIC="numa:4 core:1 pu:1" prints "4 NUMA nodes, 4 cores, 4 CPUs; it is only described: nothing is pinned"

refuses "unknown option \"--what\"; see --help" --what
refuses "--workers needs a value" --workers
refuses "--workers needs a number, not \"many\"" --workers many
refuses "5 workers, each on a CPU of its own: they may have 4 CPUs" --machine "core:4 pu:1" --workers 5 --pin always
refuses "a worker on CPU 9: this process may use the CPUs 0-3" --machine "core:4 pu:1" --cpus 9
refuses "\"3-1\" is no range" --cpus 3-1
refuses "--pin is never or always" --pin sometimes
refuses "is no synthetic description of hwloc" --machine nonsense
