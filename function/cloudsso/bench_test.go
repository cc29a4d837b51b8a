package cloudsso

import (
	"bufio"
	"fmt"
	"net"
	"testing"

	"taskstatus/function/acs"
	"taskstatus/function/budget"
)

func TestBudget(t *testing.T)      { budget.Test(t, decodings(t)) }
func BenchmarkDecode(b *testing.B) { budget.Benchmark(b, decodings(b)) }

func decodings(tb testing.TB) []budget.Item {
	a := &answer{status: 200, body: []byte(running)}
	return []budget.Item{{Name: "GetTaskStatus", Allocations: 33, Do: func() {
		if _, err := a.task("GetTaskStatus", directory, taskID); err != nil {
			tb.Fatal(err)
		}
	}}}
}

// BenchmarkCall makes whole calls over loopback to a server that allocates
// next to nothing of its own.
func BenchmarkCall(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(running), running)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == len("\r\n") {
						conn.Write(answer)
					}
				}
			}()
		}
	}()
	client := New("http://"+listener.Addr().String(), acs.NewCredentials(true, "", ""))
	ctx := invocation()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.GetTaskStatus(ctx, directory, taskID); err != nil {
			b.Fatal(err)
		}
	}
}
