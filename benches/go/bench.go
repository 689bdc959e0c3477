// What letgo is measured against in Go: a goroutine for each closure, a channel for its value.
//
// It answers each line "WORKLOAD NUMBER…" with the nanoseconds it took and the answer it came to.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	fmt.Println(runtime.Version())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var workload string
		var n, m uint64
		fmt.Sscan(lines.Text(), &workload, &n, &m)
		runtime.GC() // nobody pays for the turn before
		start := time.Now()
		answer := run(workload, n, m)
		fmt.Println(time.Since(start).Nanoseconds(), answer)
	}
}

func run(workload string, n, m uint64) uint64 {
	switch workload {
	case "spawn-get":
		return spawnGet(n)
	case "fan-out":
		return fanOut(n)
	case "fib":
		return fib(n)
	case "skynet":
		return skynet(0, n)
	case "two-jobs":
		return twoJobs(n)
	case "sleepers":
		return sleepers(n, time.Duration(m)*time.Millisecond)
	}
	panic("there is no workload " + workload)
}

// spawn gives the channel that the value will come from; one value is room enough to leave it there.
func spawn(f func() uint64) <-chan uint64 {
	value := make(chan uint64, 1)
	go func() { value <- f() }()
	return value
}

func sum(values []<-chan uint64) uint64 {
	sum := uint64(0)
	for _, value := range values {
		sum += <-value
	}
	return sum
}

func spawnGet(count uint64) uint64 {
	sum := uint64(0)
	for i := uint64(0); i < count; i++ {
		number := i
		sum += <-spawn(func() uint64 { return number + 1 })
	}
	return sum
}

func fanOut(count uint64) uint64 {
	values := make([]<-chan uint64, count)
	for i := range values {
		number := uint64(i)
		values[i] = spawn(func() uint64 { return number + 1 })
	}
	return sum(values)
}

func fib(n uint64) uint64 {
	if n < 2 {
		return n
	}
	one := spawn(func() uint64 { return fib(n - 1) })
	other := fib(n - 2)
	return <-one + other
}

func skynet(first, leaves uint64) uint64 {
	if leaves == 1 {
		return first
	}
	part := leaves / 10
	// One channel for all children: what one does in Go.
	values := make(chan uint64, 10)
	for i := uint64(0); i < 10; i++ {
		child := first + i*part
		go func() { values <- skynet(child, part) }()
	}
	sum := uint64(0)
	for i := 0; i < 10; i++ {
		sum += <-values
	}
	return sum
}

func twoJobs(steps uint64) uint64 {
	one := spawn(func() uint64 { return job(steps) })
	other := spawn(func() uint64 { return job(steps) })
	answer := <-one
	if answer != <-other {
		panic("the two jobs are the same, their answers are not")
	}
	return answer
}

// job is the one that the others do.
func job(steps uint64) uint64 {
	state := uint64(88172645463325252)
	for i := uint64(0); i < steps; i++ {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
	}
	return state
}

func sleepers(count uint64, nap time.Duration) uint64 {
	values := make([]<-chan uint64, count)
	for i := range values {
		number := uint64(i)
		values[i] = spawn(func() uint64 {
			time.Sleep(nap)
			return number
		})
	}
	return sum(values)
}
