// Rows of goroutines that come and go: spawn, idle, skynet, fork.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

var left int64
var finished = make(chan struct{})

// The last act of each is to count itself off; the last one tells.
func leaf() {
	if atomic.AddInt64(&left, -1) == 0 {
		finished <- struct{}{}
	}
}

func spawnMany(n, batch int) figure {
	begin := time.Now()
	left = int64(n)
	go func() {
		for i := 1; i <= n; i++ {
			go leaf()
			if batch != 0 && i%batch == 0 {
				runtime.Gosched()
			}
		}
	}()
	<-finished
	check(atomic.LoadInt64(&left) == 0, "spawn: the number of goroutines")
	return figure{ops: n, took: time.Since(begin)}
}

func spawn(n int) figure      { return spawnMany(n, 100) }
func spawnFlood(n int) figure { return spawnMany(n, 0) }

// n goroutines that wait; one message to each. The garbage collection before the resident set is read is not timed.
func idle(n int) figure {
	mailboxes := make([]chan uint64, n)
	for i := range mailboxes {
		mailboxes[i] = nil // its pages are there before the first reading
	}
	runtime.GC()
	before := status("VmRSS")
	var up, done sync.WaitGroup
	var sum uint64
	up.Add(n)
	done.Add(n)
	begin := time.Now()
	for i := range mailboxes {
		in := make(chan uint64)
		mailboxes[i] = in
		go func() {
			up.Done()
			atomic.AddUint64(&sum, <-in)
			done.Done()
		}()
	}
	up.Wait()
	spawning := time.Since(begin)
	runtime.GC()
	bytes := (status("VmRSS") - before) * 1024 / n
	begin = time.Now()
	for _, to := range mailboxes {
		to <- 1
	}
	done.Wait()
	check(sum == uint64(n), "idle: the messages received")
	messages := time.Since(begin)
	return figure{ops: n, took: spawning + messages,
		extra: fmt.Sprintf(" bytes_per_actor=%d messages_ns=%.1f", bytes, float64(messages.Nanoseconds())/float64(n))}
}

func skyNode(out chan<- uint64, first, leaves uint64) {
	if leaves == 1 {
		out <- first
		return
	}
	in := make(chan uint64, 10)
	share := leaves / 10
	for i := uint64(0); i < 10; i++ {
		go skyNode(in, first+i*share, share)
	}
	var sum uint64
	for i := 0; i < 10; i++ {
		sum += <-in
	}
	out <- sum
}

// A tree, 10 children a node, n leaves.
func skynet(n int) figure {
	nodes := 0
	for level := n; level > 0; level /= 10 {
		check(level == 1 || level%10 == 0, "skynet: N must be a power of 10")
		nodes += level
	}
	begin := time.Now()
	out := make(chan uint64)
	go skyNode(out, 0, uint64(n))
	check(<-out == uint64(n)*uint64(n-1)/2, "skynet: the sum")
	return figure{ops: nodes, took: time.Since(begin)}
}

func fibByLoop(n int) int {
	now, next := 0, 1
	for ; n > 0; n-- {
		now, next = next, now+next
	}
	return now
}

// Channels of answers, taken anew.
var answers = sync.Pool{New: func() interface{} { return make(chan int, 1) }}

func fib(n int) int {
	if n < 2 {
		return n
	}
	c := answers.Get().(chan int)
	go func() { c <- fib(n - 1) }()
	b := fib(n - 2)
	a := <-c
	answers.Put(c)
	return a + b
}

// fib(n): each call a task, one branch of each forked. The op is a call.
func fork(n int) figure {
	begin := time.Now()
	check(fib(n) == fibByLoop(n), "fork: the value")
	return figure{ops: 2*fibByLoop(n+1) - 1, took: time.Since(begin)}
}
