// Rows of messages between few: pingpong, ring, counting, fanin, big, hotload.
package main

import (
	"runtime"
	"sync"
	"time"
)

func sumTo(n int) uint64 { return uint64(n) * uint64(n+1) / 2 }

// Two goroutines, one message in flight, n round trips; each adds one.
func pingpong(n int) figure {
	begin := time.Now()
	there, back, done := make(chan uint64), make(chan uint64), make(chan uint64)
	go func() {
		for value := range there {
			back <- value + 1
		}
	}()
	go func() {
		var value uint64
		for i := 0; i < n; i++ {
			there <- value + 1
			value = <-back
		}
		close(there)
		done <- value
	}()
	check(<-done == uint64(2*n), "pingpong: the number of hops")
	return figure{ops: 2 * n, took: time.Since(begin)}
}

// 503 goroutines pass one token on, n times.
func ring(n int) figure {
	const size = 503
	begin := time.Now()
	var mailboxes [size]chan uint64
	for i := range mailboxes {
		mailboxes[i] = make(chan uint64)
	}
	done := make(chan int)
	for i := range mailboxes {
		go func(me int, in <-chan uint64, next chan<- uint64) {
			for left := range in {
				if left == 0 {
					done <- me
					return
				}
				next <- left - 1
			}
		}(i, mailboxes[i], mailboxes[(i+1)%size])
	}
	mailboxes[0] <- uint64(n)
	check(<-done == n%size, "ring: where the token stopped")
	return figure{ops: n, took: time.Since(begin)}
}

// What the mailbox of a consumer holds, whose producers do not wait for answers.
const mailbox = 8192

// One producer, one consumer, whose mailbox holds so many.
func count(n, room int) figure {
	begin := time.Now()
	in, done := make(chan uint64, room), make(chan uint64)
	go func() {
		var counted int
		var sum uint64
		for value := range in {
			counted++
			sum += value
		}
		check(counted == n, "counting: the count")
		done <- sum
	}()
	go func() {
		for i := 1; i <= n; i++ {
			in <- uint64(i)
		}
		close(in)
	}()
	check(<-done == sumTo(n), "counting: the sum")
	return figure{ops: n, took: time.Since(begin)}
}

func counting(n int) figure      { return count(n, mailbox) }
func countingFlood(n int) figure { return count(n, n) } // holds them all: the producer never waits

// 100 producers send n each to one consumer.
func fanin(n int) figure {
	const producers = 100
	begin := time.Now()
	in, done := make(chan uint64, mailbox), make(chan uint64)
	go func() {
		var sum uint64
		for left := producers * n; left > 0; left-- {
			sum += <-in
		}
		done <- sum
	}()
	for p := 0; p < producers; p++ {
		go func() {
			for i := 1; i <= n; i++ {
				in <- uint64(i)
			}
		}()
	}
	check(<-done == producers*sumTo(n), "fanin: the sum")
	return figure{ops: producers * n, took: time.Since(begin)}
}

// 120 goroutines: each sends n pings to random others, one outstanding, and answers every ping. A message is the sender's
// index + 1 for a ping, 0 for a pong. At most 119 pings and a pong can wait in a mailbox: nobody waits to send.
func big(n int) figure {
	const players = 120
	begin := time.Now()
	var mailboxes [players]chan uint64
	for i := range mailboxes {
		mailboxes[i] = make(chan uint64, 128)
	}
	done, served := make(chan int, players), make(chan int, players)
	for i := range mailboxes {
		go func(me int) {
			in := mailboxes[me]
			state := uint64(me)*7919 + 88172645463325252
			answered := 0
			for sent := 0; sent < n; sent++ {
				state ^= state << 13
				state ^= state >> 7
				state ^= state << 17
				to := int(state % (players - 1))
				if to >= me {
					to++
				}
				mailboxes[to] <- uint64(me + 1)
				for m := <-in; m != 0; m = <-in {
					mailboxes[m-1] <- 0
					answered++
				}
			}
			done <- me
			for m := range in {
				mailboxes[m-1] <- 0
				answered++
			}
			served <- answered
		}(i)
	}
	for i := 0; i < players; i++ {
		<-done
	}
	for i := range mailboxes {
		close(mailboxes[i])
	}
	all := 0
	for i := 0; i < players; i++ {
		all += <-served
	}
	check(all == players*n, "big: the number of pings answered")
	return figure{ops: players * n, took: time.Since(begin)}
}

// n goroutines get 100 messages each, round robin, from one that has an operating system's thread for itself: no Go code
// runs outside the scheduler.
func hotload(n int) figure {
	const rounds = 100
	begin := time.Now()
	mailboxes := make([]chan uint64, n)
	sums := make([]uint64, n)
	var done sync.WaitGroup
	done.Add(n)
	for i := range mailboxes {
		mailboxes[i] = make(chan uint64, 64)
		go func(in <-chan uint64, sum *uint64) {
			var mine uint64
			for k := 0; k < rounds; k++ {
				mine += <-in
			}
			*sum = mine
			done.Done()
		}(mailboxes[i], &sums[i])
	}
	go func() {
		runtime.LockOSThread()
		for round := 1; round <= rounds; round++ {
			for _, to := range mailboxes {
				to <- uint64(round)
			}
		}
	}()
	done.Wait()
	var sum uint64
	for _, mine := range sums {
		sum += mine
	}
	check(sum == uint64(n)*sumTo(rounds), "hotload: the sum")
	return figure{ops: n * rounds, took: time.Since(begin)}
}
