//go:build unix && !linux

package main

import "syscall"

// processAttributes keeps a terminal's interrupt from the children, which are
// stopped in order.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
