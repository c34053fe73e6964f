package preview

import (
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// runtimeShare is what Go itself takes of a workshop's memory, beside what images need: code's data, stacks, and what waits for collection.
const runtimeShare = 192 << 20

// confine bounds this process: its writable memory (what passes that is fatal), no cores, the lowest of all claims on the processor, and the
// first to go when the machine is out of memory.
func confine(memory int64) error {
	limit := uint64(memory + runtimeShare)
	if err := errors.Join(
		unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit}),
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{}),
	); err != nil {
		return err
	}
	// These two are manners, which a system may not allow. Linux keeps niceness for each thread; new ones take it from those that
	// are there.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	threads, _ := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, 15)
		}
	}
	return nil
}

// worked is how long this process has been on the processor.
func worked() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0 // it never fails for oneself
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
