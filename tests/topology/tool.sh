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
prints_no() { # prints_no TEXT ARG...
    text=$1
    shift
    "$program" "$@" > "$work/out" || { echo "bastion-topology $*: failed" >&2 && exit 1; }
    ! grep -qF -- "$text" "$work/out" || { echo "bastion-topology $*: prints: $text" >&2 && cat "$work/out" && exit 1; }
}
with() ( # with NAME=VALUE... COMMAND ARG...
    while case $1 in *=*) true ;; *) false ;; esac do
        export "${1?}"
        shift
    done
    "$@"
)
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
prints ">not bound<" --svg --machine "numa:2 core:1 pu:1"
prints ">1 2 3<" --svg --machine "core:4 pu:1"
if command -v xmllint > /dev/null; then
    for machine in "pu:1" "package:2 [numa] [numa] core:2 pu:2"; do
        "$program" --svg --machine "$machine" | xmllint --noout - || { echo "bastion-topology --svg: no XML" >&2 && exit 1; }
    done
fi
prints "     1     3     3     1     -         -  0" --machine "numa:2 core:2 pu:1" --cpus 0-1,3 --workers-per-node 1
prints "     2     2     2     1     -         -  0 1" --machine "numa:2 core:2 pu:1" --cores-left-free 1
# What hwloc is told by the environment.
machine="numa:4 core:1 pu:1"
only_described="4 NUMA nodes, 4 cores, 4 CPUs; it is only described: nothing is pinned"
with HWLOC_SYNTHETIC="$machine" prints "$only_described"
with HWLOC_SYNTHETIC="$machine" prints "     3     3     3     3     -         -  0 1 2"
with HWLOC_SYNTHETIC="$machine" HWLOC_THISSYSTEM=1 prints "$only_described"
with HWLOC_SYNTHETIC="$machine" HWLOC_THISSYSTEM=1 prints "     3     3     3     3     -         -  0 1 2"
with HWLOC_SYNTHETIC="$machine" prints_no "warning"
unread="is no description that hwloc reads: this machine is used"
with HWLOC_SYNTHETIC=nonsense prints "warning: HWLOC_SYNTHETIC=nonsense $unread"
with HWLOC_SYNTHETIC=nonsense prints_no "only described"
with HWLOC_SYNTHETIC=nonsense HWLOC_THISSYSTEM=1 prints "warning: HWLOC_SYNTHETIC=nonsense $unread"
with HWLOC_SYNTHETIC= prints_no "warning"
with HWLOC_XMLFILE="$work/none" prints "warning: HWLOC_XMLFILE=$work/none $unread"
with HWLOC_XMLFILE="$work/none" HWLOC_THISSYSTEM=1 prints "warning: HWLOC_XMLFILE=$work/none $unread"
echo nonsense > "$work/nonsense.xml"
with HWLOC_XMLFILE="$work/nonsense.xml" prints "warning: hwloc cannot read HWLOC_XMLFILE=$work/nonsense.xml: this machine is taken for one node of "
cat > "$work/one.xml" << 'END'
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0x1" complete_cpuset="0x1" allowed_cpuset="0x1" nodeset="0x1"
      complete_nodeset="0x1" allowed_nodeset="0x1" gp_index="1">
    <object type="NUMANode" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1"
        gp_index="2" local_memory="1073741824"/>
    <object type="PU" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1" gp_index="3"/>
  </object>
</topology>
END
with HWLOC_XMLFILE="$work/one.xml" prints "1 CPU; it is only described: nothing is pinned"
with HWLOC_XMLFILE="$work/one.xml" prints_no "warning"
if "$program" | grep -q "^     0     0 "; then # its CPU is one that this process may use
    with HWLOC_XMLFILE="$work/one.xml" HWLOC_THISSYSTEM=1 prints "node 0: memory 1.0 GiB"
    with HWLOC_XMLFILE="$work/one.xml" HWLOC_THISSYSTEM=1 prints_no "warning"
fi
with HWLOC_XMLFILE="$work/one.xml" HWLOC_SYNTHETIC=nonsense prints "warning: HWLOC_SYNTHETIC=nonsense is no description that hwloc reads: another machine is used"

