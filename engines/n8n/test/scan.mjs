// What n8n's scanner says of the sources and of the packed package: `node scan.mjs SOURCES PACKED`. Its own command takes packages
// that are published alone.
import { resolve } from 'node:path';
import { analyzePackage, SOURCE_FILE_PATTERNS } from '@n8n/scan-community-package/scanner/scanner.mjs';

const [sources, packed] = process.argv.slice(2).map((folder) => resolve(folder));
for (const [what, folder, patterns] of [
	['sources', sources, SOURCE_FILE_PATTERNS],
	['packed', packed, ['**/*.js', 'package.json']],
]) {
	const { passed, message, details } = await analyzePackage(folder, patterns);
	console.log(what, passed ? 'passed' : 'FAILED', message ?? '', details ?? '');
	if (!passed) process.exitCode = 1;
}
