package cloudsso

import (
	"bufio"
	"fmt"
	"net"
	"testing"

	"taskstatus/function/acs"
)

func decode(tb testing.TB) {
	a := &answer{status: 200, body: []byte(running)}
	if _, err := a.task("GetTaskStatus", directory, taskID); err != nil {
		tb.Fatal(err)
	}
}

func TestBudget(t *testing.T) {
	const most = 33 // a few more than it takes, for Go's next release
	if got := testing.AllocsPerRun(100, func() { decode(t) }); got > most {
		t.Errorf("to decode an answer takes %v allocations, want at most %v", got, most)
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		decode(b)
	}
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
