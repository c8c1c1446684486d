#!/bin/sh
# CAF as a system of the card: benchmarks/card/systems.txt says what the commands are. Without CARD_CAF_PREFIX the one of the
# machine (Debian's libcaf-dev is 0.17), with it the one that was installed there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command=$1
folder=${2:-}
compiler=${CXX:-g++}
flags="-O3 -DNDEBUG"
case $command in
build)
    command -v "$compiler" > /dev/null || { echo "no $compiler" && exit 3; }
    mkdir -p "$folder"
    if [ -n "${CARD_CAF_PREFIX:-}" ]; then
        [ -e "$CARD_CAF_PREFIX/include/caf/all.hpp" ] || { echo "no include/caf/all.hpp in the prefix" && exit 3; }
        set -- -isystem "$CARD_CAF_PREFIX/include"
        for libraries in "$CARD_CAF_PREFIX"/lib "$CARD_CAF_PREFIX"/lib64 "$CARD_CAF_PREFIX"/lib/*-linux-gnu*; do
            if [ -d "$libraries" ]; then set -- "$@" "-L$libraries" "-Wl,-rpath,$libraries"; fi
        done
    else
        echo '#include <caf/all.hpp>' | "$compiler" -std=c++20 -E -x c++ - > /dev/null 2>&1 ||
            { echo "no caf/all.hpp (package libcaf-dev)" && exit 3; }
        set --
    fi
    # shellcheck disable=SC2086  # several flags
    "$compiler" -std=c++20 $flags -o "$folder/caf-card" "$here"/*.cpp "$@" -lcaf_core -pthread
    ;;
about)
    "$folder/caf-card" version
    echo "$("$compiler" --version | head -n 1) $flags"
    ;;
rows)
    for row in pingpong ring counting counting_flood fanin big spawn spawn_flood idle skynet ask restart_error restart_panic fork \
        hotload; do
        echo $row
    done
    ;;
run)
    shift
    shift
    exec "$folder/caf-card" "$@"
    ;;
*) exit 2 ;;
esac
