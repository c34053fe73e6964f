package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// use is how much of the processors went where, since the machine started.
type use struct {
	at     time.Time
	busy   time.Duration // everybody, the hypervisor's other guests included
	client time.Duration // this process
	server time.Duration // the child that is measured
}

// tick is the unit of /proc's processor times (USER_HZ, which Linux fixes at 100 for programs).
const tick = time.Second / 100

// readUse reads the counters, with those of children.
func readUse(pids ...int) (use, error) {
	u := use{at: time.Now()}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		// cpu user nice system idle iowait irq softirq steal (proc(5)); guest time is in user already
		if i == 0 || i == 4 || i == 5 || i > 8 {
			continue
		}
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, fmt.Errorf("/proc/stat: %w", err)
		}
		u.busy += time.Duration(n) * tick
	}
	u.client, err = processTime(os.Getpid())
	for _, pid := range pids {
		if err != nil {
			return u, err
		}
		var took time.Duration
		took, err = familyTime(pid)
		u.server += took
	}
	return u, err
}

// familyTime is the processor time of a process and of those that it started and that live: the workers of a server.
func familyTime(pid int) (time.Duration, error) {
	total, err := processTime(pid)
	if err != nil {
		return 0, err
	}
	// Of the first thread: all the peers' workers are started by it. Kernels without the file count no workers.
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	for _, field := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		took, err := processTime(child)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended
		}
		if err != nil {
			return 0, err
		}
		total += took
	}
	return total, nil
}

// processTime is the processor time of a process and all its threads.
func processTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the program's name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat cannot be read", pid)
	}
	var total time.Duration
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * tick
	}
	return total, nil
}

// foreignSince is the share of all processors that others had. The kernel's own threads, which write to the disk, are others too.
func (u use) foreignSince(before use) float64 {
	others := (u.busy - before.busy) - (u.client - before.client) - (u.server - before.server)
	return max(0, others.Seconds()/(u.at.Sub(before.at).Seconds()*float64(runtime.NumCPU())))
}

const (
	quietShare = 0.10 // of the processors, had by others: less counts as quiet
	quietLook  = 300 * time.Millisecond
)

// awaitQuiet waits until others leave the processors alone, or patience is over. What earlier runs left for the disk is written first.
func awaitQuiet(ctx context.Context, patience time.Duration) error {
	syscall.Sync()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		before, err := readUse()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(quietLook):
		}
		after, err := readUse()
		if err != nil {
			return err
		}
		if after.foreignSince(before) < quietShare {
			return nil
		}
	}
	return ctx.Err()
}

// machine describes where the figures come from.
func machine(folder string) string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel := "Linux"
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel += " " + strings.TrimSpace(string(text))
	}
	memory := ""
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib int64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err == nil {
			memory = fmt.Sprintf(", %d GiB", (kib+1<<19)>>20)
		}
	}
	var disk syscall.Statfs_t
	system := "unknown file system"
	if err := syscall.Statfs(folder, &disk); err == nil {
		system = fileSystem(disk.Type)
	}
	return fmt.Sprintf("%d × %s%s, %s, %s, %s", runtime.NumCPU(), model, memory, kernel, system, runtime.Version())
}

// fileSystem names the types of statfs(2) that people have.
func fileSystem(magic int64) string {
	switch magic {
	case 0xEF53:
		return "ext4"
	case 0x58465342:
		return "xfs"
	case 0x9123683E:
		return "btrfs"
	case 0x01021994:
		return "tmpfs"
	case 0x794c7630:
		return "overlayfs"
	case 0x2FC12FC1:
		return "zfs"
	}
	return fmt.Sprintf("file system %#x", magic)
}
