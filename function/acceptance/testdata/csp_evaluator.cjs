'use strict';
// Says what Google's CSP Evaluator finds in policies: for each, its findings.
const { CspEvaluator } = require('csp_evaluator');
const { CspParser } = require('csp_evaluator/dist/parser');
const { Severity, Type } = require('csp_evaluator/dist/finding');

const policies = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(policies.map((policy) => new CspEvaluator(new CspParser(policy).csp).evaluate().map((finding) => ({
  type: Type[finding.type],
  severity: Severity[finding.severity],
  directive: finding.directive,
  value: finding.value ?? '',
  description: finding.description,
})))));
