package s3test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

// program is an S3 server that a folder of e2e pins. Go builds it once for all tests, which takes minutes the first time.
type program struct {
	name    string // of the folder and the binary
	health  string // a path that answers once the server does
	uploads string // where unfinished multipart uploads are, in Server.Folder
	binary  func() (string, error)
	// command is how to start it.
	command func(binary, address, folder string) *exec.Cmd
}

var versitygw = program{
	name: "versitygw", health: "/health", uploads: Bucket + "/.sgwtmp/multipart", binary: sync.OnceValues(func() (string, error) { return build("versitygw", "github.com/versity/versitygw/cmd/versitygw") }),
	command: func(binary, address, folder string) *exec.Cmd {
		cmd := exec.Command(binary, "--port", address, "--region", Region, "--health", "/health", "--quiet", "posix", folder)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
		return cmd
	},
}

var minio = program{
	name: "minio", health: "/minio/health/ready", uploads: ".minio.sys/multipart", binary: sync.OnceValues(func() (string, error) { return build("minio", "github.com/minio/minio") }),
	command: func(binary, address, folder string) *exec.Cmd {
		cmd := exec.Command(binary, "server", "--quiet", "--address", address, folder)
		cmd.Env = append(os.Environ(), "HOME="+folder, "MINIO_ROOT_USER="+AccessKey, "MINIO_ROOT_PASSWORD="+SecretKey, "MINIO_REGION="+Region,
			"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CI_CD=1") // which lets it use the disk of the system
		return cmd
	},
}

// build builds what the module in the folder e2e/name pins.
func build(name, source string) (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	path := filepath.Join(root, "bin", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	lock, err := os.Create(path + ".lock") // other test binaries build it too
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", path, source)
	build.Dir = filepath.Join(root, "e2e", name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", name, err, out)
	}
	return path, nil
}