# What hwloc cannot read is one node, and each CPU a core of its own.
counted() { if [ "$1" -eq 1 ]; then echo "$1 $2"; else echo "$1 $2s"; fi; }
cpus=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
guessed="warning: hwloc cannot read this machine: it is taken for one node of $(counted "$cpus" CPU), and what they share is not known"
one_node="machine: 1 package, 1 NUMA node, $(counted "$cpus" core), $(counted "$cpus" CPU)"
with HWLOC_COMPONENTS=stop prints "$guessed"
with HWLOC_COMPONENTS=stop prints "$one_node"
with HWLOC_COMPONENTS=stop prints "node 0: memory unknown; CPUs "
# Without /sys, too, where hwloc makes up something.
without_sys() { unshare "$1" sh -c 'mount -t tmpfs none /sys && exec "$@"' sh "$program"; }
if without_sys -m > "$work/out" 2> "$work/err" || without_sys -rm > "$work/out" 2> "$work/err"; then
    for text in "$guessed" "$one_node"; do
        grep -qxF -- "$text" "$work/out" || { echo "without /sys it is not printed: $text" >&2 && cat "$work/out" && exit 1; }
    done
else echo "not tested, for /sys cannot be hidden here: $(cat "$work/err")"; fi

# What the environment tells a runtime; options have the last word.
with BASTION_MACHINE="core:4 pu:2" BASTION_WORKERS=1 prints "4 cores, 8 CPUs; it is only described"
with BASTION_MACHINE="core:4 pu:2" BASTION_WORKERS=1 prints_no "     1     "
with BASTION_MACHINE="core:4 pu:2" BASTION_SPARE_SMT=1 prints "     3     6     3     0     -         -  0 1 2"
with BASTION_MACHINE="core:4 pu:2" BASTION_SPARE_SMT=0 prints "     7     7     3     0     -         -  6 | 0 1 2 3 4 5"
with BASTION_MACHINE="core:4 pu:1" BASTION_CPUS=1-2 BASTION_CORES_LEFT_FREE=1 prints "     0     1     1     0     -         -  "
with BASTION_MACHINE="numa:2 core:4 pu:1" BASTION_WORKERS_PER_NODE=1 prints "     1     4     4     1     -         -  0"
with BASTION_MACHINE="numa:2 core:4 pu:1" BASTION_WORKERS_PER_NODE=1 prints "     2     2     2     0     -         -  0 1" --workers 3
with BASTION_MACHINE="numa:2 core:4 pu:1" BASTION_WORKERS=1 prints "     1     4     4     1     -         -  0" --workers-per-node 1
with BASTION_MACHINE="core:4 pu:2" BASTION_CPUS=0-1 prints "     0     5     5     1     -         -  1" --machine "numa:2 core:4 pu:1" --cpus 5-6
with BASTION_CORES_LEFT_FREE=3 prints "     3     3     3     0     -         -  0 1 2" --machine "core:4 pu:1" --cores-left-free 0
with BASTION_PINNING=never prints "     0     "
with BASTION_PINNING=never prints "         -  "
with BASTION_SEED=7 prints "worker   CPU"
with BASTION_CPUS=3-1 prints "--spare-smt" --help
with BASTION_CPUS=3-1 refuses "bastion: BASTION_CPUS=3-1: \"3-1\" is no CPU and no range of them"
with BASTION_WORKERS=0 refuses "bastion: BASTION_WORKERS=0: expected a number from 1 to 1024"
with BASTION_MACHINE=nonsense refuses "is no synthetic description of hwloc"
with BASTION_WORKER=2 refuses "bastion: unknown environment variable BASTION_WORKER"
with BASTION_PINNING=always refuses "--pinning: 5 workers" --machine "core:4 pu:1" --workers 5

prints "     3     3     3     0     -         -  0 1 2" --machine "core:4 pu:1" --cores-left-free 0
refuses "a number of workers, and a number for each node: say one of them" --workers 1 --workers-per-node 1
refuses "--cores-left-free needs a number from 0 on, not \"-1\"" --cores-left-free -1
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
