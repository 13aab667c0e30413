package process

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	mayExecute  = 1
)

// findProgram finds a command as execvp does, in the PATH of its own environment and seen from its own directory.
func findProgram(name, path, cwd string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	var reason error = syscall.ENOENT
	for _, folder := range strings.Split(path, ":") {
		if folder == "" {
			folder = "."
		}
		candidate := folder + "/" + name
		seen := candidate
		if !filepath.IsAbs(seen) {
			seen = filepath.Join(cwd, seen)
		}
		info, err := os.Stat(seen)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if syscall.Access(seen, mayExecute) == nil {
			return candidate, nil
		}
		reason = syscall.EACCES
	}
	return "", reason
}

// checkFolder says why a process of our own user could not start in a folder; nil where it could.
func checkFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return syscall.ENOTDIR
	}
	return syscall.Access(path, mayExecute)
}
