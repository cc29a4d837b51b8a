module taskstatus

go 1.26

require (
	github.com/a-h/templ v0.3.977
	github.com/aliyun/credentials-go v1.4.14
	github.com/aliyun/fc-runtime-go-sdk v0.3.1
)
