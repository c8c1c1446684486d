#!/bin/sh
# What a run of the curves has left, for people. CARD: curves.txt.
#   report.sh table RESULTS CARD            the tables, as Markdown, on standard output
#   report.sh judge RESULTS CARD            the points that cost more than they may, one a line, on standard output; exit code 1: there are some
#   report.sh charts RESULTS CARD FOLDER    a chart of each curve, FOLDER/<curve>.svg
#   report.sh whole RESULTS CARD            exit code 0: every point, five runs each, with 1 and 2 workers
#   report.sh page RESULTS CARD PAGE CHARTS the page, with the tables and the charts between its marks <!--curves--> and <!--/curves-->;
#                                           CHARTS: where the charts lie, as seen from the page. RESULTS may be missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command=$1
results=$2
card=$3
shift 3

awk_results() { # awk_results PROGRAM [-v NAME=VALUE...]
    program=$1
    shift
    LC_ALL=C awk "$@" -v card="$card" -f "$here/../report/words.awk" -f "$here/results.awk" -f "$here/$program" "$results"
}

case $command in
table) awk_results table.awk -v charts= ;;
judge) awk_results judge.awk ;;
charts)
    mkdir -p "$1"
    rm -f "$1"/*.svg
    awk_results chart.awk -v out="$1" > /dev/null
    ;;
whole) awk_results whole.awk ;;
page)
    page=$1
    charts=$2
    part=$(mktemp)
    trap 'rm -f "$part"' EXIT
    if [ -e "$results" ]; then
        awk_results table.awk -v charts="$charts" > "$part"
    else
        echo "No whole run is recorded here yet: \`./dev curves\` makes one, \`./dev figures\` writes it down." > "$part"
    fi
    awk -v part="$part" -v mark=curves -f "$here/../report/insert.awk" "$page"
    ;;
*) exit 2 ;;
esac
