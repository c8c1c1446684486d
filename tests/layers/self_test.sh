#!/bin/sh
# self_test.sh: check.sh must find each planted violation and accept a clean tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

tree() { # an accepted tree
    rm -rf "$scratch/t"
    mkdir -p "$scratch/t/include/bastion/base" "$scratch/t/include/bastion/process" "$scratch/t/src/topology"
    echo '#include <bastion/process/a.hpp>' > "$scratch/t/include/bastion/bastion.hpp"
    echo '#include <bastion/base/a.hpp>' > "$scratch/t/include/bastion/process/a.hpp"
    echo '#include <string>' > "$scratch/t/include/bastion/base/a.hpp"
    printf '#include <bastion/topology/m.hpp>\n#include <hwloc.h>\n' > "$scratch/t/src/topology/m.cpp"
}

tree
sh "$here/check.sh" "$scratch/t" || { echo "a clean tree is refused"; exit 1; }

status=0
plant() { # plant FILE LINE
    tree
    mkdir -p "$scratch/t/$(dirname "$1")"
    echo "$2" >> "$scratch/t/$1"
    if sh "$here/check.sh" "$scratch/t" > "$scratch/out"; then
        echo "not found: $2 in $1"
        status=1
    fi
}
plant include/bastion/base/a.hpp '#include <bastion/process/a.hpp>'
plant include/bastion/base/a.hpp '#include "../mailbox/x.hpp"'
plant include/bastion/process/a.hpp '#  include "bastion/runtime/runtime.hpp"'
plant src/executor/w.cpp '#include "process/internal.hpp"'
plant src/executor/w.cpp '#include <bastion/bastion.hpp>'
plant src/executor/w.cpp '#include <hwloc.h>'
plant include/bastion/topology/m.hpp '#include <hwloc.h>'
plant include/bastion/runtime/r.hpp '#include <fmt/format.h>'
plant include/bastion/runtime/r.hpp '#include <boost/context/fiber.hpp>'
plant include/bastion/other/r.hpp '#include <string>'
plant include/bastion/stray.hpp '#include <string>'
exit $status
