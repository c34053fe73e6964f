package overview

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Job is how a background job went in this process.
type Job struct {
	Name     string
	Ended    time.Time // of its last run
	Took     time.Duration
	Failures int       // in a row, up to the last run; 0 if that went well
	Well     time.Time // when a run last ended well; zero if none has
}

// Jobs remembers how the background jobs of this process went. The zero value knows of none. It is safe for use by many goroutines.
type Jobs struct {
	mu     sync.Mutex
	byName map[string]Job
}

// Observe notes that a run of a job has ended. Jobs are named in the program, so they are few.
func (j *Jobs) Observe(name string, took time.Duration, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.byName == nil {
		j.byName = map[string]Job{}
	}
	job := j.byName[name]
	job.Name, job.Ended, job.Took = name, time.Now(), took
	if err != nil {
		job.Failures++
	} else {
		job.Failures, job.Well = 0, job.Ended
	}
	j.byName[name] = job
}

// All are the jobs that have run, by name.
func (j *Jobs) All() []Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.SortedFunc(maps.Values(j.byName), func(a, b Job) int { return strings.Compare(a.Name, b.Name) })
}
