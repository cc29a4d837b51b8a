package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"taskstatus/function/acs"
	"taskstatus/function/doctor"
	"taskstatus/function/entry"
)

func TestVersion(t *testing.T) {
	for _, flag := range []string{"-version", "--version"} {
		var out strings.Builder
		if err := run([]string{flag}, environment(), &out); err != nil || out.String() != version+"\n" {
			t.Errorf("%s: printed %q, %v", flag, out.String(), err)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"docter"}, `unexpected argument "docter": the commands are notify-test and doctor`},
		{[]string{"doctor", "now"}, `unexpected argument "now"`},
		{[]string{""}, `unexpected argument ""`},
		{nil, "this is a Function Compute function"},
	} {
		var out strings.Builder
		if err := run(test.args, environment(), &out); err == nil || !strings.HasPrefix(err.Error(), test.want) || out.Len() > 0 {
			t.Errorf("%q: got %v, printed %q", test.args, err, out.String())
		}
	}
}

// TestDoctor prints what it finds, each with what to do, and says how much is wrong.
func TestDoctor(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Fri, 05 Nov 2021 02:58:07 GMT")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"Code":"EntityNotExists.Directory","Message":"hunter2","RequestId":"005F4623"}`))
	}))
	defer api.Close()
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIhunter2", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret-hunter2", "ALIBABA_CLOUD_SECURITY_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	var out strings.Builder
	err := run([]string{"doctor"}, environment("CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_ENDPOINT="+api.URL, "TIME_ZONE=Moon"), &out)
	if err == nil || err.Error() != "3 of 7 checks found something wrong" {
		t.Errorf("got %v", err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		if line, _, cut := strings.Cut(line, " ahead of "); cut {
			got = append(got, line[:strings.LastIndexByte(line, ' ')]+"\n") // for so long
			continue
		}
		got = append(got, line)
	}
	want := `wrong   configuration: TIME_ZONE: "Moon" is not the name of a time zone, such as Asia/Shanghai
warning configuration: neither ACCESS_TOKENS nor ACCESS=open is set: nobody is let in
ok      credentials: an AccessKey pair, in the variables ALIBABA_CLOUD_ACCESS_KEY_ID and so on
ok      CloudSSO: ` + strings.TrimPrefix(api.URL, "http://") + ` can be reached
wrong   clock: it is
        -> set this machine's clock; Function Compute sets its own: if it goes on there, deploy the function anew
wrong   GetTaskStatus d-00fc2p61abcd: CloudSSO knows no such directory in this region (HTTP 404 EntityNotExists.Directory, request id 005F4623)
        -> CLOUDSSO_DIRECTORY_ID is to be the directory's id and CLOUDSSO_REGION its region, not the function's, both as the CloudSSO console has them
ok      chats: none is configured
`
	if joined := strings.Join(got, ""); joined != want {
		t.Errorf("printed\n%swant\n%s", joined, want)
	}
}

// TestDoctorDeployed: from inside, each thing is asked for once and counted, on connections
// that do not stay; that the function may not invoke matters where it hands anything on.
func TestDoctorDeployed(t *testing.T) {
	asked := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			t.Errorf("the connection of %s %s is kept", r.Method, r.URL.Path)
		}
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"Code":"AccessDenied","RequestId":"005F4624"}`))
		case r.URL.RawQuery != "":
			asked++
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"Code":"ServiceUnavailable","RequestId":"005F4623"}`))
		}
	}))
	defer api.Close()
	for _, test := range []struct {
		name, variable string
		warning        bool
	}{
		{"nothing is handed on", "", true},
		{"a chat", "SLACK_SIGNING_SECRET=8f742231b10e8888abcd99yyyzzzhunter2", false},
		{"what is posted", "EVENTS_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := readConfig(environment("CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_ENDPOINT="+api.URL,
				"CHECK_ENDPOINT="+api.URL, "CHECK_FUNCTION=checker", "SLACK_API_URL="+api.URL, test.variable))
			if err != nil {
				t.Fatal(err)
			}
			asked = 0
			ctx, line := entry.New(acs.WithCredentials(t.Context(), "id", "secret", "token"))
			findings := examineDeployed(ctx, &c)
			last := findings[len(findings)-1]
			if last.Check != "invocation" || last.OK != test.warning || last.Warning != test.warning || !strings.HasPrefix(last.Detail, "this function may not invoke checker (HTTP 403 AccessDenied, request id 005F4624)") {
				t.Errorf("got %+v", last)
			}
			var log strings.Builder
			line.Write(slog.New(slog.NewJSONHandler(&log, nil)))
			if asked != 1 || !strings.Contains(log.String(), `"calls":2,"upstreamRequestId":"005F4624","upstreamCode":"AccessDenied"`) {
				t.Errorf("CloudSSO was asked %d times, logged %s", asked, &log)
			}
		})
	}
}

// TestDoctorDeployedWithoutRole: in Function Compute there are no other credentials than
// the function's.
func TestDoctorDeployedWithoutRole(t *testing.T) {
	for name, value := range map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "", "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	c, err := readConfig(environment("CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_ENDPOINT=http://127.0.0.1:1", "CHECK_ENDPOINT=http://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "this function has no credentials: give it a RAM role"
	if findings := examineDeployed(t.Context(), &c); !slices.ContainsFunc(findings, func(f doctor.Finding) bool { return f.Check == "credentials" && !f.OK && f.Detail == want }) {
		t.Errorf("want %q in %+v", want, findings)
	}
}
