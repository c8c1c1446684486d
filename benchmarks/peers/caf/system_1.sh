#!/bin/sh
# CAF 1.x as a system of the card, where CAF_PREFIX names the folder that it was installed in.
set -eu
if [ -z "${CAF_PREFIX:-}" ]; then
    if [ "$1" = build ]; then echo "CAF_PREFIX names no folder that it is installed in"; fi
    exit 3
fi
CARD_CAF_PREFIX=$CAF_PREFIX exec sh "$(dirname "$0")/system.sh" "$@"
