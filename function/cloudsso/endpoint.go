package cloudsso

import (
	"errors"
	"fmt"

	"taskstatus/function/acs"
)

// Endpoint returns the address of the CloudSSO API, scheme and host only, from
// the values of CLOUDSSO_REGION and CLOUDSSO_ENDPOINT. The endpoint wins where
// both are set: an https address or a bare host, without a path; plain http is
// taken for loopback only. A region outside those that CloudSSO documents is
// accepted with a warning, for the log at start. An error names the variable
// and never repeats the endpoint, which may hold a password.
func Endpoint(region, endpoint string) (address, warning string, err error) {
	if region != "" && !acs.IsRegion(region) {
		return "", "", fmt.Errorf("CLOUDSSO_REGION: %q is not a region id such as cn-shanghai", region)
	}
	switch {
	case endpoint != "":
		address, err = acs.ParseEndpoint("CLOUDSSO_ENDPOINT", endpoint, "https://cloudsso-vpc.cn-shanghai.aliyuncs.com")
		return address, "", err
	case region == "":
		return "", "", errors.New("CLOUDSSO_REGION is not set: it is the region of the CloudSSO directory, such as cn-shanghai")
	case !isDocumented(region):
		warning = fmt.Sprintf("CLOUDSSO_REGION: %s is not among the regions that CloudSSO documents; the endpoint follows the usual pattern", region)
	}
	return "https://cloudsso." + region + ".aliyuncs.com", warning, nil
}

// isDocumented reports whether CloudSSO documents an endpoint in the region
// ("Endpoints", API 2021-05-15, edition of 2026-08-20).
func isDocumented(region string) bool {
	switch region {
	case "cn-shanghai", "cn-hongkong", "ap-northeast-2", "ap-southeast-1", "us-west-1", "eu-central-1":
		return true
	}
	return false
}
