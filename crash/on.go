//go:build crash

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var name, nth = wanted(os.Getenv("SATCHEL_TEST_CRASH"))

// passed counts how often the wanted point was reached.
var passed atomic.Int64

func wanted(setting string) (string, int64) {
	name, count, _ := strings.Cut(setting, ":")
	if n, err := strconv.ParseInt(count, 10, 64); err == nil {
		return name, n
	}
	return name, 1
}

// Point kills the process, as by kill -9, if it is the wanted one.
func Point(at string) {
	if at == name && passed.Add(1) == nth {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
