// The packed node in n8n itself, on servicenow-http.wasm and a simulator: `node test/execute.mjs PACKAGE.tgz`.
//
// N8N is the folder that n8n is installed in, WASMTIME the program that serves COMPONENT, HOST_TEST that of the simulator.
// Nothing but loopback is asked: n8n's own questions to its makers are switched off.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const packed = resolve(process.argv[2]);
const { N8N, WASMTIME, COMPONENT, HOST_TEST } = process.env;
const TYPE = 'n8n-nodes-servicenow-incidents.serviceNowIncidents';
const CREDENTIAL = 'serviceNowIncidentsApi';
const CREATE = [
	...['incident-created', 'invalid-data', 'invalid-choice', 'bad-request', 'not-found'],
	...['create-incident-failure', 'timeout', 'error'],
];

/** A server that does not answer by then will not. */
const STARTS_WITHIN_MS = 60_000;

const home = mkdtempSync(join(tmpdir(), 'servicenow-n8n-'));
const elsewhere = mkdtempSync(join(tmpdir(), 'servicenow-n8n-'));
const token = randomBytes(16).toString('hex');
const OFF = [
	...['DIAGNOSTICS_ENABLED', 'VERSION_NOTIFICATIONS_ENABLED', 'VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED'],
	...['DYNAMIC_BANNERS_ENABLED', 'TEMPLATES_ENABLED', 'HIRING_BANNER_ENABLED', 'PERSONALIZATION_ENABLED', 'AI_ENABLED'],
	...['VERIFIED_PACKAGES_ENABLED', 'REINSTALL_MISSING_PACKAGES', 'LICENSE_AUTO_RENEW_ENABLED'],
];
const environment = {
	...process.env,
	...Object.fromEntries(OFF.map((name) => [`N8N_${name}`, 'false'])),
	HOME: home,
	N8N_USER_FOLDER: home,
	N8N_ENCRYPTION_KEY: randomBytes(24).toString('hex'),
	N8N_DISABLED_MODULES:
		'mcp-registry,mcp,instance-ai,agents,chat-hub,insights,quick-connect,workflow-builder,oauth-server',
	EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'all',
	// What an execution prints goes through the log.
	N8N_LOG_LEVEL: 'info',
	NO_COLOR: '1',
};
/** An execution is printed with all records that it holds, twice. */
const MAX_PRINTED = 64 * 1024 * 1024;

const running = [];

function n8n(...args) {
	const program = join(N8N, 'node_modules/n8n/bin/n8n');
	return execFileSync(process.execPath, [program, ...args], { env: environment, encoding: 'utf8', cwd: home, maxBuffer: MAX_PRINTED });
}

/** Has n8n import something from a file, which is gone afterwards. */
function imported(what, content) {
	const file = join(elsewhere, 'import.json');
	writeFileSync(file, JSON.stringify(content));
	n8n(`import:${what}`, `--input=${file}`);
	rmSync(file);
}

/** A program that runs until the end. */
function started(program, args, env = {}) {
	const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
	running.push(child);
	return child;
}

async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	return port;
}

async function simulator() {
	const child = started(HOST_TEST, ['simulator']);
	const [line] = await once(createInterface({ input: child.stdout }), 'line');
	return JSON.parse(line);
}

/** The server component, once it answers. */
async function server({ base_url, client_id, client_secret }) {
	const url = `http://127.0.0.1:${await freePort()}`;
	const given = {
		SIDECAR_TOKEN: token,
		SERVICENOW_MAIN_INSTANCE: base_url,
		SERVICENOW_MAIN_CLIENT_ID: client_id,
		SERVICENOW_MAIN_CLIENT_SECRET: client_secret,
	};
	const names = Object.keys(given).flatMap((name) => ['--env', name]);
	started(WASMTIME, ['serve', '-Scli', '-Wtimeout=65s', '--addr', url.slice(7), ...names, COMPONENT], given);
	for (const began = performance.now(); performance.now() - began < STARTS_WITHIN_MS; ) {
		const answer = await fetch(`${url}/health`).catch(() => undefined);
		if (answer?.ok) return url;
		await new Promise((resolve) => setImmediate(resolve));
	}
	throw new Error(`${WASMTIME} does not serve ${COMPONENT}: what it said is above`);
}

/** A workflow whose items the node takes one by one. */
function workflow(id, items, parameters, more = {}) {
	const node = (name, type, typeVersion, more) => ({ id: name, name, type, typeVersion, position: [0, 0], ...more });
	const main = (...names) => ({ main: names.map((name) => [{ node: name, type: 'main', index: 0 }]) });
	const credentials = { [CREDENTIAL]: { id: 'server', name: 'server' } };
	return {
		...{ id, name: id, active: false, versionId: id, settings: { executionOrder: 'v1' } },
		nodes: [
			node('Start', 'n8n-nodes-base.manualTrigger', 1, { parameters: {} }),
			node('Items', 'n8n-nodes-base.set', 3.4, { parameters: { mode: 'raw', jsonOutput: JSON.stringify({ items }) } }),
			node('Split', 'n8n-nodes-base.splitOut', 1, { parameters: { fieldToSplitOut: 'items' } }),
			node('ServiceNow', TYPE, 1, { parameters: { authorization: 'main', ...parameters }, credentials, ...more }),
		],
		connections: { Start: main('Items'), Items: main('Split'), Split: main('ServiceNow') },
	};
}

