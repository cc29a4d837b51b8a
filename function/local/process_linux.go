package main

import "syscall"

// processAttributes keeps a terminal's interrupt from the children, which are
// stopped in order, and has the kernel end them when this process is killed:
// without its runtime API a function would spin for ever.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
