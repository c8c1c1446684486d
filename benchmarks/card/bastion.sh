#!/bin/sh
# Bastion as a system of the card (systems.txt): bastion-bench of the release preset, or the one that BASTION_BENCH names.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${BASTION_BENCH:-$root/build/release/benchmarks/bastion-bench}
cache=$root/build/release/CMakeCache.txt

of_cache() { sed -n "s/^$1:[A-Z]*=//p" "$cache" 2> /dev/null | head -n 1; }

case $1 in
build)
    if [ ! -x "$program" ]; then
        echo "$(basename "$program") is not built"
        exit 3
    fi
    ;;
about)
    sed -n "s/^project(Bastion VERSION \([0-9.]*\).*/\1/p" "$root/CMakeLists.txt"
    compiler=$(of_cache CMAKE_CXX_COMPILER)
    echo "$("${compiler:-c++}" --version | head -n 1) $(of_cache CMAKE_CXX_FLAGS_RELEASE)"
    ;;
rows) "$program" list | awk '{ print $1 }' ;;
run)
    shift 2
    exec "$program" "$@"
    ;;
*) exit 2 ;;
esac