/** Runs a workflow: the items of each output of the node. */
function outputs(id) {
	const printed = n8n('execute', `--id=${id}`, '--rawOutput');
	const { data } = JSON.parse(printed.slice(printed.search(/^\{/m)));
	return data.resultData.runData.ServiceNow[0].data.main;
}

async function main() {
	const access = await simulator();
	const baseUrl = await server(access);
	const nodes = join(home, '.n8n/nodes');
	mkdirSync(nodes, { recursive: true });
	writeFileSync(join(nodes, 'package.json'), '{"name":"installed-nodes","private":true}');
	const install = ['install', '--offline', '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund', packed];
	execFileSync('npm', install, { cwd: nodes, stdio: 'inherit' });

	const instance = access.base_url;
	const body = { short_description: 'Printer on fire' };
	const items = [
		{ body, key: 'alert-1' },
		{ body, key: 'alert-1' },
		{ body: { state: '6' }, key: 'alert-2' },
		{ body: {}, key: 'alert-3' },
	];
	const create = {
		...{ operation: 'create', instance, request_body_as: 'json', request_body: '={{ JSON.stringify($json.body) }}' },
		options: { correlation_id: '={{ $json.key }}' },
	};
	const rows = { request_body_as: 'fields', request_fields: { column: [{ name: 'urgency', value: '1' }] } };
	const fields = { operation: 'create', instance, ...rows };
	const get = { operation: 'get', instance, value: '={{ $json.number }}' };
	const missing = [{ number: 'INC9999999' }, { number: 'INC1^ORactive=true' }];
	const columns = [{ name: 'short_description', value: 'By number' }, { name: 'urgency', value: '={{ $json.urgency }}' }];
	const goesOn = { onError: 'continueRegularOutput' };
	imported('workflow', [
		workflow('create', items, create),
		workflow('fields', [{}], fields),
		workflow('get', missing, get),
		workflow('numbers', [{ urgency: 2, key: 4711 }, { key: 4712 }], {
			...{ operation: 'create', instance, request_body_as: 'fields', request_fields: { column: columns } },
			options: { correlation_id: '={{ $json.key }}' },
		}),
		workflow('twice', [{}], { ...create, request_body: '{"urgency":"1","urgency":"3"}', options: {} }),
		workflow('everything', [{}], { operation: 'find', instance, query: '', limit: 50 }),
		workflow('keyless', [{ key: 'alert-9' }, {}], { ...create, request_body: '{"urgency":"2"}' }, goesOn),
		workflow('elsewhere', [{}], { ...fields, instance: 'dev99999' }),
	]);
	imported('credentials', [{ id: 'server', name: 'server', type: CREDENTIAL, data: { baseUrl, token } }]);

	const began = performance.now();
	const created = outputs('create');
	const took = performance.now() - began;
	const left = (ends) => ends.map((items) => (items ?? []).map(({ json, pairedItem }) => [json.outcome, pairedItem.item]));
	assert.equal(created.length, CREATE.length);
	assert.deepEqual(left(created)[0], [
		['incident-created', 0],
		['incident-created', 1],
	]);
	const [first, second] = created[0].map(({ json }) => json.value);
	assert.deepEqual([first.made, second.made, second.number], ['created', 'found', first.number]);
	assert.deepEqual(left(created)[CREATE.indexOf('create-incident-failure')], [['create-incident-failure', 2]]);
	assert.deepEqual(left(created)[CREATE.indexOf('invalid-data')], [['invalid-data', 3]]);
	assert.deepEqual(left(outputs('fields'))[0], [['incident-created', 0]]);
	assert.deepEqual(left(outputs('get')).flat(), [
		['invalid-data', 1],
		['incident-not-found', 0],
	]);
	assert.deepEqual(left(outputs('elsewhere'))[CREATE.indexOf('error')], [['error', 0]]);

	const [numbers] = outputs('numbers');
	assert.deepEqual(numbers.map(({ json }) => json.value.correlation_id), ['4711', '4712']);
	assert.deepEqual(left(outputs('twice')).flat(), [['invalid-data', 0]]);
	const [[{ json: everything }]] = outputs('everything');
	assert.equal(everything.outcome, 'find-success', JSON.stringify(everything).slice(0, 500));
	const keyless = outputs('keyless');
	assert.deepEqual(left(keyless)[0], [['incident-created', 0]]);
	const [refused] = keyless[CREATE.indexOf('error')];
	assert.match(refused.json.error, /Correlation ID is empty for this item/);
	assert.equal(refused.pairedItem.item, 1);

	// The token is in n8n's store in its encrypted form alone.
	const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
	const texts = files
		.filter(({ parentPath }) => !parentPath.includes('node_modules'))
		.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'));
	assert.ok(texts.some((text) => text.includes('alert-1')), 'the store is where this looks');
	for (const secret of [token, access.client_secret]) assert.ok(!texts.some((text) => text.includes(secret)));
	const { version } = JSON.parse(readFileSync(join(N8N, 'node_modules/n8n/package.json'), 'utf8'));
	console.log(`n8n ${version}: workflows of every kind, each item at the output of its outcome; ${Math.round(took)} ms with its start`);
}

try {
	await main();
} finally {
	running.forEach((child) => child.kill());
	for (const folder of [home, elsewhere]) rmSync(folder, { recursive: true, force: true });
}
