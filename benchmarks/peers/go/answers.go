// Rows of questions and of failures: ask, restart.
package main

import (
	"errors"
	"time"
)

var toldToFail error = errors.New("told to fail")

type question struct {
	value  uint64
	answer chan<- uint64
}

func serve(questions <-chan question) {
	for q := range questions {
		q.answer <- q.value + 1
	}
}

// n questions, one after the other, each with its deadline of 5 s armed. An answer that comes late would find the channel
// given up and room in it: nobody would wait, so one channel and one timer serve all that are in time.
func ask(n int) figure {
	begin := time.Now()
	questions, done := make(chan question), make(chan uint64)
	go serve(questions)
	go func() {
		var value uint64
		answer := make(chan uint64, 1)
		deadline := time.NewTimer(5 * time.Second)
		for i := 0; i < n; i++ {
			if !deadline.Reset(5 * time.Second) {
				failed("ask: no answer in time")
			}
			questions <- question{value, answer}
			select {
			case value = <-answer:
			case <-deadline.C:
				failed("ask: no answer in time")
			}
		}
		done <- value
	}()
	check(<-done == uint64(n), "ask: the last answer")
	return figure{ops: n, took: time.Since(begin)}
}

func askNoDeadline(n int) figure {
	begin := time.Now()
	questions, done := make(chan question), make(chan uint64)
	go serve(questions)
	go func() {
		var value uint64
		answer := make(chan uint64, 1)
		for i := 0; i < n; i++ {
			questions <- question{value, answer}
			value = <-answer
		}
		done <- value
	}()
	check(<-done == uint64(n), "ask: the last answer")
	return figure{ops: n, took: time.Since(begin)}
}

// Go has no supervisors. The nearest: a goroutine that starts the child, whose deferred function tells it of the panic, and
// starts the next one with the same mailbox. The op is a cycle: a new child says that it is there, gets a message, panics.
func restartError(n int) figure {
	begin := time.Now()
	mailbox, up, exits := make(chan uint64), make(chan uint64), make(chan interface{}, 1)
	child := func(incarnation uint64) {
		defer func() { exits <- recover() }()
		up <- incarnation
		check(<-mailbox == incarnation, "restart: whose message it is")
		panic(toldToFail)
	}
	go func() {
		for k := 0; k <= n; k++ {
			go child(uint64(k))
			if k < n {
				check(<-exits == toldToFail, "restart: why it ended")
			}
		}
	}()
	for k := 0; k < n; k++ {
		check(<-up == uint64(k), "restart: the incarnation")
		mailbox <- uint64(k)
	}
	check(<-up == uint64(n), "restart: the last incarnation")
	return figure{ops: n, took: time.Since(begin)}
}

// The same without anybody who is told: the child's goroutine goes on in a loop that recovers.
func restartLoop(n int) figure {
	begin := time.Now()
	mailbox, up := make(chan uint64), make(chan uint64)
	child := func(incarnation uint64) {
		defer func() { check(recover() == toldToFail, "restart: why it ended") }()
		up <- incarnation
		check(<-mailbox == incarnation, "restart: whose message it is")
		panic(toldToFail)
	}
	go func() {
		for k := 0; k <= n; k++ {
			child(uint64(k))
		}
	}()
	for k := 0; k < n; k++ {
		check(<-up == uint64(k), "restart: the incarnation")
		mailbox <- uint64(k)
	}
	check(<-up == uint64(n), "restart: the last incarnation")
	return figure{ops: n, took: time.Since(begin)}
}
