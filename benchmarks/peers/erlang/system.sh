#!/bin/sh
# Erlang/OTP as a system of the card: benchmarks/card/systems.txt says what the commands are. README.md says why these flags.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command=$1
folder=${2:-}
case $command in
build)
    for tool in erl erlc gcc; do
        command -v $tool > /dev/null || { echo "no $tool (packages erlang-base, erlang-dev, g++)" && exit 3; }
    done
    headers=$(erl -noshell -eval 'io:format("~s/usr/include", [code:root_dir()]), halt().')
    [ -e "$headers/erl_nif.h" ] || { echo "no erl_nif.h (package erlang-dev)" && exit 3; }
    mkdir -p "$folder"
    erlc -o "$folder" "$here"/*.erl
    gcc -O3 -fPIC -shared -I"$headers" -o "$folder/card_nif.so" "$here/card_nif.c"
    ;;
about)
    erl -noshell -eval '
        Of = fun(What) -> erlang:system_info(What) end,
        io:format("OTP ~s, erts ~s, ~p~n~n", [Of(otp_release), Of(version), Of(emu_flavor)]), halt().'
    ;;
rows)
    for row in pingpong ring counting fanin big spawn idle skynet ask restart_error fork hotload; do echo $row; done
    ;;
run)
    row=$3
    workers=$4
    # Room for as many processes as a row has; more makes the table that each look-up goes through larger for nothing.
    exec erl -noshell -noinput +S "$workers:$workers" +P 2097152 -pa "$folder" -s card main -extra "$row" "$workers" "$5"
    ;;
*) exit 2 ;;
esac
