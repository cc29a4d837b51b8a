package templates

// Words are the words of the pages themselves, in one language. Those for what
// a task is and how it stands are the task package's. A %d or %s in them is
// filled in by function/site, or in the page by web/status.js.
type Words struct {
	// Lang is the language's BCP 47 tag. Other is the other language's own
	// name, and OtherLang its tag.
	Lang, Other, OtherLang string

	Colon, Comma, Site, SkipToContent, LookUp, RecentTasks string

	// A task.
	Reason, ReasonNote, ReasonCut, Guess                             string
	Status, Type, Task, Directory, Started, Ended, Duration, Checked string
	Principal, Target, AccessConfiguration                           string
	Details, RequestID, Formats, JSON, Text, Command                 string

	// Looking again.
	CheckNow, TryAgain, RefreshEvery, Refreshing, StopRefreshing, Final string

	// What only a page with JavaScript offers and says.
	Live, Pause, Resume, Paused, Notify, NotifyOn       string
	CopyLink, CopyReport, CopyReason, Copied, NotCopied string
	Lost, RetryIn, Stopped, Idle, KeepChecking          string

	// Several tasks.
	Tasks, CountFailed, CountInProgress, CountUnknown, CountSuccess string
	Progress, NotLookedUp                                           string

	// Recent tasks.
	RecentCount, RecentOne, RecentNone, Day, Days, Period, All string
	NoneFound, WatchOpen, FirstPage, NextPage                  string

	// A request that could not be answered.
	WhatToDo, ProblemRequestID string

	// Signing in.
	SignIn, SignInFirst, SignInNeeded, SignInNote string
	Token, WrongToken, LinkEnded, LinkedUntil     string
	SignedInAs, SignOut, GoOn                     string
}

// English is the catalogue in English.
var English = Words{
	Lang: "en", Other: "中文", OtherLang: "zh-CN",

	Colon: ": ", Comma: ", ", Site: "CloudSSO task status", SkipToContent: "Skip to content",
	LookUp: "Look up another task", RecentTasks: "Recent tasks",

	Reason: "Failure reason", ReasonNote: "as CloudSSO gave it", Guess: "What it may be (our guess)",
	ReasonCut: "%d more characters: the JSON has them all.",
	Status:    "Status", Type: "Type", Task: "Task", Directory: "Directory",
	Started: "Started", Ended: "Ended", Duration: "Duration", Checked: "Last checked",
	Principal: "Who", Target: "Account", AccessConfiguration: "Access configuration",
	Details: "Details", RequestID: "CloudSSO request", Formats: "For machines",
	JSON: "JSON", Text: "Text", Command: "Command line",

	CheckNow: "Check now", TryAgain: "Try again", RefreshEvery: "Reload by itself every %s",
	Refreshing: "This page reloads itself every %s.", StopRefreshing: "Stop reloading",
	Final: "Finished. No further updates.",

	Live: "This page updates by itself.", Pause: "Pause", Resume: "Resume", Paused: "Paused: nothing is being checked.",
	Notify: "Notify me when it ends", NotifyOn: "You will be notified when it ends",
	CopyLink: "Copy link", CopyReport: "Copy report", CopyReason: "Copy reason", Copied: "Copied", NotCopied: "Could not copy",
	Lost: "Not updated since %s.", RetryIn: "Trying again in %d s.", Stopped: "No longer checked: %s.",
	Idle: "No longer checked: nothing had changed for 30 minutes.", KeepChecking: "Keep checking",

	Tasks: "%d tasks", CountFailed: "%d failed", CountInProgress: "%d in progress", CountUnknown: "%d unknown", CountSuccess: "%d succeeded",
	Progress: "%d of %d ended", NotLookedUp: "Not looked up",

	RecentCount: "%d tasks in the last %s", RecentOne: "1 task in the last %s", RecentNone: "No tasks in the last %s",
	Day: "24 hours", Days: "%d days", Period: "Period", All: "All",
	NoneFound: "CloudSSO lists no such task.", WatchOpen: "Watch those in progress", FirstPage: "First page", NextPage: "Next page",

	WhatToDo: "What to do", ProblemRequestID: "Request",

	SignIn: "Sign in", SignInFirst: "Sign in to see this", SignInNeeded: "signing in is needed", Token: "Access token",
	SignInNote:  "Whoever runs this function hands out tokens. This browser then stays signed in for 12 hours. Links in chat messages open their tasks for 7 days without signing in.",
	LinkEnded:   "This link no longer opens its tasks. Ask the bot again for a new one, or sign in.",
	LinkedUntil: "Opened by a link, until %s",
	WrongToken:  "That token is not known here. Compare it with the one you were given.",
	SignedInAs:  "Signed in as %s", SignOut: "Sign out", GoOn: "Go on",
}

