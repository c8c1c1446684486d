#!/bin/sh
# planted.sh FOLDER: guests whose program expects what is not there, crashes, or never reports; run.sh has to say so of each.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
status=0

fails() { # fails WORD SECONDS PATTERN: of the last line
    code=0
    NUMA_SECONDS=$2 sh "$here/run.sh" "$folder" 2 "$1" > "$folder/planted.log" 2>&1 || code=$?
    last=$(tail -n 1 "$folder/planted.log")
    if [ $code -eq 1 ] && echo "$last" | grep -q "^numa 2 nodes: FAILED after [0-9]* s: $3"; then
        echo "$1: $last"
    else
        echo "$1: NOT NOTICED: exit code $code: $last"
        status=1
    fi
}
fails wrong 300 '[1-9][0-9]* of [0-9]* checks$'
fails crash 300 'the program was ended by signal 11; 0 checks had passed$'
fails silent 30 'it was still running, and was killed; 0 checks had passed$'
exit $status
