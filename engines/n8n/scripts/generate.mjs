// Writes the properties of the node and the outcomes of its methods, from the manifest that `host-test package` writes.
// What n8n's linter wants of texts is made here: title case, ID, no full stop after a single sentence.
import { readFileSync, writeFileSync } from 'node:fs';

const FROM = `${process.env.SERVICENOW_DIST ?? '../../dist'}/manifest.json`;
const TO = 'nodes/ServiceNowIncidents/generated.ts';
const manifest = JSON.parse(readFileSync(FROM, 'utf8'));

const title = (text) =>
	text
		.replace(/([a-z])Id$/, '$1 Id')
		.replace(/[-_]/g, ' ')
		.split(' ')
		.map((word) => (/^id$/i.test(word) ? 'ID' : word.charAt(0).toUpperCase() + word.slice(1)))
		.join(' ');
const sentence = (text) => text.charAt(0) + text.slice(1).toLowerCase();
/** One sentence goes without its full stop; several keep it. */
const describe = (text) => {
	const bare = text.replace(/\bids?\b/g, (id) => (id === 'id' ? 'ID' : 'IDs')).replace(/\.$/, '');
	return /[.!?] /.test(bare) ? `${bare}.` : bare;
};
const whether = (text) => {
	const bare = describe(text);
	return /^Whether/.test(bare) ? bare : `Whether ${bare.charAt(0).toLowerCase()}${bare.slice(1)}`;
};
const byName = (a, b) => a.name.localeCompare(b.name, 'en');

const TYPES = { text: 'string', number: 'number', boolean: 'boolean', json: 'json' };

function property(input) {
	const base = { displayName: title(input.label), name: input.name };
	const description = describe(input.description);
	if (input.choices.length > 0) {
		const options = input.choices.map((value) => ({ name: title(value), value })).sort(byName);
		return { ...base, type: 'options', options, default: input.default_value ?? input.choices[0], description };
	}
	// A type that is not known is text.
	const type = TYPES[input.value_type] ?? 'string';
	const given = input.default_value;
	switch (type) {
		case 'boolean':
			return { ...base, type, default: given === 'true', description: whether(input.description) };
		case 'number':
			// The linter insists on 50 where a property is called limit.
			return {
				...base,
				type,
				...(input.name === 'limit' ? { typeOptions: { minValue: 1 }, default: 50, description: 'Max number of results to return' }
					: { default: Number(given ?? 0), description }),
			};
		case 'json':
			return { ...base, type, default: given ?? '{}', description, placeholder: input.example };
		default:
			return { ...base, type, default: given ?? '', description, placeholder: `e.g. ${input.example}` };
	}
}

/** The columns one by one, their names read from the instance. */
const columns = (input) => [
	{
		displayName: 'Columns As',
		name: 'request_body_as',
		type: 'options',
		options: [
			{ name: 'Fields', value: 'fields' },
			{ name: 'JSON', value: 'json' },
		],
		default: 'json',
		description: 'How the columns are given',
	},
	{ ...property(input), required: true, also: { request_body_as: ['json'] } },
	{
		displayName: 'Columns',
		name: 'request_fields',
		type: 'fixedCollection',
		typeOptions: { multipleValues: true },
		placeholder: 'Add Column',
		default: {},
		description: 'The columns to write. One without a value for an item is left out.',
		also: { request_body_as: ['fields'] },
		options: [
			{
				displayName: 'Column',
				name: 'column',
				values: [
					{
						displayName: 'Column Name or ID',
						name: 'name',
						type: 'options',
						typeOptions: { loadOptionsMethod: 'getColumns', loadOptionsDependsOn: ['authorization', 'instance'] },
						default: '',
						description:
							'Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
					},
					{ displayName: 'Value', name: 'value', type: 'string', default: '', description: 'The value to write' },
				],
			},
		],
	},
];

/** Properties of one text that several methods have are one property, shown for all of them. */
const shown = new Map();
function show(method, made) {
	const { also = {}, ...rest } = made;
	const key = JSON.stringify([rest, also]);
	if (!shown.has(key)) shown.set(key, { rest, also, operations: [] });
	shown.get(key).operations.push(method.name);
}
for (const method of manifest.methods) {
	for (const input of method.inputs.filter((input) => input.required)) {
		if (input.name === 'request_body') columns(input).forEach((made) => show(method, made));
		// n8n refuses an empty text where one is required; an empty query is every incident.
		else show(method, { ...property(input), ...(input.name === 'query' ? {} : { required: true }) });
	}
	const optional = method.inputs.filter((input) => !input.required).map(property);
	if (optional.length > 0) {
		optional.sort((a, b) => a.displayName.localeCompare(b.displayName, 'en'));
		show(method, { displayName: 'Options', name: 'options', type: 'collection', placeholder: 'Add option', default: {}, options: optional });
	}
}

const operation = {
	displayName: 'Operation',
	name: 'operation',
	type: 'options',
	noDataExpression: true,
	options: manifest.methods
		.map((method) => ({
			name: title(method.title),
			value: method.name,
			description: describe(method.description),
			action: sentence(method.title),
		}))
		.sort(byName),
	default: manifest.methods[0].name,
};
const properties = [
	operation,
	...[...shown.values()].map(({ rest, also, operations }) => ({
		...rest,
		displayOptions: { show: { operation: operations, ...also } },
	})),
];
const outcomes = Object.fromEntries(
	manifest.methods.map((method) => [
		method.name,
		method.outcomes.map((outcome) => ({ case: outcome.case_name, edge: outcome.node_name, label: title(outcome.case_name) })),
	]),
);
const inputs = Object.fromEntries(
	manifest.methods.map((method) => [
		method.name,
		method.inputs.map(({ name, required, value_type }) => ({ name, required, type: value_type })),
	]),
);

/** JSON as a literal of TypeScript: bare keys, single quotes. */
const literal = (value, depth = 0) => {
	const pad = '\t'.repeat(depth + 1);
	const end = '\t'.repeat(depth);
	if (Array.isArray(value)) {
		if (value.every((item) => typeof item === 'string')) return `[${value.map((item) => literal(item)).join(', ')}]`;
		return `[\n${value.map((item) => `${pad}${literal(item, depth + 1)},\n`).join('')}${end}]`;
	}
	if (value && typeof value === 'object') {
		const entries = Object.entries(value);
		if (entries.length === 0) return '{}';
		return `{\n${entries.map(([key, item]) => `${pad}${key}: ${literal(item, depth + 1)},\n`).join('')}${end}}`;
	}
	if (typeof value === 'string') return `'${JSON.stringify(value).slice(1, -1).replace(/\\"/g, '"').replace(/'/g, "\\'")}'`;
	return JSON.stringify(value);
};
writeFileSync(
	TO,
	`// Made by scripts/generate.mjs from the manifest: change that.
import type { INodeProperties } from 'n8n-workflow';

export interface Outcome {
	case: string;
	edge: string;
	label: string;
}

export interface Input {
	name: string;
	required: boolean;
	type: string;
}

export const outcomes: Record<string, Outcome[]> = ${literal(outcomes)};

export const inputs: Record<string, Input[]> = ${literal(inputs)};

export const properties: INodeProperties[] = ${literal(properties)};
`,
);
