// Says what the MDN HTTP Observatory makes of pages, each given without "https://".
import { readFileSync } from 'node:fs';
import { scan } from '@mdn/mdn-http-observatory';

const reports = [];
for (const page of JSON.parse(readFileSync(0, 'utf8'))) {
  const { scan: { grade, score, statusCode }, tests } = await scan(page);
  reports.push({
    grade, score, status: statusCode,
    failed: Object.entries(tests).filter(([, test]) => !test.pass).map(([name, test]) => `${name}: ${test.result}`),
  });
}
console.log(JSON.stringify(reports));
