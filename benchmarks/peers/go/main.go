// The benchmark card in Go: prog ROW WORKERS [N], one line of output. An actor is a goroutine with a channel of its own, the
// mailbox; a message is a uint64. README.md beside this file says what was tried to make it fast.
//
// A row checks its own result. One run is one figure, from the first goroutine to the last checked answer, as in
// docs/benchmarks.md; what a row leaves out of its time is said where it does.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"time"
)

// What a row found out: how many operations in which time, and further figures for the line.
type figure struct {
	ops   int
	took  time.Duration
	extra string
}

type row struct {
	n   int // the card's
	run func(n int) figure
}

var rows = map[string]row{
	"pingpong":       {1000000, pingpong},
	"ring":           {5000000, ring},
	"counting":       {5000000, counting},
	"counting_flood": {5000000, countingFlood},
	"fanin":          {20000, fanin},
	"big":            {5000, big},
	"spawn":          {1000000, spawn},
	"spawn_flood":    {1000000, spawnFlood},
	"idle":           {1000000, idle},
	"skynet":         {1000000, skynet},
	"ask":            {500000, ask},
	"restart_error":  {100000, restartError},
	"fork":           {30, fork},
	"hotload":        {10000, hotload},
	// Beside the card: what README.md compares.
	"ask_no_deadline": {500000, askNoDeadline},
	"restart_loop":    {100000, restartLoop},
}

func failed(what string) {
	fmt.Fprintln(os.Stderr, "check failed:", what)
	os.Exit(1)
}

func check(right bool, what string) {
	if !right {
		failed(what)
	}
}

// A line of /proc/self/status, in kB.
func status(key string) int {
	text, err := os.ReadFile("/proc/self/status")
	check(err == nil, "/proc/self/status cannot be read")
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == key+":" {
			value, _ := strconv.Atoi(fields[1])
			return value
		}
	}
	failed("no " + key + " in /proc/self/status")
	return 0
}

func positive(text, what string) int {
	value, err := strconv.Atoi(text)
	check(err == nil && value > 0, what+" must be a positive number, not "+text)
	return value
}

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		names := []string{}
		for name := range rows {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintln(os.Stderr, "usage: bench ROW WORKERS [N]; rows:", strings.Join(names, " "))
		os.Exit(2)
	}
	name := os.Args[1]
	found, known := rows[name]
	check(known, "there is no row "+name)
	workers := positive(os.Args[2], "WORKERS")
	n := found.n
	if len(os.Args) == 4 {
		n = positive(os.Args[3], "N")
	}
	runtime.GOMAXPROCS(workers)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(-1) // what a row throws away fits into memory: README.md has the figures
	}
	f := found.run(n)
	fmt.Printf("bench=%s threads=%d n=%d ns_per_op=%.1f rss_mb=%.1f%s\n", name, workers, n,
		float64(f.took.Nanoseconds())/float64(f.ops), float64(status("VmHWM"))/1024, f.extra)
}
