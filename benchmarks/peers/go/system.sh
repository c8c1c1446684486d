#!/bin/sh
# Go as a system of the card: benchmarks/card/systems.txt says what the commands are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command=$1
folder=${2:-}
case $command in
build)
    command -v go > /dev/null || { echo "no go (package golang-go)" && exit 3; }
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    (cd "$here" && GOCACHE=${GOCACHE:-$folder/cache} GOFLAGS=-mod=mod GOTOOLCHAIN=local go build -o "$folder/go-card" .)
    ;;
about)
    go version | sed 's/^go version go\([^ ]*\).*/\1/'
    echo
    ;;
rows)
    for row in pingpong ring counting counting_flood fanin big spawn spawn_flood idle skynet ask restart_error fork hotload; do
        echo $row
    done
    ;;
run)
    shift
    shift
    exec "$folder/go-card" "$@"
    ;;
*) exit 2 ;;
esac
