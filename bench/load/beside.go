package main

import (
	"sync/atomic"
	"time"
)

// beside opens what is there during a run and does little: connections that have asked one thing, and groups that are alive.
func beside() {
	for range *idle {
		openIdle()
	}
	if *alive == 0 {
		return
	}
	var beat atomic.Int64
	form(*alive, 1, partitionsOf(*topic), &beat, make(chan struct{}))
	beat.Store(int64(steadyBeat))
	time.Sleep(2 * formingBeat)
}
