package task

import "strings"

// Hint guesses what usually causes a failure reason like this one, and what to
// do about it. Only one reason text is published ("No Permission."), so the
// guess goes by loose keywords and is to be shown as a guess. ok is false
// where there is none.
func Hint(failureReason string) (hint Text, ok bool) {
	reason := strings.ToLower(failureReason)
	for i := range hints {
		for _, keyword := range hints[i].keywords {
			if strings.Contains(reason, keyword) {
				return hints[i].text, true
			}
		}
	}
	return Text{}, false
}

// hints is in order of precedence: "not exist" before "exist".
var hints = [...]struct {
	keywords []string
	text     Text
}{
	{[]string{"not exist", "notexist", "not found", "notfound", "不存在"}, Text{
		"The user, group, account, policy or access configuration may have been deleted meanwhile. Check that each still exists, then try again.",
		"用户、用户组、账号、权限策略或访问配置可能已被删除。请确认它们仍然存在后重试。",
	}},
	{[]string{"permission", "denied", "forbidden", "unauthorized", "not authorized", "无权", "没有权限", "权限不足"}, Text{
		"The service-linked role AliyunServiceRoleForCloudSSO may be missing in the account, or a control policy of the resource directory may deny it. Check both, then try again.",
		"目标账号中可能缺少服务关联角色 AliyunServiceRoleForCloudSSO，或者资源目录的管控策略拒绝了它。请检查后重试。",
	}},
	{[]string{"exceed", "limit", "quota", "too many", "超出", "超过", "配额"}, Text{
		"The account may have reached a RAM quota (roles, policies, identity providers), or the access configuration its limit of 20 policies. Remove what is not needed or raise the quota, then try again.",
		"目标账号可能已达到 RAM 配额（角色、权限策略、身份提供商），或者访问配置已达到 20 条策略的上限。请清理或提升配额后重试。",
	}},
	{[]string{"conflict", "in progress", "being processed", "冲突"}, Text{
		"Another task may be at work on the same account and access configuration. Wait until it has ended, then try again.",
		"可能有另一个任务正在处理同一账号和访问配置。请等待其结束后重试。",
	}},
	{[]string{"exist", "duplicate", "已存在"}, Text{
		"The access may be assigned already, or a role, policy or identity provider named AliyunReservedSSO-… may be left over in the account. Remove the leftover, then try again.",
		"该权限可能已经授予，或者目标账号中残留了名为 AliyunReservedSSO-… 的角色、权限策略或身份提供商。请清理后重试。",
	}},
	{[]string{"suspend", "disabled", "closed", "frozen", "overdue", "停用", "冻结", "欠费"}, Text{
		"The account may be suspended, closed or overdue. Restore it, then try again.",
		"目标账号可能已被冻结、关闭或欠费。请恢复账号后重试。",
	}},
}
