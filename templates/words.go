package templates

// Words are the words of the pages themselves, in one language. Those for what
// a task is and how it stands are the task package's.
type Words struct {
	// Lang is the language's BCP 47 tag. Other is the other language's own
	// name, and OtherLang its tag.
	Lang, Other, OtherLang string

	Colon, Site, SkipToContent                                        string
	Reason, ReasonNote, Guess                                         string
	Status, Type, Task, Directory, Started, Ended, Duration, Checked  string
	CheckNow, RefreshEvery, StopRefreshing, Refreshing, Final, LookUp string
	Details, RequestID, JSON, Text, Command                           string
	Progress, Problem, ProblemRequestID, NotLookedUp                  string
}

// English is the catalogue in English.
var English = Words{
	Lang: "en", Other: "中文", OtherLang: "zh-CN",
	Colon: ": ", Site: "CloudSSO task status", SkipToContent: "Skip to content",
	Reason: "Failure reason", ReasonNote: "as CloudSSO gave it", Guess: "What it may be (our guess)",
	Status: "Status", Type: "Type", Task: "Task", Directory: "Directory",
	Started: "Started", Ended: "Ended", Duration: "Duration", Checked: "Last checked",
	CheckNow: "Check now", RefreshEvery: "Reload by itself every", StopRefreshing: "Stop reloading",
	Refreshing: "This page reloads itself every", Final: "Finished. Nothing more will change.", LookUp: "Look up another task",
	Details: "Details", RequestID: "CloudSSO request", JSON: "JSON", Text: "Text", Command: "Command line",
	Progress: "Done", Problem: "What to do", ProblemRequestID: "Request", NotLookedUp: "Not looked up",
}

// Chinese is the catalogue in Simplified Chinese.
var Chinese = Words{
	Lang: "zh-CN", Other: "English", OtherLang: "en",
	Colon: "：", Site: "云 SSO 任务状态", SkipToContent: "跳到正文",
	Reason: "失败原因", ReasonNote: "云 SSO 返回的原文", Guess: "可能的原因（仅供参考）",
	Status: "状态", Type: "类型", Task: "任务", Directory: "目录",
	Started: "开始时间", Ended: "结束时间", Duration: "用时", Checked: "最近查询",
	CheckNow: "立即查询", RefreshEvery: "自动刷新，间隔", StopRefreshing: "停止自动刷新",
	Refreshing: "本页自动刷新，间隔", Final: "任务已结束，状态不会再变化。", LookUp: "查询其他任务",
	Details: "详细信息", RequestID: "云 SSO 请求 ID", JSON: "JSON", Text: "文本", Command: "命令行",
	Progress: "已结束", Problem: "如何处理", ProblemRequestID: "请求 ID", NotLookedUp: "未能查询",
}
