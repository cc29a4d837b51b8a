package cloudsso

import (
	"net/http"
	"testing"
	"time"
)

// TestWrongClock: how far off the clock is, and which way, is the same in both languages.
func TestWrongClock(t *testing.T) {
	date := time.Date(2021, 11, 5, 3, 0, 0, 0, time.UTC)
	a := &answer{header: http.Header{"Date": {date.Format(http.TimeFormat)}}}
	for _, test := range []struct {
		name   string
		dated  time.Time
		en, zh string
	}{
		{"ahead", date.Add(20 * time.Minute), "20m0s ahead of CloudSSO's", "比云 SSO 快 20m0s"},
		{"behind", date.Add(-20 * time.Minute), "20m0s behind CloudSSO's", "比云 SSO 慢 20m0s"},
		{"ahead by the least that is off", date.Add(leastOff), "1m0s ahead of CloudSSO's", "比云 SSO 快 1m0s"},
		{"behind by the least that is off", date.Add(-leastOff), "1m0s behind CloudSSO's", "比云 SSO 慢 1m0s"},
		{"by less", date.Add(leastOff - time.Second), "off", "不准确"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := a.wrongClock(test.dated)
			if want := "the clock of this function is " + test.en + ": CloudSSO refuses the date of the signature, not the role or its credentials"; got.En != want {
				t.Errorf("got %q, want %q", got.En, want)
			}
			if want := "本函数的系统时间" + test.zh + "：云 SSO 拒绝的是签名时间，与 RAM 角色和访问凭证无关"; got.Zh != want {
				t.Errorf("got %q, want %q", got.Zh, want)
			}
		})
	}
}