// Chinese is the catalogue in Simplified Chinese.
var Chinese = Words{
	Lang: "zh-CN", Other: "English", OtherLang: "en",

	Colon: "：", Comma: "，", Site: "云 SSO 任务状态", SkipToContent: "跳到正文",
	LookUp: "查询其他任务", RecentTasks: "最近的任务",

	Reason: "失败原因", ReasonNote: "云 SSO 返回的原文", Guess: "可能的原因（仅供参考）",
	ReasonCut: "后面还有 %d 个字符，完整内容见 JSON。",
	Status:    "状态", Type: "类型", Task: "任务", Directory: "目录",
	Started: "开始时间", Ended: "结束时间", Duration: "用时", Checked: "上次查询",
	Principal: "授权对象", Target: "账号", AccessConfiguration: "访问配置",
	Details: "详细信息", RequestID: "云 SSO 请求 ID", Formats: "其他格式",
	JSON: "JSON", Text: "文本", Command: "命令行",

	CheckNow: "立即查询", TryAgain: "重试", RefreshEvery: "每 %s自动刷新",
	Refreshing: "本页每 %s自动刷新。", StopRefreshing: "停止自动刷新",
	Final: "已结束，状态不再更新。",

	Live: "本页自动更新。", Pause: "暂停", Resume: "继续", Paused: "已暂停，不再查询。",
	Notify: "结束时通知我", NotifyOn: "结束时将通知您",
	CopyLink: "复制链接", CopyReport: "复制报告", CopyReason: "复制原因", Copied: "已复制", NotCopied: "复制失败",
	Lost: "自 %s 起未更新。", RetryIn: "%d 秒后重试。", Stopped: "已停止查询：%s。",
	Idle: "30 分钟内没有变化，已停止查询。", KeepChecking: "继续查询",

	Tasks: "共 %d 个任务", CountFailed: "%d 个失败", CountInProgress: "%d 个执行中", CountUnknown: "%d 个未知", CountSuccess: "%d 个成功",
	Progress: "已结束 %d/%d", NotLookedUp: "未能查询",

	RecentCount: "最近 %[2]s内有 %[1]d 个任务", RecentOne: "最近 %s内有 1 个任务", RecentNone: "最近 %s内没有任务",
	Day: "24 小时", Days: "%d 天", Period: "时间范围", All: "全部",
	NoneFound: "云 SSO 没有列出符合条件的任务。", WatchOpen: "关注执行中的任务", FirstPage: "首页", NextPage: "下一页",

	WhatToDo: "如何处理", ProblemRequestID: "请求 ID",

	SignIn: "登录", SignInFirst: "请先登录", SignInNeeded: "需要登录", Token: "访问令牌",
	SignInNote:  "访问令牌由本函数的管理员发放。登录后，此浏览器在 12 小时内无需再次登录。聊天消息中的链接在 7 天内无需登录即可打开对应的任务。",
	LinkEnded:   "此链接已失效。请在聊天中重新查询以获取新链接，或登录后查看。",
	LinkedUntil: "通过链接打开，有效期至 %s",
	WrongToken:  "令牌不正确，请与收到的令牌核对。",
	SignedInAs:  "已登录：%s", SignOut: "退出登录", GoOn: "继续",
}
