package cloudsso

import (
	"strings"
	"testing"
)

func TestEndpoint(t *testing.T) {
	tests := []struct {
		name, region, endpoint string
		address                string
		warning                bool
		err                    string // a part of it
	}{
		{name: "documented region", region: "cn-shanghai", address: "https://cloudsso.cn-shanghai.aliyuncs.com"},
		{name: "documented region with a number", region: "ap-northeast-2", address: "https://cloudsso.ap-northeast-2.aliyuncs.com"},
		{name: "another region", region: "cn-beijing", address: "https://cloudsso.cn-beijing.aliyuncs.com", warning: true},
		{name: "nothing", err: "CLOUDSSO_REGION is not set"},
		{name: "region in capitals", region: "CN-Shanghai", err: "CLOUDSSO_REGION"},
		{name: "region by its name", region: "shanghai", err: "CLOUDSSO_REGION"},
		{name: "region that leads elsewhere", region: "cn-a.evil.example/", err: "CLOUDSSO_REGION"},
		{name: "region with a dash at the end", region: "cn-shanghai-", err: "CLOUDSSO_REGION"},
		{name: "region of a wrong form, despite an endpoint", region: "x", endpoint: "a.example", err: "CLOUDSSO_REGION"},
		{name: "region too long", region: "cn-" + strings.Repeat("a", 60), err: "CLOUDSSO_REGION"},

		{name: "host", endpoint: "cloudsso-vpc.cn-shanghai.aliyuncs.com", address: "https://cloudsso-vpc.cn-shanghai.aliyuncs.com"},
		{name: "endpoint before region", region: "us-west-1", endpoint: "https://a.example", address: "https://a.example"},
		{name: "http to loopback", endpoint: "http://127.0.0.1:9001", address: "http://127.0.0.1:9001"},
		{name: "http elsewhere", endpoint: "http://a.example", err: "CLOUDSSO_ENDPOINT: plain http"},
		{name: "password", endpoint: "https://user:s3cret@a.example", err: "CLOUDSSO_ENDPOINT must be a host or an https address without a path, such as https://cloudsso-vpc.cn-shanghai.aliyuncs.com"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address, warning, err := Endpoint(test.region, test.endpoint)
			if address != test.address || (warning != "") != test.warning {
				t.Errorf("got %q, warning %q; want %q, warning %t", address, warning, test.address, test.warning)
			}
			switch {
			case (err != nil) != (test.err != ""):
				t.Errorf("error %v, want %q", err, test.err)
			case err != nil && !strings.Contains(err.Error(), test.err):
				t.Errorf("error %q does not name %q", err, test.err)
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Errorf("error %q repeats a password", err)
			}
		})
	}
}
